"""Read data/raw/<dataset>/ and write data/splits/<benchmark>/train/ and test/."""

import sys
from pathlib import Path

from alpa.data.images import read_raw
from alpa.data.sources import RAW_FOLDER
from alpa.data.splits import count_shared, make_splits, write_split
from alpa.params import load_params
from pipeline import stage


@stage
def main(benchmark: str) -> None:
    """Split the data set of `benchmark` by its protocol and say how many test images are also training images."""
    config = load_params().benchmark(benchmark)
    raw = read_raw(config.dataset, RAW_FOLDER / config.dataset)
    train, test = make_splits(raw, config.protocol, config.split_seed, config.image_size)
    if shared := count_shared(train, test):
        total = len(test.images)
        print(f"{config.dataset}: {shared} of {total} test images also occur in the train split.", file=sys.stderr)
    for split in (train, test):
        write_split(Path("data/splits") / benchmark / split.part, split)


if __name__ == "__main__":
    main()
