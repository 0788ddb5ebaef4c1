"""Made-up benchmarks of any size: score tables, and all that a report is made from."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from alpa.config import TrainingConfig
from alpa.data.raw import TEST, TRAIN, RawImages
from alpa.data.splits import make_splits, write_split
from alpa.evaluation.evidence import gather
from alpa.evaluation.scores import ScoreInfo, write_scores

DETECTORS = ("alpa", "autoencoder", "denoising", "ganomaly", "ganomaly_tuned", "pca", "knn")
BRIEF = {key: {"features": 8, "epochs": 1, "minimum_steps": 1} for key in ("ganomaly", "ganomaly_tuned")}
SIDE = 32


def named(noun: str, number: int) -> list[str]:
    """Return so many names, sorted as text too.

    >>> named("class", 2)
    ['class00', 'class01']
    """
    return [f"{noun}{place:02d}" for place in range(number)]


def scores_of(
    classes: Sequence[str], seeds: Sequence[int], samples: int, scores: Sequence[str], skill: float
) -> pd.DataFrame:
    """Return the rows of a detector: test sample i is of class i modulo their number, and anomalies score higher."""
    labels, sample = np.arange(samples) % len(classes), np.arange(samples)
    tables = []
    for target, name in enumerate(classes):
        for seed in seeds:
            rng = np.random.default_rng([target, seed, int(100 * skill)])
            is_anomaly = labels != target
            keys = {"target_class": name, "seed": seed, "sample": sample, "group": -1, "is_anomaly": is_anomaly}
            own = {score: rng.normal(skill * is_anomaly).astype(np.float32) for score in scores}
            tables.append(pd.DataFrame(keys | own))
    return pd.concat(tables, ignore_index=True)


def write_tables(
    folder: Path, detectors: Sequence[str], classes: Sequence[str], seeds: Sequence[int], samples: int, scores: int
) -> None:
    """Write runs/scores/<benchmark>/ with a table per detector, each with so many scores."""
    for place, detector in enumerate(detectors):
        table = scores_of(classes, seeds, samples, named("score", scores), 0.5 + 0.1 * place)
        info = ScoreInfo(folder.name, "mnist", "one_vs_rest", detector, "score00")
        write_scores(folder / f"{detector}.parquet", table, info)


def write_models(root: Path, benchmark: str, detectors: Sequence[str], classes: Sequence[str]) -> None:
    """Write a model per detector and class, all of a detector fitted alike, and a history of losses."""
    from alpa.detectors import build_detector

    images = np.random.default_rng(0).integers(0, 256, (40, 1, SIDE, SIDE), np.uint8)
    for place, name in enumerate(detectors):
        key = DETECTORS[place % len(DETECTORS)]
        detector = build_detector(key, (1, SIDE, SIDE), BRIEF.get(key))
        detector.fit(images, TrainingConfig(steps=1, batch_size=16))
        first = root / "runs/models" / benchmark / name / f"{classes[0]}-0"
        first.mkdir(parents=True)
        detector.save(first)
        steps = np.arange(50, 2001, 50)
        losses = pd.DataFrame({"step": steps, "reconstruction": 0.2 * steps**-0.3})
        losses.to_csv(first / "history.csv", index=False)
        for target in classes:
            folder = first.with_name(f"{target}-0")
            if folder != first:
                shutil.copytree(first, folder)
            cell = {"detector": name, "target_class": target, "seed": 0, "n_train": 900, "n_validation": 100}
            (folder / "cell.json").write_text(json.dumps(cell))


def write_benchmark(root: Path, benchmark: str, detectors: Sequence[str], classes: Sequence[str], samples: int) -> None:
    """Write the scores, models and splits of a benchmark with one seed, and studies without a trial."""
    write_tables(root / "runs/scores" / benchmark, detectors, classes, [0], samples, 3)
    write_models(root, benchmark, detectors, classes)
    labels = np.arange(samples) % len(classes)
    images = np.random.default_rng(0).integers(0, 256, (2 * samples, 1, SIDE, SIDE), np.uint8)
    part = np.repeat([TRAIN, TEST], samples).astype(np.int8)
    raw = RawImages("mnist", tuple(classes), images, np.tile(labels, 2), part)
    for split in make_splits(raw, "one_vs_rest", 0):
        write_split(root / "data/splits" / benchmark / split.part, split)
    tuning = root / "reports" / benchmark / "tuning"
    tuning.mkdir(parents=True)
    for name, table in vars(gather({}, {})).items():
        table.to_csv(tuning / f"{name}.csv", index=False)
