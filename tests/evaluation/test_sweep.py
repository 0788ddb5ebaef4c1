"""What trials and strengths are worth on test: every setting on every class, nothing trained twice."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from alpa.config import TrainingConfig, VideoConfig
from alpa.data.images import to_square
from alpa.data.raw import UNDECIDED, RawImages
from alpa.data.sources import SOURCES
from alpa.data.splits import Split, make_splits
from alpa.detectors.alpa import ALPAConfig
from alpa.errors import ModelError
from alpa.evaluation import sweep as sweep_module
from alpa.evaluation.sweep import Setting, of_curve, of_trials, sweep
from alpa.runtime import Runtime
from alpa.training.cells import Cell, CellStore, fit_cell
from alpa.training.workers import Pool
from alpa.tuning import objective
from alpa.tuning.finished import Finished
from alpa.tuning.objective import load_fitted, pseudo_probe
from alpa.tuning.space import Space
from alpa.tuning.trials import Trials

RUNTIME = Runtime()
TRAINING = TrainingConfig(steps=2, batch_size=8, validation_fraction=0.25)
NAMES = tuple("0123456789")
FAMILIES = ["permuted", "warped"]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Run torch on one thread: so many small jobs only get slower with more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def split() -> Split:
    """A test split of 200 images, twenty of each class."""
    rng = np.random.default_rng(5)
    images = to_square(rng.integers(0, 17, (1000, 8, 8), np.uint8), 16, SOURCES["digits"])
    raw = RawImages("digits", NAMES, images, np.arange(1000) % 10, np.full(1000, UNDECIDED, np.int8))
    return make_splits(raw, "one_vs_rest", seed=0)[1]


@pytest.fixture
def trials(tmp_path: Path) -> Trials:
    cells = []
    for name in "71":
        images = np.random.default_rng(int(name)).integers(0, 256, (20, 1, 16, 16), dtype=np.uint8)
        cells.append(Cell("alpa", name, 0, ALPAConfig(width=4, latent=3), TRAINING, images))
    probes = [pseudo_probe(cell, FAMILIES, seed=0) for cell in cells]
    return Trials(cells, probes, {}, RUNTIME, CellStore(tmp_path / "cells"), Pool(), facts={"device": "cpu"})


@pytest.fixture
def tests(split: Split) -> list[sweep_module.ImagesUnderTest]:
    return [sweep_module.under_test(split, name, seed=0, video=VideoConfig()) for name in "71"]


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
    trials: Trials, tests: list[sweep_module.ImagesUnderTest]
) -> None:
    table = sweep([trial(0, 0.3)], trials, tests, "sweep")
    assert list(table.columns) == ["kind", "place", "strength", "target_class", "measure", "auroc"]
    expected = [("trial", 0, 0.3, name, measure) for name in "71" for measure in (*FAMILIES, "test")]
    assert list(table.drop(columns="auroc").itertuples(index=False, name=None)) == expected
    for cell, probe, test in zip(trials.with_values({"strength": 0.3}), trials.probes, tests, strict=True):
        files = fit_cell(cell, "key", RUNTIME)[0]
        scores = load_fitted(cell, files, RUNTIME).anomaly_scores(test.images)
        above = scores[test.is_anomaly][:, None] - scores[~test.is_anomaly]
        by_hand = np.mean((above > 0) + 0.5 * (above == 0))
        found = table[table["target_class"] == cell.target_class].set_index("measure")["auroc"].to_dict()
        assert found == pytest.approx(probe.aurocs(cell, files, RUNTIME) | {"test": by_hand}, abs=1e-6)


def test_a_cell_that_is_stored_or_asked_for_twice_is_trained_once(
    trials: Trials, tests: list[sweep_module.ImagesUnderTest], fits: list[tuple[str, float]]
) -> None:
    first = sweep([trial(0, 0.3), trial(1, 0.3), Setting("curve", 0, {"strength": 0.3})], trials, tests, "sweep")
    assert fits == [("7", 0.3), ("1", 0.3)]
    expected = [
        (kind, place, name, measure)
        for kind, place in (("trial", 0), ("trial", 1), ("curve", 0))
        for name in "71"
        for measure in (*FAMILIES, "test")
    ]
    assert list(first[["kind", "place", "target_class", "measure"]].itertuples(index=False, name=None)) == expected
    parts = [rows["auroc"].tolist() for _, rows in first.groupby(["kind", "place"])]
    assert parts[0] == parts[1] == parts[2]
    again = sweep([trial(0, 0.3), trial(1, 0.5)], trials, tests, "sweep")
    assert fits[2:] == [("7", 0.5), ("1", 0.5)]
    assert again[again["place"] == 0]["auroc"].tolist() == parts[0]


def test_what_a_trial_has_trained_is_measured_and_what_it_has_not_is_stored_with_its_facts(
    trials: Trials, tests: list[sweep_module.ImagesUnderTest], fits: list[tuple[str, float]]
) -> None:
    next(iter(trials.run({"strength": 0.3})))  # a pruned trial: it sees the first class alone
    cells = trials.with_values({"strength": 0.3})
    seven = trials.store.get(cells[0].key(RUNTIME))
    sweep([trial(0, 0.3)], trials, tests, "sweep")
    assert fits == [("7", 0.3), ("1", 0.3)]
    assert trials.store.get(cells[0].key(RUNTIME)) == seven
    one = trials.store.get(cells[1].key(RUNTIME))
    assert one is not None
    facts = json.loads(one["facts.json"])
    assert facts["device"] == "cpu"
    assert facts["seconds"] > 0


def test_rows_follow_the_settings_whoever_finishes_first(
    trials: Trials, tests: list[sweep_module.ImagesUnderTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = [trial(place, strength) for place, strength in enumerate((0.5, 0.1, 0.5, 0.3))]
    monkeypatch.setattr(sweep_module, "run_in_workers", finishing_backwards)
    table = sweep(settings, trials, tests, "sweep")
    assert list(zip(table["place"], table["strength"], table["target_class"], table["auroc"], strict=True)) == [
        (place, strength, name, round(strength + int(name) / 1000, 6))
        for place, strength in enumerate((0.5, 0.1, 0.5, 0.3))
        for name in "71"
    ]


def finishing_backwards(
    function: Any, calls: list[tuple[Any, ...]], pool: Pool, title: str
) -> Iterator[tuple[int, Any]]:
    """Yield for each call, the last first, a test AUROC that tells its strength and its class."""
    for index, (cell, *_) in reversed(list(enumerate(calls))):
        yield index, ({}, 0.0, {"test": cell.config.strength + int(cell.target_class) / 1000})


def test_a_setting_that_diverges_on_a_class_is_worth_nothing_and_ends_no_sweep(
    trials: Trials, tests: list[sweep_module.ImagesUnderTest], fits: list[tuple[str, float]]
) -> None:
    table = sweep([trial(0, 0.9), trial(1, 0.3)], trials, tests, "sweep")
    lost = table[table["place"] == 0]
    assert list(zip(lost["target_class"], lost["measure"], strict=True)) == [("7", "test"), ("1", "test")]
    assert lost["auroc"].isna().all()
    assert table[table["place"] == 1]["auroc"].notna().all()
    assert sweep([trial(0, 0.9)], trials, tests, "sweep").equals(lost), "nothing of it is stored as if it had ended"


def test_a_training_that_diverges_in_earnest_is_worth_nothing_too(
    trials: Trials, tests: list[sweep_module.ImagesUnderTest]
) -> None:
    table = sweep([Setting("trial", 0, {"weight": 1e39}), trial(1, 0.3)], trials, tests, "sweep")
    assert table["auroc"].isna().tolist() == [True, True] + 6 * [False]


def test_scores_that_are_not_finite_on_test_alone_are_worth_nothing_too(
    trials: Trials, tests: list[sweep_module.ImagesUnderTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Diverging:
        def anomaly_scores(self, images: np.ndarray) -> np.ndarray:
            raise ModelError("The latent score of alpa is not finite.")

    def load(cell: Cell, files: Any, runtime: Runtime) -> Any:
        return Diverging() if cell.target_class == "1" else load_fitted(cell, files, runtime)

    monkeypatch.setattr(sweep_module, "load_fitted", load)
    table = sweep([trial(0, 0.3)], trials, tests, "sweep")
    assert list(zip(table["target_class"], table["measure"], strict=True)) == [("7", "test"), ("1", "test")]
    assert table["auroc"].isna().all()


def test_without_settings_there_are_columns_and_no_rows(
    trials: Trials, tests: list[sweep_module.ImagesUnderTest]
) -> None:
    assert list(sweep([], trials, tests, "sweep")) == sweep_module.COLUMNS


def test_a_class_is_tested_on_all_its_normals_and_a_seeded_sample_of_the_others(
    split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = sweep_module.under_test(split, "7", seed=0, video=VideoConfig())
    assert (np.sum(~whole.is_anomaly), np.sum(whole.is_anomaly)) == (20, 180)
    monkeypatch.setattr(sweep_module, "MOST_ANOMALIES", 50)
    some, other = (sweep_module.under_test(split, "7", seed, VideoConfig()) for seed in (0, 1))
    assert (np.sum(~some.is_anomaly), np.sum(some.is_anomaly)) == (20, 50)
    assert np.array_equal(some.images[:20], split.images[split.labels == 7])
    rest = {image.tobytes() for image in split.images[split.labels != 7]}
    assert {image.tobytes() for image in some.images[20:]} < rest
    assert np.array_equal(some.images, sweep_module.under_test(split, "7", 0, VideoConfig()).images)
    assert not np.array_equal(some.images, other.images)


def test_what_is_normal_is_the_protocols_to_say(split: Split) -> None:
    left_out = sweep_module.under_test(replace(split, protocol="leave_one_out"), "7", seed=0, video=VideoConfig())
    assert (np.sum(~left_out.is_anomaly), np.sum(left_out.is_anomaly)) == (180, 20)
    assert np.array_equal(left_out.images[left_out.is_anomaly], split.images[split.labels == 7])


def test_of_many_anomalies_two_thousand_are_drawn(split: Split) -> None:
    labels = np.repeat([7, 1], [5, 2001])
    images = np.zeros((2006, 1, 16, 16), np.uint8)
    large = replace(split, images=images, labels=labels, group=np.full(2006, -1))
    found = sweep_module.under_test(large, "7", seed=0, video=VideoConfig())
    assert (np.sum(~found.is_anomaly), np.sum(found.is_anomaly)) == (5, 2000)


def test_a_curve_goes_from_end_to_end_with_all_else_untuned() -> None:
    linear: Space = {"strength": FloatDistribution(0.0, 1.0), "weight": FloatDistribution(1.0, 2.0)}
    found = of_curve(linear, {"strength": 0.4, "weight": 1.5}, 5)
    assert [setting.values["strength"] for setting in found] == [0, 0.25, 0.5, 0.75, 1.0]
    assert {setting.values["weight"] for setting in found} == {1.5}
    assert [(setting.kind, setting.place) for setting in found] == [("curve", place) for place in range(5)]


def test_a_curve_over_a_logarithmic_space_has_equal_ratios() -> None:
    found = of_curve({"strength": FloatDistribution(0.02, 2.0, log=True)}, {"strength": 0.4}, 5)
    strengths = [setting.values["strength"] for setting in found]
    assert strengths == [0.02, 0.06325, 0.2, 0.6325, 2.0]


@pytest.mark.parametrize(
    "space", [{}, {"strength": CategoricalDistribution([0.1, 0.2])}, {"latent": IntDistribution(2, 8)}]
)
def test_without_an_interval_of_strength_there_is_no_curve(space: dict[str, Any]) -> None:
    assert of_curve(space, {"strength": 0.4}, 5) == []


def test_every_trial_is_measured_pruned_or_not() -> None:
    finished = [Finished(0, "complete", 0.9, {"strength": 0.1}, {}), Finished(1, "pruned", 0.7, {"strength": 0.2}, {})]
    assert of_trials(finished) == [trial(0, 0.1), trial(1, 0.2)]
    assert of_trials([replace(finished[0], trial=4)])[0].place == 4
