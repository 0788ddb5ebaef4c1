"""A study on a made-up detector: what its trials are, how it grows, and what diverges in it."""

import datetime
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest

from alpa.errors import ModelError, StudyError
from alpa.tuning.finished import Aurocs, Finished, choose
from alpa.tuning.journal import study_path
from alpa.tuning.study import WORST, Evaluate, replay, run_study
from tests.tuning.toy import (
    CLASSES,
    SEARCHED,
    SPACE,
    TRIALS,
    counting,
    opened,
    run_toy,
    toy_aurocs,
    toy_evaluate,
    toy_plan,
)


def test_a_studys_name_is_its_files() -> None:
    assert study_path("digits", "alpa") == Path(".cache/studies/digits-alpa.journal")
    assert study_path("digits", "alpa", "wide") == Path(".cache/studies/digits-alpa-wide.journal")


def test_the_first_trial_has_the_untuned_values_of_what_is_searched(undisturbed: list[Finished]) -> None:
    assert undisturbed[0].values == SEARCHED
    assert undisturbed[0].aurocs == {name: toy_aurocs(SEARCHED, place) for place, name in enumerate(CLASSES)}
    lost = 0.30103**2 / 10 + 4 / 100  # of strength 0.1, two times below 0.2, and of latent 8, four below 12
    # The five classes lose 1.0, 1.1, ... 1.4 times that, 1.2 on the mean, and 0 to 4 fiftieths, 2 on the mean.
    assert undisturbed[0].objective == pytest.approx((0.95 + 0.85) / 2 - 1.2 * lost * 3 / 2 - 2 / 50, abs=1e-6)


def test_trials_are_numbered_and_differ_and_lie_in_the_space(undisturbed: list[Finished]) -> None:
    assert [trial.trial for trial in undisturbed] == list(range(TRIALS))
    assert len({str(trial.values) for trial in undisturbed}) == TRIALS
    for trial in undisturbed:
        assert set(trial.values) == set(SPACE)
        assert trial.values["bound"] in ("sphere", "box")
        assert 4 <= trial.values["latent"] <= 16
        assert isinstance(trial.values["latent"], int)
        assert 0.01 <= trial.values["strength"] <= 1


def test_a_trial_is_worth_the_mean_over_classes_of_the_mean_over_families(path: Path) -> None:
    def evaluate(values: dict[str, Any]) -> Iterator[tuple[str, Aurocs]]:
        yield "a", {"permuted": 0.5, "warped": 1.0}
        yield "b", {"permuted": 0.25}

    [trial] = run_study(path, toy_plan(), evaluate, trials=1, minutes=None)
    assert trial.objective == 0.5  # (0.75 + 0.25) / 2
    assert trial.aurocs == {"a": {"permuted": 0.5, "warped": 1.0}, "b": {"permuted": 0.25}}


@pytest.mark.parametrize("pruner", ["wilcoxon", "paired_t"])
def test_a_pruned_trial_is_worth_less_than_the_best_and_is_never_chosen(pruner: str, path: Path) -> None:
    trials = run_toy(path, 20, pruner=pruner)
    pruned = [trial for trial in trials if trial.state == "pruned"]
    assert len(pruned) > 3
    for trial in pruned:
        earlier = [other for other in trials[: trial.trial] if other.state == "complete"]
        best = max(earlier, key=lambda other: other.objective)
        assert list(trial.aurocs) == list(CLASSES[: len(trial.aurocs)])
        leads = [sum(found.values()) / 2 - sum(best.aurocs[name].values()) / 2 for name, found in trial.aurocs.items()]
        assert trial.objective == pytest.approx(best.objective + sum(leads) / len(leads), abs=1e-12)
        assert trial.objective < best.objective
    assert choose(trials).objective == max(trial.objective for trial in trials)
    assert min(len(trial.aurocs) for trial in pruned) == {"wilcoxon": 4, "paired_t": 3}[pruner]


def test_without_a_pruner_every_trial_sees_every_class(path: Path) -> None:
    trials = run_toy(path, 8, pruner="none")
    assert {trial.state for trial in trials} == {"complete"}
    assert {len(trial.aurocs) for trial in trials} == {len(CLASSES)}


def test_a_trial_that_is_better_on_the_mean_is_not_given_up_for_many_small_losses(path: Path) -> None:
    # Better on the first class by 0.3, then worse on seven by a hundredth and less. The Wilcoxon test looks at ranks:
    # p = 25/256 after eight classes. The two last ones, which only the best trial saw, lift its mean above this one's.
    first = [0.5] * 8 + [1.0, 1.0]
    second = [0.8] + [0.5 - place / 1000 for place in range(1, 8)] + [1.0, 1.0]
    histories = iter([first, second])

    def evaluate(values: dict[str, Any]) -> Iterator[tuple[str, Aurocs]]:
        yield from ((str(place), {"warped": value}) for place, value in enumerate(next(histories)))

    trials = run_study(path, toy_plan(), evaluate, trials=2, minutes=None)
    assert [trial.state for trial in trials] == ["complete", "complete"]
    assert choose(trials).trial == 1


def test_the_seed_decides_the_trials(undisturbed: list[Finished], path: Path) -> None:
    others = run_toy(path, TRIALS, seed=1)
    assert others[0] == undisturbed[0]
    assert all(other.values != trial.values for other, trial in zip(others[1:], undisturbed[1:], strict=True))


@pytest.mark.parametrize("parts", [(1, 6), (4, 6), (1, 2, 3, 4, 5, 6), (6, 6)], ids=str)
def test_a_study_that_grows_is_one_that_was_as_large_at_once(
    parts: tuple[int, ...], undisturbed: list[Finished], path: Path
) -> None:
    for trials in parts:
        assert run_toy(path, trials) == undisturbed[:trials]


@pytest.mark.parametrize("trials", [1, 3, TRIALS])
def test_fewer_trials_than_there_are_are_the_first_and_no_byte_is_written(
    trials: int, undisturbed: list[Finished], path: Path
) -> None:
    run_toy(path, TRIALS)
    before = path.read_bytes()
    evaluated: list[dict[str, Any]] = []
    assert run_study(path, toy_plan(), counting(evaluated), trials, minutes=None) == undisturbed[:trials]
    assert evaluated == []
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_study_gets_no_more_trials_once_they_took_so_many_minutes(undisturbed: list[Finished], path: Path) -> None:
    def slow(values: dict[str, Any]) -> Iterator[tuple[str, Aurocs]]:
        time.sleep(0.04)
        yield from toy_evaluate(values)

    found = run_study(path, toy_plan(), slow, TRIALS, minutes=0.1 / 60)
    took = [trial.user_attrs["seconds"] for trial in opened(path).trials if "seconds" in trial.user_attrs]
    assert sum(took[:-1]) < 0.1 <= sum(took)
    assert len(took) == len(found) < TRIALS
    assert found == undisturbed[: len(found)]
    before = path.read_bytes()
    assert run_study(path, toy_plan(), slow, TRIALS, minutes=0.1 / 60) == found
    assert path.read_bytes() == before, "all its trials count, not those of this process"
    assert run_study(path, toy_plan(), toy_evaluate, TRIALS, minutes=60) == undisturbed


def test_a_clock_that_jumps_ends_no_study(
    undisturbed: list[Finished], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Jumping(datetime.datetime):
        days = 0

        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:
            cls.days += 1
            return datetime.datetime.now(tz) + datetime.timedelta(days=cls.days)

    monkeypatch.setattr("optuna.storages.journal._storage.datetime", Jumping)
    assert run_study(path, toy_plan(), toy_evaluate, TRIALS, minutes=1) == undisturbed
    assert opened(path).trials[0].duration > datetime.timedelta(hours=1)


def diverging(values: dict[str, Any]) -> Iterator[tuple[str, Aurocs]]:
    """Diverge in the second class of every trial but the untuned one."""
    for name, found in toy_evaluate(values):
        if name == CLASSES[1] and values != SEARCHED:
            raise ModelError("toy, class 0, seed 0: The loss of toy is nan by step 6; lower the learning rate.")
        yield name, found


def not_finite(values: dict[str, Any]) -> Iterator[tuple[str, Aurocs]]:
    """Be worth nothing in the second class of every trial but the untuned one."""
    for name, found in toy_evaluate(values):
        yield name, found if name != CLASSES[1] or values == SEARCHED else found | {"warped": float("nan")}


@pytest.mark.parametrize(
    ("evaluate", "reason"),
    [
        (diverging, "toy, class 0, seed 0: The loss of toy is nan by step 6; lower the learning rate"),
        (not_finite, "the objective of class 0 is nan"),
    ],
)
def test_a_trial_that_diverges_counts_as_the_worst_with_one_sentence_and_the_study_goes_on(
    evaluate: Evaluate, reason: str, undisturbed: list[Finished], path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trials = run_study(path, toy_plan(), evaluate, 3, minutes=None)
    assert trials[0] == undisturbed[0]
    assert [(trial.state, trial.objective, trial.aurocs) for trial in trials[1:]] == [("diverged", WORST, {})] * 2
    assert trials[1].values == undisturbed[1].values
    said = capsys.readouterr().out.splitlines()
    assert said == [f"toy, trial {number}: {reason}; it counts as AUROC 0." for number in (1, 2)]
    assert choose(trials).trial == 0
    assert run_study(path, toy_plan(), evaluate, 3, minutes=None) == trials


def test_untuned_values_that_diverge_end_the_study_with_one_sentence(undisturbed: list[Finished], path: Path) -> None:
    def broken(values: dict[str, Any]) -> Iterator[tuple[str, Aurocs]]:
        raise ModelError("The loss of toy is nan by step 6; lower the learning rate.")
        yield

    for _ in range(2):
        with pytest.raises(ModelError) as error:
            run_study(path, toy_plan(), broken, TRIALS, minutes=None)
        assert str(error.value) == (
            "The study cannot begin, as its untuned values fail: The loss of toy is nan by step 6; lower the learning "
            "rate."
        )
    assert run_toy(path, TRIALS) == undisturbed, "once they do not, it begins"


def test_any_other_error_goes_through_and_the_trial_is_run_again(undisturbed: list[Finished], path: Path) -> None:
    def broken(values: dict[str, Any]) -> Iterator[tuple[str, Aurocs]]:
        yield from ()
        raise OSError(28, "No space left on device")

    run_toy(path, 2)
    with pytest.raises(OSError, match="No space left"):
        run_study(path, toy_plan(), broken, TRIALS, minutes=None)
    assert run_toy(path, TRIALS) == undisturbed


@pytest.mark.parametrize("level", [optuna.logging.DEBUG, optuna.logging.ERROR])
def test_how_much_optuna_says_is_afterwards_as_it_was(level: int, path: Path) -> None:
    before = optuna.logging.get_verbosity()
    try:
        optuna.logging.set_verbosity(level)
        run_toy(path, 1)
        assert optuna.logging.get_verbosity() == level
        with pytest.raises(StudyError):
            run_toy(path, 2, space={"latent": SPACE["latent"]})
        assert optuna.logging.get_verbosity() == level
        replay("none", [{"3": {"warped": 0.5}}])
        assert optuna.logging.get_verbosity() == level
    finally:
        optuna.logging.set_verbosity(before)


def test_optuna_does_not_tell_of_every_trial(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run_toy(path, 2)
    said = capfd.readouterr()
    assert said.out == ""
    assert "Trial" not in said.err
    assert "toy: 100%" in said.err


@pytest.mark.parametrize("pruner", ["wilcoxon", "paired_t"])
def test_replaying_whole_trials_gives_what_the_study_would_have_been(pruner: str, path: Path) -> None:
    trials = run_toy(path, 8, pruner=pruner)
    whole = [{name: toy_aurocs(trial.values, place) for place, name in enumerate(CLASSES)} for trial in trials]
    replayed = replay(pruner, whole)
    assert [(trial.state, trial.objective, trial.aurocs) for trial in replayed] == [
        (trial.state, trial.objective, trial.aurocs) for trial in trials
    ]
    assert "pruned" in {trial.state for trial in trials}
    assert {trial.state for trial in replay("none", whole)} == {"complete"}
