"""What more of everything costs, in time and memory: `python -m performance.scaling`, four minutes on one core.

Along each axis, child processes with one thread do the same work on more and more of one thing, all else fixed, after
they have done the smallest once: imports and first calls are not timed. `exponent` is the slope of log seconds over
log size, by least squares: 1 is linear, below 1 more costs less apiece. `peak_mib` is what the system counts of a
child's resident memory (`ru_maxrss`). Data are generated as they are read. `--axes frames cells` measures only these,
and keeps the others' rows.
Results: performance/results/scaling.{csv,png}.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from alpa.config import TrainingConfig
from alpa.data.stored import Images
from alpa.detectors import build_detector
from alpa.detectors.autoencoder import AutoencoderConfig
from alpa.evaluation.video import frame_scores
from alpa.runtime import Runtime
from alpa.training.cells import Cell, CellStore, train_cells
from alpa.training.workers import Pool
from performance import timing
from performance.large_data import GeneratedImages
from performance.scoring import VIDEO, frame_detector, generated_clips

Run = Callable[[], object]
ONE_THREAD = Runtime()
REPEATS = 2


def train(key: str, images: Images, steps: int, batch_size: int) -> Run:
    """Return what fits a new detector."""
    training = TrainingConfig(steps=steps, batch_size=batch_size)
    return lambda: build_detector(key, images.shape[1:]).fit(images, training, ONE_THREAD)


def training_images(n: int) -> Run:
    """One epoch."""
    return train("alpa", GeneratedImages(n, 1), n // 128, 128)


def scored_images(n: int) -> Run:
    images = GeneratedImages(n, 1)
    detector = build_detector("autoencoder", images.shape[1:]).fit(images[:256], TrainingConfig(steps=2), ONE_THREAD)
    return lambda: detector.scores(images)


def cells(n: int) -> Run:
    """Each trained for a few steps, and stored, as the train stage does with one worker."""
    training, images = TrainingConfig(steps=16, batch_size=64), np.asarray(GeneratedImages(512, 1))
    grid = [Cell("autoencoder", "generated", seed, AutoencoderConfig(), training, images) for seed in range(n)]

    def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            train_cells(grid, ONE_THREAD, CellStore(Path(folder)), Pool(), facts={}, title="scaling")

    return run


def frames(n: int) -> Run:
    """Of one clip, scored by a predictor, as the evaluate stage does."""
    detector, split = frame_detector("alpa", generated_clips(64, clips=1), ONE_THREAD), generated_clips(n, clips=1)
    return lambda: frame_scores(detector, split, VIDEO)


def pixels(n: int) -> Run:
    """Of an image."""
    side = round(n**0.5)
    images = np.random.default_rng(0).integers(0, 256, (64, 1, side, side), dtype=np.uint8)
    return train("autoencoder", images, steps=16, batch_size=32)


def batch_size(n: int) -> Run:
    return train("autoencoder", GeneratedImages(1024, 1), steps=16, batch_size=n)


AXES: dict[str, tuple[Callable[[int], Run], Sequence[int]]] = {
    "training images": (training_images, (2048, 4096, 8192, 16384)),
    "scored images": (scored_images, (4096, 8192, 16384, 32768)),
    "cells": (cells, (2, 4, 8, 16)),
    "frames": (frames, (96, 192, 384)),
    "pixels": (pixels, (32**2, 64**2, 128**2)),
    "batch size": (batch_size, (16, 32, 64, 128, 256)),
}


def measure(axis: str, n: int) -> dict[str, float]:
    """Return the seconds that n of the axis take this process, the best of a few runs, and its peak of memory."""
    prepare, sizes = AXES[axis]
    seconds = []
    with ONE_THREAD.limited_threads():
        prepare(sizes[0])()  # the first call of everything is slower
        run = prepare(n)
        for _ in range(REPEATS):
            started = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - started)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # KiB on Linux
    return {"seconds": round(min(seconds), 4), "peak_mib": round(peak)}


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Return the p of seconds ~ sizes ** p, by least squares of the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--axes", nargs="+", choices=list(AXES), default=list(AXES), metavar="AXIS")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        axis, n = asked.measure
        print(json.dumps(measure(axis, int(n))))
        return
    command = (sys.executable, "-m", "performance.scaling", "--measure")
    rows = earlier(set(AXES) - set(asked.axes))
    for axis in asked.axes:
        sizes = AXES[axis][1]
        points = [timing.call(*command, axis, str(n)) for n in sizes]
        fitted = round(exponent(sizes, [point["seconds"] for point in points]), 3)
        rows += [{"axis": axis, "n": n, **point, "exponent": fitted} for n, point in zip(sizes, points, strict=True)]
    rows.sort(key=lambda row: list(AXES).index(row["axis"]))
    draw(timing.write("scaling", rows))


def earlier(axes: Collection[str]) -> list[dict[str, Any]]:
    """Return the rows of these axes that an earlier run has left."""
    path = timing.RESULTS / "scaling.csv"
    if not path.exists():
        return []
    table = pd.read_csv(path)
    return table[table["axis"].isin(axes)].to_dict("records")


def draw(table: pd.DataFrame) -> None:
    """Draw the seconds of every axis over its sizes, both relative to the smallest."""
    curves = {
        f"{axis}: {part['exponent'].iloc[0]:.2f}": tuple(part[name] / part[name].iloc[0] for name in ("n", "seconds"))
        for axis, part in table.groupby("axis", sort=False)
    }
    title = "Seconds by size, and the exponents fitted"
    timing.lines("scaling", curves, title, "times the smallest size", "times its seconds")


if __name__ == "__main__":
    main()
