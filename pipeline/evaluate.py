"""Score the test split with every trained cell and write runs/scores/<benchmark>/<detector>.parquet."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alpa.config import VideoConfig
from alpa.data.protocols import find_protocol, target_classes, target_indices
from alpa.data.splits import Split, load_split
from alpa.data.stored import select
from alpa.errors import ModelError
from alpa.params import load_params
from alpa.runs import read_json
from pipeline import stage
from pipeline.alone import alone

if TYPE_CHECKING:
    import pandas as pd

    from alpa.runtime import Runtime
    from alpa.training.cells import SavedCell

IMAGES_PER_WORKER = 20_000  # so many are scored in the time that a worker takes to start


@stage
@alone
def main(benchmark: str, detector: str) -> None:
    params = load_params()
    settings = params.benchmark(benchmark)
    params.detector_section(benchmark, detector)

    # These bring torch, which takes seconds, and what is wrong with the settings is said before.
    import pandas as pd

    from alpa.evaluation.scores import ScoreInfo, write_scores
    from alpa.training.cells import SavedCell
    from alpa.training.grid import SPLITS
    from alpa.training.workers import open_pool, run_in_workers

    runtime, pool = open_pool(params.runtime)
    split = load_split(SPLITS / benchmark / "test")
    protocol = find_protocol(settings.protocol)
    video = params.video_for(benchmark)
    names = target_classes(protocol, split.targets, settings.classes, settings.dataset)
    models = Path("runs/models") / benchmark / detector
    described = read_json(models / f"{names[0]}-{settings.seeds[0]}" / "detector.json")
    calls = []
    for name in names:
        rows = protocol.test_rows(split.labels, target_indices(split.class_names, name), settings.split_seed)
        calls += [
            (SavedCell(models / f"{name}-{seed}"), detector, name, seed, split, rows, video, runtime)
            for seed in settings.seeds
        ]
    useful = len(calls) if split.clips else sum(len(call[5]) for call in calls) // IMAGES_PER_WORKER
    title = f"evaluate {detector} on {benchmark}"
    tables: dict[int, pd.DataFrame] = dict(run_in_workers(score_cell, calls, pool.at_most(useful), title))
    info = ScoreInfo(benchmark, settings.dataset, settings.protocol, detector, str(described["primary_score"]))
    path = Path("runs/scores") / benchmark / f"{detector}.parquet"
    write_scores(path, pd.concat([tables[index] for index in range(len(calls))]), info)


def score_cell(
    saved: "SavedCell",
    detector: str,
    name: str,
    seed: int,
    split: Split,
    rows: np.ndarray,
    video: VideoConfig,
    runtime: "Runtime",
) -> "pd.DataFrame":
    """Return one cell's rows of the score table: all scores of the test images or frames `rows`.

    Raises:
        ModelError: its folder holds another cell's model.
    """
    import pandas as pd

    from alpa.evaluation.video import frame_scores

    model, cell = saved.load(detector)
    if (cell.get("target_class"), cell.get("seed")) != (name, seed):
        problem = f"{saved.folder} holds the model of another class or seed"
        raise ModelError(f"{problem}; delete it and run the train stage again.")
    model.to(runtime.device)
    with runtime.limited_threads():
        if split.clips:
            scores = {score: values[rows] for score, values in frame_scores(model, split, video).items()}
        else:
            scores = model.scores(select(split.images, rows))
    normal = find_protocol(split.protocol).normal_mask(split.labels[rows], target_indices(split.class_names, name))
    keys = {"target_class": name, "seed": seed, "sample": rows, "group": split.group[rows], "is_anomaly": ~normal}
    return pd.DataFrame(keys | scores)


if __name__ == "__main__":
    main()
