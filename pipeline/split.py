"""Read data/raw/<dataset>/ and write data/splits/<benchmark>/train/ and test/."""

import sys
from pathlib import Path

from alpa.data.datasets import read_clips, read_images
from alpa.data.protocols import find_protocol
from alpa.data.splits import count_shared, make_splits, write_split
from alpa.params import load_params
from pipeline import stage
from pipeline.alone import alone


@stage
@alone
def main(benchmark: str) -> None:
    """Split the data set of `benchmark` by its protocol and say how many test images are also training images."""
    params = load_params()
    config = params.benchmark(benchmark)
    folder = Path("data/splits") / benchmark
    if find_protocol(config.protocol).make_splits is None:
        from alpa.data.clip_splits import write_clip_splits

        clips = read_clips(config.dataset, config.protocol)
        train, test = write_clip_splits(folder, config.dataset, config.protocol, clips, config.frame_size)
        print(f"{config.dataset}: {len(clips)} clips, {train} frames to train on and {test} to test; none is dropped.")
        return
    raw = read_images(config.dataset, config.image_side)
    splits = make_splits(raw, config.protocol, config.split_seed)
    if shared := count_shared(*splits):
        total = len(splits[1].images)
        print(f"{config.dataset}: {shared} of {total} test images also occur in the train split.", file=sys.stderr)
    for split in splits:
        write_split(folder / split.part, split)


if __name__ == "__main__":
    main()
