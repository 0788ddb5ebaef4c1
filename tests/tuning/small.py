"""A project so small that its real studies take seconds: ten classes of random 8x8 digits, and few steps.

As a command, in such a project's folder, it goes on with a real study and says every class that a trial finished.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from alpa.config import fill
from alpa.data.images import to_square
from alpa.data.raw import UNDECIDED, RawImages
from alpa.data.sources import SOURCES
from alpa.data.splits import make_splits, write_split
from alpa.params import Params
from alpa.training.cells import CellStore
from alpa.tuning.finished import Aurocs, Finished
from alpa.tuning.prepare import prepare
from alpa.tuning.study import run_study

NAMES = tuple("0123456789")
SPLIT = Path("data/splits/small/train")
JOURNAL = Path("studies/small-autoencoder.journal")
TRIALS = 3
TUNING = {
    "training": {"steps": 2},
    "classes": ["4", "1"],
    "families": ["permuted", "warped"],
    "space": {"autoencoder": {"latent": {"low": 1, "high": 8}}},
}


def write_small_split(seed: int = 0) -> None:
    """Write the train split of 300 images into the project's folder; there is no test split.

    They are random but for a bright corner, which tells how they are turned and mirrored.
    """
    images = np.random.default_rng(seed).integers(0, 8, (300, 8, 8), dtype=np.uint8)
    images[:, :4, :2] += 9
    part = np.full(300, UNDECIDED, np.int8)
    raw = RawImages("digits", NAMES, to_square(images, 32, SOURCES["digits"]), np.arange(300) % 10, part)
    train, _ = make_splits(raw, "one_vs_rest", seed=0)
    write_split(SPLIT, train)


def small_params(tuning: dict[str, Any], detectors: dict[str, Any] | None = None, /, **benchmark: Any) -> Params:
    """Return parameters of one benchmark, where some of the tuning and of the benchmark may be overridden."""
    detectors = {"autoencoder": {"width": 4, "latent": 2}, "alpa": {"width": 4}, "knn": None} | (detectors or {})
    small = {"dataset": "digits", "protocol": "one_vs_rest", "seeds": [3, 1], "classes": ["1", "4", "7"], **benchmark}
    pipeline = {"default": "small", "datasets": ["digits"], "detectors": list(detectors)}
    values = {
        "pipeline": pipeline,
        "benchmarks": {"small": small},
        "detectors": detectors,
        "training": {"steps": 9, "batch_size": 8, "validation_fraction": 0.25},
        "tuning": TUNING | tuning,
        "runtime": {"device": "cpu", "precision": "fp32", "workers": 1},
        **{section: {} for section in ("video", "evaluation", "data")},
    }
    return fill(Params, values, "")


def run_small(say_classes: bool = False) -> list[Finished]:
    """Run the study of the autoencoder in the project's folder, or go on with it."""
    plan, trials = prepare(small_params({}), "small", "autoencoder", CellStore(Path("cells")))

    def saying(values: dict[str, Any]) -> Iterator[tuple[str, Aurocs]]:
        for name, found in trials.run(values):
            print(name, flush=True)
            yield name, found

    return run_study(JOURNAL, plan, saying if say_classes else trials.run, TRIALS, minutes=None)


if __name__ == "__main__":
    sys.exit(len(run_small(say_classes=True)))
