"""Read the train split and the tuned values, and write runs/models/<benchmark>/<detector>/, a folder per cell."""

import time
from pathlib import Path

from alpa.files import whole_folder
from alpa.params import load_params
from alpa.tracking import WORTH_A_SYNC, sync
from alpa.training.tuned import read_tuned
from pipeline import stage
from pipeline.alone import alone

CACHE = Path(".cache")


@stage
@alone
def main(benchmark: str, detector: str) -> None:
    started = time.monotonic()
    params = load_params()
    values = params.detector_section(benchmark, detector) | read_tuned(benchmark, detector)

    # Torch takes seconds to import, and what is wrong with the settings is said before.
    from alpa.evaluation.facts import environment
    from alpa.training.cells import CellStore, train_cells
    from alpa.training.grid import benchmark_cells, learns_by_steps
    from alpa.training.workers import open_pool

    runtime, pool = open_pool(params.runtime)
    cells = benchmark_cells(params, benchmark, detector, values)
    pool = pool.at_most(len(cells) if learns_by_steps(detector) else 1)
    title = f"train {detector} on {benchmark}"
    models = train_cells(cells, runtime, CellStore(CACHE / "cells"), pool, environment(runtime), title)
    with whole_folder(Path("runs/models") / benchmark / detector) as folder:
        for name, files in models.items():
            (folder / name).mkdir()
            for file, content in files.items():
                (folder / name / file).write_bytes(content)
    if time.monotonic() - started > WORTH_A_SYNC:
        sync(benchmark)


if __name__ == "__main__":
    main()
