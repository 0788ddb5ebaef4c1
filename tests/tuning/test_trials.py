"""The work of a trial: the detector with the trial's values, class by class, and nothing that was done before."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alpa.config import TrainingConfig
from alpa.detectors.alpa import ALPAConfig
from alpa.errors import ConfigError, ModelError
from alpa.runtime import Runtime
from alpa.training import cells as cells_module
from alpa.training.cells import Cell, CellStore, fit_cell, train_cells
from alpa.training.workers import Pool
from alpa.tuning import objective
from alpa.tuning import trials as trials_module
from alpa.tuning.objective import pseudo_probe
from alpa.tuning.trials import Trials

RUNTIME = Runtime()
TRAINING = TrainingConfig(steps=2, batch_size=8, validation_fraction=0.25)
UNTUNED = ALPAConfig(width=4, latent=3, weight=2.0)
Fits = list[tuple[str, float]]


def cell_of(target_class: str) -> Cell:
    images = np.random.default_rng(int(target_class)).integers(0, 256, (20, 1, 16, 16), dtype=np.uint8)
    return Cell("alpa", target_class, 0, UNTUNED, TRAINING, images)


@pytest.fixture
def trials(tmp_path: Path) -> Trials:
    cells = [cell_of(name) for name in "714"]
    probes = [pseudo_probe(cell, ["permuted", "warped"], seed=0) for cell in cells]
    return Trials(cells, probes, {}, RUNTIME, CellStore(tmp_path / "cells"), Pool(), facts={"device": "cpu"})


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> Fits:
    """The class and the strength of every cell that is fitted, whether by a trial or by the train stage."""
    found: Fits = []

    def counting(cell: Cell, key: str, runtime: Runtime) -> Any:
        found.append((cell.target_class, cell.config.strength))
        return fit_cell(cell, key, runtime)

    monkeypatch.setattr(objective, "fit_cell", counting)
    monkeypatch.setattr(cells_module, "fit_cell", counting)
    return found


# Its values


def test_searched_values_replace_the_untuned_ones_and_the_others_stay(trials: Trials) -> None:
    cells = trials.with_values({"strength": 0.3, "bound": "box"})
    expected = ALPAConfig(width=4, latent=3, weight=2.0, strength=0.3, bound="box")
    assert [cell.config for cell in cells] == [expected] * 3
    assert [cell.target_class for cell in cells] == trials.classes == ["7", "1", "4"]
    assert all(cell.training == TRAINING for cell in cells)
    assert {cell.config for cell in trials.cells} == {UNTUNED}, "the next trial starts from these again"
    assert [cell.config for cell in trials.with_values({})] == [UNTUNED] * 3


def test_what_shortens_a_trial_goes_before_what_is_searched(trials: Trials) -> None:
    short = replace(trials, shortened={"width": 8, "latent": 2})
    assert short.with_values({"latent": 16})[0].config == replace(UNTUNED, width=8, latent=2)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"strength": -1.0}, "detectors.alpa.strength is -1.0: input should be greater than or equal to 0."),
        ({"bound": "cube"}, "detectors.alpa.bound is 'cube': input should be 'sphere' or 'box'."),
        (
            {"epochs": 3},
            "Unknown key detectors.alpa.epochs; known here: width, latent, strength, weight, share, bound, "
            "distorter_every.",
        ),
    ],
)
def test_values_that_the_detector_does_not_take_are_one_sentence(
    values: dict[str, Any], message: str, trials: Trials, fits: Fits
) -> None:
    with pytest.raises(ConfigError) as error:
        list(trials.run(values))
    assert str(error.value) == message
    assert fits == []


# Its classes


def test_a_trial_yields_each_class_in_turn_with_its_auroc_by_family(trials: Trials) -> None:
    found = list(trials.run({"strength": 0.3}))
    assert [name for name, _ in found] == ["7", "1", "4"]
    for _, aurocs in found:
        assert list(aurocs) == ["permuted", "warped"]
        assert all(0 <= auroc <= 1 for auroc in aurocs.values())
    assert len({str(aurocs) for _, aurocs in found}) == 3


def test_a_class_is_fitted_when_it_is_asked_for_and_not_before(trials: Trials, fits: Fits) -> None:
    running = trials.run({"strength": 0.3})
    assert fits == []
    for number, name in enumerate("714", start=1):
        assert next(running)[0] == name
        assert len(fits) == number


def test_the_same_values_give_the_same_bits_with_and_without_what_is_stored(
    trials: Trials, fits: Fits, tmp_path: Path
) -> None:
    first = list(trials.run({"strength": 0.3}))
    assert len(fits) == 3
    assert list(trials.run({"strength": 0.3})) == first
    assert len(fits) == 3, "stored, and not fitted again"
    elsewhere = replace(trials, store=CellStore(tmp_path / "elsewhere"))
    assert list(elsewhere.run({"strength": 0.3})) == first
    assert len(fits) == 6
    assert list(trials.run({"strength": 0.4})) != first


def test_only_the_classes_that_the_store_lacks_are_fitted(trials: Trials, fits: Fits) -> None:
    running = trials.run({"strength": 0.3})
    seen = [next(running), next(running)]
    running.close()  # as where a trial is pruned
    assert list(trials.run({"strength": 0.3}))[:2] == seen
    assert fits == [("7", 0.3), ("1", 0.3), ("4", 0.3)]


def test_a_damaged_cell_is_fitted_again(trials: Trials, fits: Fits) -> None:
    first = list(trials.run({"strength": 0.3}))
    key = trials.with_values({"strength": 0.3})[1].key(RUNTIME)
    (trials.store.folder / key / "model.safetensors").write_bytes(b"damaged")
    assert list(trials.run({"strength": 0.3})) == first
    assert fits[3:] == [("1", 0.3)]


def test_the_winning_cells_are_not_trained_again_where_a_trial_trains_as_the_benchmark_does(
    trials: Trials, fits: Fits
) -> None:
    list(trials.run({"strength": 0.3}))
    winners = [
        Cell("alpa", cell.target_class, 0, replace(UNTUNED, strength=0.3), TRAINING, cell.images)
        for cell in trials.cells
    ]
    found = train_cells(winners, RUNTIME, trials.store, Pool(), facts={}, title="winners")
    assert len(fits) == 3
    assert set(found) == {"7-0", "1-0", "4-0"}
    longer = [replace(cell, training=replace(TRAINING, steps=3)) for cell in winners]
    train_cells(longer, RUNTIME, trials.store, Pool(), facts={}, title="longer")
    assert len(fits) == 6


def test_a_finished_cell_is_stored_with_its_facts(trials: Trials) -> None:
    next(trials.run({"strength": 0.3}))
    files = trials.store.get(trials.with_values({"strength": 0.3})[0].key(RUNTIME))
    assert files is not None
    assert set(files) == {"model.safetensors", "detector.json", "history.csv", "cell.json", "facts.json"}
    assert b'"device": "cpu"' in files["facts.json"]


def test_a_trial_that_diverges_names_its_cell_and_keeps_what_was_finished(trials: Trials) -> None:
    wild = replace(TRAINING, learning_rate=1e38, steps=40)
    broken = replace(trials, cells=[trials.cells[0], *(replace(cell, training=wild) for cell in trials.cells[1:])])
    running = broken.run({"strength": 0.3})
    assert next(running)[0] == "7"
    with pytest.raises(ModelError, match=r"^alpa, class 1, seed 0: The \w+ (loss|score) of alpa is n"):
        next(running)
    assert len(list(broken.store.folder.iterdir())) == 1


# Its workers


def test_as_many_classes_run_ahead_as_there_are_workers_and_come_in_order(
    trials: Trials, fits: Fits, monkeypatch: pytest.MonkeyPatch
) -> None:
    def backwards(
        function: Callable[..., Any], calls: Sequence[tuple[Any, ...]], pool: Pool
    ) -> Iterator[tuple[int, Any]]:
        for index in reversed(range(len(calls))):
            yield index, function(*calls[index])

    alone = list(trials.run({"strength": 0.3}))
    fits.clear()
    monkeypatch.setattr(trials_module, "run_in_workers", backwards)
    two = replace(trials, pool=Pool(2), store=CellStore(trials.store.folder.with_name("two")))
    running = two.run({"strength": 0.3})
    assert next(running) == alone[0]
    assert [name for name, _ in fits] == ["1", "7"]
    assert list(running) == alone[1:]
    assert [name for name, _ in fits] == ["1", "7", "4"]
