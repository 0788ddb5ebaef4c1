"""A made-up benchmark with every file that a report is made from: scores, result tables, models, split, facts."""

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from alpa.data.raw import TEST, TRAIN, RawImages
from alpa.data.splits import Split, make_splits, write_split
from alpa.evaluation.evidence import gather
from alpa.evaluation.leaderboard import build_leaderboard, write_leaderboard
from alpa.evaluation.scores import ScoreInfo, read_scores, write_scores
from alpa.params import EvaluationConfig
from alpa.reporting.benchmark import Inputs, build_page
from alpa.reporting.document import Page
from alpa.reporting.page import write_page

# How far each detector's scores of anomalies lie above those of normal samples.
SKILL = {
    "alpa": {"reconstruction": 1.4, "latent": 1.9, "feature": 2.0, "combined": 2.2, "perturbed": 1.3},
    "autoencoder": {"reconstruction": 1.3, "latent": 2.0, "feature": 2.0, "combined": 2.3},
    "denoising": {"reconstruction": 1.5, "latent": 1.8, "feature": 1.9, "combined": 2.1},
    "ganomaly": {"reconstruction": 1.1, "latent": 1.0, "encoder_gap": 1.2},
    "pca": {"reconstruction": 1.8},
    "knn": {"distance": 1.9},
    "mine": {"oddness": 1.7},
}
DETECTORS = ("alpa", "autoencoder", "denoising", "ganomaly", "pca", "knn")
RECONSTRUCTING = ("alpa", "autoencoder", "denoising", "ganomaly", "pca")
LOSSES = {
    "alpa": ("reconstruction", "perturbed"),
    "autoencoder": ("reconstruction",),
    "denoising": ("reconstruction", "perturbed"),
    "ganomaly": ("generator", "discriminator", "adversarial", "contextual", "encoder"),
}


def primary_score(detector: str) -> str:
    return "combined" if "combined" in SKILL[detector] else list(SKILL[detector])[-1]


def make_split(class_names: Sequence[str], per_class: int, dataset: str) -> Split:
    """Return a test split of wave patterns, one pattern per class, with noise."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(class_names)), per_class)
    rows, columns = np.mgrid[0:32, 0:32]
    waves = [127 + 127 * np.sin(rows * (0.1 + 0.05 * k) + columns * 0.07 * k) for k in range(len(class_names))]
    images = np.stack([waves[label] for label in labels]) + rng.normal(0, 12, (len(labels), 32, 32))
    twice = np.tile(np.clip(images, 0, 255).astype(np.uint8)[:, None], (2, 1, 1, 1))
    part = np.repeat([TRAIN, TEST], len(images)).astype(np.int8)
    raw = RawImages(dataset, tuple(class_names), twice, np.tile(labels, 2), part)
    return make_splits(raw, "one_vs_rest", seed=0)[1]


def make_benchmark(
    root: Path,
    detectors: Sequence[str] = DETECTORS,
    class_names: Sequence[str] = tuple("0123456789"),
    seeds: Sequence[int] = (0, 1),
    dataset: str = "mnist",
    benchmark: str = "mnist",
    split: Split | None = None,
    targets: Sequence[str] | None = None,
    tuned_on: Mapping[str, str] | None = None,
) -> Inputs:
    """Write a made-up benchmark below `root` and return its folders."""
    split = split or make_split(class_names, 12, dataset)
    inputs = Inputs(
        report=root / "reports" / benchmark,
        scores=root / "runs" / "scores" / benchmark,
        models=root / "runs" / "models" / benchmark,
        test=root / "data" / "splits" / benchmark / "test",
        tuning=root / "reports" / benchmark / "tuning",
    )
    write_split(inputs.test, split)
    for place, detector in enumerate(detectors):
        info = ScoreInfo(benchmark, dataset, "one_vs_rest", detector, primary_score(detector))
        write_scores(inputs.scores / f"{detector}.parquet", _scores(split, detector, seeds, place), info)
        for target in class_names:
            for seed in seeds:
                _model(inputs.models / detector / f"{class_names.index(target)}-{seed}", detector, target, seed)
    tables = [read_scores(inputs.scores / f"{detector}.parquet") for detector in detectors]
    config = EvaluationConfig(bootstrap_samples=40)
    results = build_leaderboard(tables, targets or class_names, seeds, config, tuned_on or {})
    write_leaderboard(inputs.report, results)
    inputs.tuning.mkdir()
    for name, table in vars(gather({}, {})).items():
        table.to_csv(inputs.tuning / f"{name}.csv", index=False)
    return inputs


def _scores(split: Split, detector: str, seeds: Sequence[int], place: int) -> pd.DataFrame:
    parts = []
    for target in range(len(split.class_names)):
        for seed in seeds:
            rng = np.random.default_rng([place, target, seed])
            hardness = 0.7 + 0.12 * (target % 6)
            difficulty = np.random.default_rng(target).normal(0, 0.8, len(split.labels))
            is_anomaly = split.labels != target
            columns = {
                score: np.exp(0.5 * (skill * hardness * is_anomaly + difficulty + rng.normal(0, 0.6, len(is_anomaly))))
                for score, skill in SKILL[detector].items()
            }
            keys = {"target_class": split.class_names[target], "seed": seed, "sample": np.arange(len(is_anomaly))}
            parts.append(pd.DataFrame({**keys, "group": split.group, "is_anomaly": is_anomaly, **columns}))
    return pd.concat(parts, ignore_index=True)


def _model(folder: Path, detector: str, target: str, seed: int) -> None:
    folder.mkdir(parents=True)
    cell = {
        "key": "k",
        "detector": detector,
        "target_class": target,
        "seed": seed,
        "n_train": 5400,
        "n_validation": 600,
    }
    (folder / "cell.json").write_text(json.dumps(cell))
    steps = np.arange(50, 2001, 50)
    losses = {
        name: (0.2 + place) * steps ** -(0.3 + 0.1 * place) for place, name in enumerate(LOSSES.get(detector, ()))
    }
    frame = pd.DataFrame({"step": steps if losses else steps[:0]} | losses)
    frame.to_csv(folder / "history.csv", index=False)


class FakeDetector:
    """Stands in for a loaded detector: it returns the image a little darker."""

    def __init__(self, detector: str) -> None:
        self.key = detector
        if detector in RECONSTRUCTING:
            self.reconstruct = self._darker

    def named_children(self) -> list[tuple[str, Any]]:
        return []

    def _darker(self, images: np.ndarray) -> np.ndarray:
        share = 0.9 - 0.1 * RECONSTRUCTING.index(self.key)
        return (share * images / 255).astype(np.float32)


def load_fake(folder: Path) -> FakeDetector:
    """Return a stand-in of the kind that the cell's folder names."""
    return FakeDetector(json.loads((folder / "cell.json").read_text())["detector"])


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    """The folders of a whole made-up benchmark: six detectors, ten classes, two seeds."""
    return make_benchmark(tmp_path_factory.mktemp("benchmark"))


@pytest.fixture(scope="session")
def page(inputs: Inputs) -> Page:
    """The page of that benchmark, without loading a network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("alpa.detectors.load_detector", load_fake)
        return build_page(inputs)


@pytest.fixture(scope="session")
def written(page: Page, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of that page's files."""
    folder = tmp_path_factory.mktemp("report")
    write_page(folder, page)
    return folder


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Inputs]:
    """The function that makes a further benchmark in the test's own folder; its detectors are stand-ins."""
    monkeypatch.setattr("alpa.detectors.load_detector", load_fake)
    return functools.partial(make_benchmark, tmp_path)
