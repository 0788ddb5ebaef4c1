"""Read the train split and the tuned values, and write runs/models/<benchmark>/<detector>/, a folder per cell."""

import time
from pathlib import Path

from filelock import FileLock

from alpa.config import load_params
from alpa.evaluation.facts import git_state, hardware, versions
from alpa.files import whole_folder
from alpa.runtime import resolve
from alpa.tracking import sync
from alpa.training.cells import CellStore, train_cells
from alpa.training.grid import benchmark_cells, learns_by_steps, worker_count
from pipeline import stage

CACHE = Path(".cache")
WORTH_A_SYNC = 60.0  # seconds; importing mlflow takes some itself, and the report stage sends what is left


@stage
def main(benchmark: str, detector: str) -> None:
    started = time.monotonic()
    params = load_params()
    runtime = resolve(params.runtime)
    cells = benchmark_cells(params, benchmark, detector)
    facts = {"device": runtime.device, "precision": runtime.precision, "threads": runtime.threads}
    facts |= git_state() | {"versions": versions(), "hardware": hardware()}
    # Killing only dvc leaves a stage alive; a second run then waits for it instead of training the same cells.
    with FileLock(CACHE / "locks" / f"train-{benchmark}-{detector}.lock"):
        workers = worker_count(params.runtime, runtime, len(cells) if learns_by_steps(detector) else 1)
        title = f"train {detector} on {benchmark}"
        models = train_cells(cells, runtime, CellStore(CACHE / "cells"), workers, facts, title)
        with whole_folder(Path("runs/models") / benchmark / detector) as folder:
            for name, files in models.items():
                (folder / name).mkdir()
                for file, content in files.items():
                    (folder / name / file).write_bytes(content)
    if time.monotonic() - started > WORTH_A_SYNC:
        sync(benchmark)


if __name__ == "__main__":
    main()
