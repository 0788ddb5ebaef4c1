"""How much memory it takes to train on and to score more and more images: `python -m performance.large_data`.

Each size is a split on disk, generated piece by piece in a temporary folder. Child processes train an autoencoder on it
and score all its images; their peak of resident memory is what the system counts (`ru_maxrss`). The table is printed
and written to performance/results/large_data.csv; `--sizes 10000 100000`, `--channels 3` and `--steps 200` are options.
"""

import argparse
import importlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from alpa.data.splits import STILL_IMAGE, Split, load_split, write_split
from alpa.data.stored import LazyImages, digest

RESULTS = Path(__file__).parent / "results" / "large_data.csv"
SIDE = 32
PATTERNS, NOISES = 1021, 1031  # how many there are: two primes, so that every pair comes before one comes again
CELL_FILES = ("model.safetensors", "detector.json")
COLUMNS = ("images", "channels", "part", "peak_mib", "seconds")


class GeneratedImages(LazyImages):
    """Images, uint8 (n, channels, 32, 32): each a smooth pattern under noise, and no two of a million are alike."""

    def __init__(self, n: int, channels: int) -> None:
        super().__init__(np.arange(n), (channels, SIDE, SIDE))
        rng = np.random.default_rng(0)
        coarse = rng.integers(32, 224, (PATTERNS, channels, 4, 4), dtype=np.uint8)
        self.patterns = coarse.repeat(SIDE // 4, axis=2).repeat(SIDE // 4, axis=3)
        self.noises = rng.integers(0, 32, (NOISES, *self.image_shape), dtype=np.uint8)

    def _read(self, rows: np.ndarray) -> np.ndarray:
        return self.patterns[rows % PATTERNS] + self.noises[rows % NOISES]


def write_generated_split(folder: Path, n: int, channels: int) -> None:
    """Write a train split of n images of one class."""
    images, labels, group = GeneratedImages(n, channels), np.zeros(n, np.int64), np.full(n, STILL_IMAGE, np.int64)
    split = Split(
        images=images,
        labels=labels,
        group=group,
        class_names=("generated",),
        image_shape=(channels, SIDE, SIDE),
        dataset="generated",
        protocol="one_vs_rest",
        part="train",
        digest=digest(images, labels, group),
        targets=("generated",),
    )
    write_split(folder, split)


def libraries(folder: Path, steps: int) -> None:
    """Import what the other parts use, and no more."""
    importlib.import_module("alpa.training.cells")


def train(folder: Path, steps: int) -> None:
    """Check the split, fit an autoencoder with default settings as a pipeline's cell, and keep its model."""
    from alpa.config import TrainingConfig
    from alpa.detectors.autoencoder import AutoencoderConfig
    from alpa.runtime import Runtime
    from alpa.training.cells import Cell, fit_cell

    images = load_split(folder).images
    cell = Cell("autoencoder", "generated", 0, AutoencoderConfig(), TrainingConfig(steps=steps), images)
    files, _ = fit_cell(cell, cell.key(Runtime()), Runtime())
    for name in CELL_FILES:
        (folder / name).write_bytes(files[name])


def score(folder: Path, steps: int) -> None:
    """Check the split and score all its images."""
    from alpa.detectors import load_detector
    from alpa.runtime import Runtime

    detector = load_detector(folder)
    with Runtime().limited_threads():
        detector.scores(load_split(folder).images)


PARTS = {function.__name__: function for function in (libraries, train, score)}


def measure(part: str, folder: Path, steps: int) -> dict[str, float]:
    """Run a part in a process of its own and return its peak of resident memory, in MiB, and its seconds."""
    options = [f"--part={part}", f"--folder={folder}", f"--steps={steps}"]
    command = [sys.executable, "-m", "performance.large_data", *options]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def run_part(part: str, folder: Path, steps: int) -> None:
    """Run a part in this process and say what it took."""
    started = time.monotonic()
    PARTS[part](folder, steps)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # KiB on Linux
    print(json.dumps({"peak_mib": round(peak), "seconds": round(time.monotonic() - started, 1)}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--channels", type=int, default=1)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.part:
        run_part(asked.part, asked.folder, asked.steps)
        return
    lines = [",".join(COLUMNS)]
    print("{:>10} {:>9} {:>10} {:>9} {:>9}".format(*COLUMNS))
    for n in asked.sizes:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "train"
            write_generated_split(folder, n, asked.channels)
            for part in PARTS:
                row = {"images": n, "channels": asked.channels, "part": part}
                row |= measure(part, folder, asked.steps)
                print("{:>10} {:>9} {:>10} {:>9} {:>9}".format(*row.values()), flush=True)
                lines.append(",".join(map(str, row.values())))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
