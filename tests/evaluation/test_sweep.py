"""What trials and strengths are worth on test: every setting on every class, nothing trained twice."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from sklearn.metrics import roc_auc_score

from alpa.config import TrainingConfig
from alpa.data.images import RawImages
from alpa.data.splits import Split, make_splits
from alpa.detectors.alpa import ALPAConfig
from alpa.errors import ModelError
from alpa.evaluation import sweep as sweep_module
from alpa.evaluation.sweep import Setting, of_curve, of_trials, sweep
from alpa.runtime import Runtime
from alpa.training.cells import Cell, CellStore, fit_cell
from alpa.tuning import objective
from alpa.tuning.finished import Finished
from alpa.tuning.objective import load_fitted, pseudo_probe
from alpa.tuning.trials import Trials

RUNTIME = Runtime()
TRAINING = TrainingConfig(steps=2, batch_size=8, validation_fraction=0.25)
NAMES = tuple("0123456789")
FAMILIES = ["permuted", "warped"]


@pytest.fixture(scope="module")
def split() -> Split:
    """A test split of 200 images, twenty of each class."""
    rng = np.random.default_rng(5)
    raw = RawImages("digits", NAMES, rng.integers(0, 17, (1000, 8, 8), np.uint8), np.arange(1000) % 10, is_test=None)
    return make_splits(raw, "one_vs_rest", seed=0, size=16)[1]


@pytest.fixture
def trials(tmp_path: Path) -> Trials:
    cells = []
    for name in "71":
        images = np.random.default_rng(int(name)).integers(0, 256, (20, 1, 16, 16), dtype=np.uint8)
        cells.append(Cell("alpa", name, 0, ALPAConfig(width=4, latent=3), TRAINING, images))
    probes = [pseudo_probe(cell, FAMILIES, seed=0) for cell in cells]
    return Trials(cells, probes, {}, RUNTIME, CellStore(tmp_path / "cells"), workers=1, facts={})


@pytest.fixture
def tests(split: Split) -> list[sweep_module.TestImages]:
    return [sweep_module.test_images(split, name, seed=0) for name in "71"]


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """The class and the strength of every cell that is fitted; a strength of 0.9 diverges on class 1."""
    found: list[tuple[str, float]] = []

    def counting(cell: Cell, key: str, runtime: Runtime) -> Any:
        found.append((cell.target_class, cell.config.strength))
        if found[-1] == ("1", 0.9):
            raise ModelError("it diverged")
        return fit_cell(cell, key, runtime)

    monkeypatch.setattr(objective, "fit_cell", counting)
    return found


def trial(place: int, strength: float) -> Setting:
    return Setting("trial", place, {"strength": strength})


def test_a_row_holds_what_the_fitted_cell_says_of_the_test_images(
    trials: Trials, tests: list[sweep_module.TestImages]
) -> None:
    table = sweep([trial(0, 0.3)], trials, tests, "sweep")
    assert list(table.columns) == ["kind", "place", "strength", "target_class", "measure", "auroc"]
    expected = [("trial", 0, 0.3, name, measure) for name in "71" for measure in (*FAMILIES, "test")]
    assert list(table.drop(columns="auroc").itertuples(index=False, name=None)) == expected
    for cell, test in zip(trials.with_values({"strength": 0.3}), tests, strict=True):
        detector = load_fitted(cell, fit_cell(cell, "key", RUNTIME)[0], RUNTIME)
        by_hand = roc_auc_score(test.is_anomaly, detector.anomaly_scores(test.images))
        rows = table[(table["target_class"] == cell.target_class) & (table["measure"] == "test")]
        assert rows["auroc"].item() == pytest.approx(by_hand, abs=1e-6)


def test_a_cell_that_is_stored_or_asked_for_twice_is_trained_once(
    trials: Trials, tests: list[sweep_module.TestImages], fits: list[tuple[str, float]]
) -> None:
    first = sweep([trial(0, 0.3), trial(1, 0.3), Setting("curve", 0, {"strength": 0.3})], trials, tests, "sweep")
    assert fits == [("7", 0.3), ("1", 0.3)]
    parts = [rows["auroc"].tolist() for _, rows in first.groupby(["kind", "place"])]
    assert parts[0] == parts[1] == parts[2]
    again = sweep([trial(0, 0.3), trial(1, 0.5)], trials, tests, "sweep")
    assert fits[2:] == [("7", 0.5), ("1", 0.5)]
    assert again[again["place"] == 0]["auroc"].tolist() == parts[0]


def test_a_setting_that_diverges_on_a_class_is_worth_nothing_and_ends_no_sweep(
    trials: Trials, tests: list[sweep_module.TestImages], fits: list[tuple[str, float]]
) -> None:
    table = sweep([trial(0, 0.9), trial(1, 0.3)], trials, tests, "sweep")
    lost = table[table["place"] == 0]
    assert list(zip(lost["target_class"], lost["measure"], strict=True)) == [("7", "test"), ("1", "test")]
    assert lost["auroc"].isna().all()
    assert table[table["place"] == 1]["auroc"].notna().all()
    assert sweep([trial(0, 0.9)], trials, tests, "sweep").equals(lost), "nothing of it is stored as if it had ended"


def test_a_class_is_tested_on_all_its_normals_and_a_seeded_sample_of_the_others(
    split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = sweep_module.test_images(split, "7", seed=0)
    assert (np.sum(~whole.is_anomaly), np.sum(whole.is_anomaly)) == (20, 180)
    monkeypatch.setattr(sweep_module, "MOST_ANOMALIES", 50)
    some, other = (sweep_module.test_images(split, "7", seed) for seed in (0, 1))
    assert (np.sum(~some.is_anomaly), np.sum(some.is_anomaly)) == (20, 50)
    assert np.array_equal(some.images[:20], split.images[split.labels == 7])
    rest = {image.tobytes() for image in split.images[split.labels != 7]}
    assert {image.tobytes() for image in some.images[20:]} < rest
    assert np.array_equal(some.images, sweep_module.test_images(split, "7", 0).images)
    assert not np.array_equal(some.images, other.images)


def test_a_curve_goes_from_end_to_end_with_all_else_untuned() -> None:
    linear = {"strength": FloatDistribution(0.0, 1.0), "weight": FloatDistribution(1.0, 2.0)}
    found = of_curve(linear, {"strength": 0.4, "weight": 1.5}, 5)
    assert [setting.values["strength"] for setting in found] == [0, 0.25, 0.5, 0.75, 1.0]
    assert {setting.values["weight"] for setting in found} == {1.5}
    assert [(setting.kind, setting.place) for setting in found] == [("curve", place) for place in range(5)]


@pytest.mark.parametrize("space", [{}, {"strength": CategoricalDistribution([0.1, 0.2])}])
def test_without_an_interval_of_strength_there_is_no_curve(space: dict[str, Any]) -> None:
    assert of_curve(space, {"strength": 0.4}, 5) == []


def test_every_trial_is_measured_pruned_or_not() -> None:
    finished = [Finished(0, "complete", 0.9, {"strength": 0.1}, {}), Finished(1, "pruned", 0.7, {"strength": 0.2}, {})]
    assert of_trials(finished) == [trial(0, 0.1), trial(1, 0.2)]
    assert of_trials([replace(finished[0], trial=4)])[0].place == 4
