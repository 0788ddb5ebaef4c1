"""Read data/raw/<dataset>/ and write data/splits/<benchmark>/train/ and test/."""

import sys
from pathlib import Path

from alpa.data.datasets import read_clips, read_images
from alpa.data.protocols import find_protocol
from alpa.data.splits import make_splits, write_split
from alpa.params import load_params
from alpa.runs import read_json
from pipeline import stage
from pipeline.alone import alone


@stage
@alone
def main(benchmark: str) -> None:
    """Split the data set of `benchmark` by its protocol and say how many test samples are also training samples."""
    params = load_params()
    config = params.benchmark(benchmark)
    folder = Path("data/splits") / benchmark
    if find_protocol(config.protocol).make_splits is None:
        from alpa.data.clip_splits import write_clip_splits

        clips = read_clips(config.dataset, config.protocol)
        train, test = write_clip_splits(folder, config.dataset, config.protocol, clips, config.frame_size)
        print(f"{config.dataset}: {len(clips)} clips, {train} frames to train on and {test} to test; none is dropped.")
    else:
        raw = read_images(config.dataset, config.image_side)
        for split in make_splits(raw, config.protocol, config.split_seed):
            write_split(folder / split.part, split)
    facts = read_json(folder / "test" / "split.json")
    if facts["shared"]:
        kind = "frames" if facts["clips"] else "images"
        problem = f"{facts['shared']} of {facts['n']} test {kind} also occur in the train split"
        print(f"{config.dataset}: {problem}.", file=sys.stderr)


if __name__ == "__main__":
    main()
