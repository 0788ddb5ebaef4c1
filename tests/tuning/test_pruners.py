"""When a trial is given up, on hand-made histories of a best trial and of one that follows it."""

import warnings
from collections.abc import Sequence

import optuna
import pytest
from optuna.trial import TrialState

from alpa.tuning.pruners import PRUNERS, make_pruner

BEST = (0.9, 0.8, 0.7, 0.6, 0.5)


@pytest.fixture(autouse=True)
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def study_of(pruner: str, *histories: Sequence[float], state: TrialState = TrialState.COMPLETE) -> optuna.Study:
    """Return a study whose trials saw these values, class by class, and are worth their means."""
    study = optuna.create_study(direction="maximize", pruner=make_pruner(pruner))
    for values in histories:
        steps = dict(enumerate(values))
        mean = sum(values) / len(values)
        study.add_trial(optuna.create_trial(state=state, value=mean, intermediate_values=steps))
    return study


def given_up_after(study: optuna.Study, values: Sequence[float]) -> int | None:
    """Return after how many classes a trial with these values is given up, None if never."""
    trial = study.ask()
    for step, value in enumerate(values):
        trial.report(value, step)
        if trial.should_prune():
            return step + 1
    return None


def below(*differences: float) -> list[float]:
    return [value - difference for value, difference in zip(BEST, differences, strict=False)]


@pytest.mark.parametrize(
    ("pruner", "differences", "expected"),
    [
        # Much worse on every class: p = 2**-n of n classes, and 1/16 is the first below 0.1.
        ("wilcoxon", (0.4, 0.3, 0.35, 0.2, 0.25), 4),
        ("wilcoxon", (0.1, 0.1, 0.1, 0.1, 0.1), 4),
        # Its mean of the four easiest classes is above the best one's mean of all five, so Optuna waits for the fifth.
        ("wilcoxon", (0.001, 0.002, 0.003, 0.004, 0.005), 5),
        # Better on the first class by the least: 2 of 32 sign patterns are as bad, 1/16; after four 2/16.
        ("wilcoxon", (-0.01, 0.2, 0.3, 0.1, 0.15), 5),
        # Equal on a class: half of its rank speaks for the trial.
        ("wilcoxon", (0.0, 0.2, 0.3, 0.1), None),
        ("wilcoxon", (0.0, 0.0, 0.0, 0.0, 0.0), None),
        ("wilcoxon", (-0.1, -0.2, -0.1, -0.3, -0.2), None),
        ("wilcoxon", (0.1, -0.2, 0.1, -0.1, 0.1), None),
        # Mean -0.1 with a deviation of 0.01: t = -0.1 / (0.01 / sqrt 3) = -17.3.
        ("paired_t", (0.1, 0.09, 0.11, 0.1, 0.1), 3),
        ("paired_t", (0.1, 0.1, 0.1), 3),
        ("paired_t", (1e-6, 1e-6, 1e-6), 3),
        # t = -0.2 / (0.1 / sqrt 3) = -3.46 with two degrees of freedom: p = 0.037.
        ("paired_t", (0.1, 0.2, 0.3), 3),
        # t = -0.15 / (0.1 / sqrt 3) = -2.60: p = 0.061; a fourth class at -0.15 makes it -3.67 with three: p = 0.017.
        ("paired_t", (0.05, 0.15, 0.25, 0.15), 4),
        ("paired_t", (0.0, 0.0, 0.0, 0.0, 0.0), None),
        ("paired_t", (-0.1, -0.1, -0.1), None),
        ("paired_t", (0.4, -0.1, 0.1, -0.1, 0.1), None),
        ("none", (0.4, 0.4, 0.4, 0.4, 0.4), None),
    ],
)
def test_a_trial_is_given_up_as_soon_as_its_classes_say_so(
    pruner: str, differences: Sequence[float], expected: int | None
) -> None:
    assert given_up_after(study_of(pruner, BEST), below(*differences)) == expected


@pytest.mark.parametrize("pruner", PRUNERS)
def test_two_classes_never_suffice(pruner: str) -> None:
    assert given_up_after(study_of(pruner, (0.9, 0.9)), (0.1, 0.2)) is None


@pytest.mark.parametrize("pruner", PRUNERS)
def test_the_first_trial_has_nothing_to_be_compared_with(pruner: str) -> None:
    assert given_up_after(study_of(pruner), (0.1, 0.1, 0.1, 0.1, 0.1)) is None


@pytest.mark.parametrize(("pruner", "expected"), [("wilcoxon", 4), ("paired_t", 3)])
def test_a_trial_is_compared_with_the_best_one_and_not_with_the_last(pruner: str, expected: int) -> None:
    middling = [value - 0.1 for value in BEST]
    for others in ((BEST, [0.1] * 5), ([0.1] * 5, BEST)):
        assert given_up_after(study_of(pruner, *others), middling) == expected


@pytest.mark.parametrize("pruner", ["wilcoxon", "paired_t"])
def test_a_trial_that_somebody_gave_up_is_not_the_best_one(pruner: str) -> None:
    study = study_of(pruner, (0.99, 0.99, 0.99, 0.99, 0.99), state=TrialState.PRUNED)
    assert given_up_after(study, (0.1, 0.1, 0.1, 0.1, 0.1)) is None


@pytest.mark.filterwarnings("ignore:WilcoxonPruner finds steps existing")
@pytest.mark.parametrize("pruner", ["wilcoxon", "paired_t"])
def test_only_classes_that_both_saw_are_compared(pruner: str) -> None:
    assert given_up_after(study_of(pruner, (0.9, 0.8)), (0.1, 0.1, 0.1, 0.1, 0.1)) is None


@pytest.mark.parametrize("pruner", PRUNERS)
def test_making_a_pruner_says_nothing(pruner: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_pruner(pruner)
