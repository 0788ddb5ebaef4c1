"""The cells of a data set by one worker, two, and a Dask cluster: `python -m performance.workers`.

Every way trains the same cells on generated images, beginning with the start of its processes, but for the cluster's,
which are there; the ways take turns.
Written to performance/results/workers.{csv,png}, with the time relative to one worker with one thread, and whether the
files that came back are the same, byte for byte. `--rounds`, `--cells` and `--steps` are options.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from alpa.config import TrainingConfig
from performance.timing import bars, call, in_turn, ratio, write

CORES = 2
ONE = "1 worker, 1 thread"
WAYS = {
    ONE: (1, 1, False),
    "1 worker, 2 threads": (1, 2, False),
    "2 workers, 1 thread each": (2, 1, False),
    "2 Dask workers, 1 thread each": (2, 1, True),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cells", type=int, default=10)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--way", help=argparse.SUPPRESS)
    parser.add_argument("--scheduler", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        print(json.dumps(train(arguments.way, arguments.cells, arguments.steps, arguments.scheduler)))
        return
    digests: dict[str, str] = {}
    with dask_workers() as scheduler:
        measure("2 Dask workers, 1 thread each", 2, 2, scheduler, digests)  # a cluster has been up for a while
        runs = {way: partial(measure, way, arguments.cells, arguments.steps, scheduler, digests) for way in WAYS}
        values = in_turn(runs, arguments.rounds)
    rows = [
        {
            "way": way,
            "cells": arguments.cells,
            "seconds": round(median(values[way]), 1),
            "to_one_worker": round(ratio(values, way, ONE), 3),
            # Threads change how sums are rounded, and so belong to a cell's key; workers do not.
            "same_bytes": digests[way] == digests[ONE],
        }
        for way in WAYS
    ]
    table = write("workers", rows)
    bars("workers", table["way"], table["seconds"], f"Training {arguments.cells} cells", "seconds")


def measure(way: str, cells: int, steps: int, scheduler: str, digests: dict[str, str]) -> float:
    """Train in a new process; return its seconds, from before it started."""
    started = time.perf_counter()
    command = (sys.executable, "-m", "performance.workers", "--way", way, "--scheduler", scheduler)
    digests[way] = call(*command, "--cells", str(cells), "--steps", str(steps))
    return time.perf_counter() - started


def train(way: str, n_cells: int, steps: int, scheduler: str) -> str:
    """Train the cells in one way and return a digest of all their files."""
    from alpa.config import RuntimeConfig
    from alpa.data.stored import digest
    from alpa.detectors.alpa import ALPAConfig
    from alpa.training.cells import Cell, CellStore, train_cells
    from alpa.training.workers import open_pool

    workers, threads, on_dask = WAYS[way]
    where = {"scheduler": scheduler} if on_dask else {"workers": workers}
    runtime, pool = open_pool(RuntimeConfig(device="cpu", threads_per_cell=threads, **where))
    images = np.random.default_rng(0).integers(0, 256, (2000, 1, 32, 32), dtype=np.uint8)
    training = TrainingConfig(steps=steps)
    cells = [Cell("alpa", f"class{place}", 0, ALPAConfig(), training, images) for place in range(n_cells)]
    with tempfile.TemporaryDirectory() as folder:
        trained = train_cells(cells, runtime, CellStore(Path(folder)), pool, {}, way)
    models = [files["model.safetensors"] for _, files in sorted(trained.items())]
    return digest(*(np.frombuffer(model, np.uint8) for model in models))


@contextmanager
def dask_workers() -> Iterator[str]:
    """Start a scheduler and two workers on this machine, open to it alone, and give the scheduler's address."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=CORES, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
    ) as cluster:
        yield cluster.scheduler_address


if __name__ == "__main__":
    main()
