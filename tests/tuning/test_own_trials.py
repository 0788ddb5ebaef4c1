"""Trials that a user queues or runs: they count, and no bad one stands in the way."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest

from alpa.errors import ConfigError, StudyError
from alpa.tuning.finished import Aurocs, Finished, choose
from alpa.tuning.study import run_study
from tests.tuning.toy import (
    CLASSES,
    SEARCHED,
    SPACE,
    TRIALS,
    counting,
    interrupting,
    opened,
    run_toy,
    toy_aurocs,
    toy_evaluate,
    toy_plan,
)

OWN = {"bound": "box", "latent": 12, "strength": 0.2}


def test_a_queued_trial_is_the_next_one(undisturbed: list[Finished], path: Path) -> None:
    run_toy(path, 2)
    opened(path).enqueue_trial(OWN)
    trials = run_toy(path, 4)
    assert trials[:2] == undisturbed[:2]
    assert trials[2].values == OWN
    assert trials[2].aurocs == {name: toy_aurocs(OWN, place) for place, name in enumerate(CLASSES)}
    assert [trial.trial for trial in trials] == [0, 1, 2, 3]


def test_what_a_queued_trial_leaves_open_is_drawn(path: Path) -> None:
    run_toy(path, 2)
    opened(path).enqueue_trial({"strength": 0.3})
    values = run_toy(path, 3)[2].values
    assert values["strength"] == 0.3
    assert set(values) == set(SPACE)


@pytest.mark.parametrize("place", range(1, 12))
def test_a_queue_keeps_its_order_where_it_is_interrupted(place: int, path: Path, tmp_path: Path) -> None:
    found = []
    for journal, classes in ((path, place), (tmp_path / "other/toy.journal", 99)):
        run_toy(journal, 1)
        for strength in (0.05, 0.5, 0.25):
            opened(journal).enqueue_trial({"strength": strength})
        with contextlib.suppress(KeyboardInterrupt):
            run_study(journal, toy_plan(), interrupting(classes), 5, minutes=None)
        found.append(run_toy(journal, 5))
    assert found[0] == found[1]
    assert [trial.values["strength"] for trial in found[0][1:4]] == [0.05, 0.5, 0.25]


def test_a_queue_that_is_killed_while_it_is_put_in_order_loses_and_doubles_nothing(path: Path, tmp_path: Path) -> None:
    def strengths(journal: Path) -> list[float]:
        return [trial.values["strength"] for trial in run_toy(journal, 3, pruner="none")]

    def cut(lines: list[bytes], number: int) -> Path:
        journal = tmp_path / "cut" / path.name
        journal.parent.mkdir(exist_ok=True)
        journal.write_bytes(b"".join(lines[:number]))
        return journal

    run_toy(path, 1, pruner="none")
    for strength in (0.05, 0.5):
        opened(path).enqueue_trial({"strength": strength})
    queued = len(path.read_bytes().splitlines())
    expected = strengths(path)
    assert expected == [0.1, 0.05, 0.5]
    lines = path.read_bytes().splitlines(keepends=True)
    for number in (queued + 1, queued + 5):  # the first of the two is running
        strengths(cut(lines, number))
        again = (tmp_path / "cut" / path.name).read_bytes().splitlines(keepends=True)
        for killed in range(number, number + 8):  # two are queued anew, two marked, which begins the second, and one
            assert strengths(cut(again, killed)) == expected


def test_a_trial_that_is_queued_before_the_first_one_is_finished_comes_after_it(path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_study(path, toy_plan(), interrupting(0), TRIALS, minutes=None)
    opened(path).enqueue_trial(OWN)
    assert [trial.values for trial in run_toy(path, 2)] == [SEARCHED, OWN]


@pytest.mark.filterwarnings("ignore:The best trial has no intermediate values")
def test_trials_of_an_objective_of_ones_own_count_and_count_once(path: Path) -> None:
    def objective(trial: optuna.Trial) -> float:
        trial.suggest_float("strength", 0.01, 1.0, log=True)
        trial.suggest_int("latent", 4, 16, log=True)
        trial.suggest_categorical("bound", ["sphere", "box"])
        return 0.99 + trial.number / 1000

    run_toy(path, 2)
    opened(path).optimize(objective, n_trials=2)
    evaluated: list[dict[str, Any]] = []
    trials = run_study(path, toy_plan(), counting(evaluated), 4, minutes=None)
    assert evaluated == []
    assert [trial.objective for trial in trials[2:]] == [0.992, 0.993]
    assert [trial.trial for trial in trials] == [0, 1, 2, 3]
    assert choose(trials).trial == 3
    assert choose(trials).aurocs == {}
    assert run_study(path, toy_plan(), counting(evaluated), 4, minutes=None) == trials
    later = run_study(path, toy_plan(), counting(evaluated), 6, minutes=None)
    assert later[:4] == trials
    assert len(evaluated) == 2


@pytest.mark.filterwarnings("ignore:WilcoxonPruner finds steps existing")
@pytest.mark.parametrize("pruner", ["wilcoxon", "paired_t"])
def test_the_best_trial_may_be_one_of_ones_own_that_reports_otherwise(pruner: str, path: Path) -> None:
    def objective(trial: optuna.Trial) -> float:
        trial.suggest_float("strength", 0.01, 1.0, log=True)
        for step in range(1, 6):  # and not from 0
            trial.report(0.999, step)
        return 0.95

    run_toy(path, 1, pruner=pruner)
    opened(path).optimize(objective, n_trials=1)
    trials = run_toy(path, TRIALS, pruner=pruner)
    assert len(trials) == TRIALS
    assert "pruned" in {trial.state for trial in trials}
    assert choose(trials).trial == 1
    assert all(trial.objective < 0.95 for trial in trials if trial.state == "pruned")


def test_a_trial_that_somebody_gave_up_counts_as_pruned_and_one_that_failed_not(path: Path) -> None:
    def objective(trial: optuna.Trial) -> float:
        trial.suggest_float("strength", 0.01, 1.0, log=True)
        if trial.number == 2:
            raise RuntimeError("failed")
        trial.report(0.999, 0)
        raise optuna.TrialPruned

    run_toy(path, 1)
    opened(path).optimize(objective, n_trials=3, catch=RuntimeError)
    trials = run_toy(path, 4)
    assert [(trial.state, trial.objective) for trial in trials[1:3]] == [("pruned", 0.999)] * 2
    assert [trial.trial for trial in trials] == [0, 1, 2, 3]
    assert choose(trials).trial in (0, 3)


@pytest.mark.parametrize("values", [{"bound": "cube"}, {"strength": "much"}, {"strength": 0}], ids=str)
def test_a_queued_trial_that_does_not_fit_the_space_is_given_up_with_one_sentence(
    values: dict[str, Any], undisturbed: list[Finished], path: Path
) -> None:
    run_toy(path, 2)
    opened(path).enqueue_trial(values)
    with pytest.raises(StudyError, match=r"^Trial 2 of study toy is given up: [^\n]*[^.]\.$"):
        run_toy(path, TRIALS)
    assert run_toy(path, TRIALS) == undisturbed, "the next run goes on without it"


@pytest.mark.filterwarnings("ignore:Fixed parameter strength")
def test_a_trial_whose_values_the_detector_does_not_take_is_given_up_with_one_sentence(
    undisturbed: list[Finished], path: Path
) -> None:
    def strict(values: dict[str, Any]) -> Iterator[tuple[str, Aurocs]]:
        if values["strength"] > 1:
            raise ConfigError("detectors.toy.strength is 7.0: input should be less than 1.")
        yield from toy_evaluate(values)

    run_toy(path, 2)
    opened(path).enqueue_trial({"strength": 7.0})
    with pytest.raises(StudyError) as error:
        run_study(path, toy_plan(), strict, TRIALS, minutes=None)
    reason = "detectors.toy.strength is 7.0: input should be less than 1."
    assert str(error.value) == f"Trial 2 of study toy is given up: {reason}"
    assert run_study(path, toy_plan(), strict, TRIALS, minutes=None) == undisturbed
