"""DeLong's test beside the double loop of its definition, Wilcoxon's beside enumeration, Holm's step by step."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from alpa.errors import ScoreError
from alpa.evaluation.metrics import auroc
from alpa.evaluation.paired_tests import delong, holm, wilcoxon_over_classes

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


@st.composite
def paired(draw: st.DrawFn) -> Arrays:
    """Return labels with each class at least twice, and two scores with many ties."""
    n_anomalous, n_normal = draw(st.integers(2, 6)), draw(st.integers(2, 25))
    labels = draw(st.permutations([True] * n_anomalous + [False] * n_normal))
    values = st.lists(st.integers(0, 6), min_size=len(labels), max_size=len(labels))
    return np.array(labels), np.array(draw(values), float), np.array(draw(values), float)


def components(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return DeLong's kernel of each pair (anomalous, normal): 1, 1/2 for a tie, or 0."""
    anomalous, normal = scores[labels], scores[~labels]
    return np.array([[(a > n) + (a == n) / 2 for n in normal] for a in anomalous])


def brute_force(labels: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Return the difference and its standard error by the covariances of the structural components."""
    kernels = [components(labels, first), components(labels, second)]
    variance = 0.0
    for axis in (1, 0):  # over anomalous samples, then over normal ones
        covariance = np.cov([kernel.mean(axis) for kernel in kernels])
        variance += (covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]) / kernels[0].shape[1 - axis]
    return kernels[0].mean() - kernels[1].mean(), np.sqrt(max(variance, 0))


@settings(max_examples=200, deadline=None)
@given(paired())
def test_delong_equals_the_double_loop_over_all_pairs(data: Arrays) -> None:
    difference, error = brute_force(*data)
    found = delong(*data)
    assert found.difference == pytest.approx(difference, abs=1e-12)
    assert found.standard_error == pytest.approx(error, abs=1e-7)  # the root of a sum that cancels
    assert found.difference == pytest.approx(auroc(*data[:2]) - auroc(data[0], data[2]), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(paired())
def test_delong_turns_round_with_its_scores_and_sees_their_ranks_alone(data: Arrays) -> None:
    labels, first, second = data
    found, swapped = delong(*data), delong(labels, second, first)
    assert swapped.difference == -found.difference
    assert swapped[1:] == pytest.approx(found[1:], nan_ok=True)
    assert delong(labels, rankdata(first), np.exp(second)) == pytest.approx(found, nan_ok=True)
    assert delong(~labels, -first, -second) == pytest.approx(found, nan_ok=True)


def test_delong_by_hand() -> None:
    # Anomalies 4 and 2, normals 3 and 1: shares of normals below 1 and 1/2, of anomalies above 1/2 and 1. The other
    # score ties all, 1/2 each. Differences 1/2, 0 and 0, 1/2, each of variance 1/8: 1/8 / 2 + 1/8 / 2 = 1/8.
    found = delong([True, False, True, False], [4, 3, 2, 1], [0, 0, 0, 0])
    assert found.difference == 1 / 4
    assert found.standard_error == pytest.approx(8**-0.5)
    assert found.p_value == pytest.approx(0.4795, abs=1e-4)  # twice the normal tail beyond sqrt(8) / 4 = 0.7071


def test_equal_scores_differ_by_nothing_with_a_p_value_of_one() -> None:
    labels, scores = np.arange(20) % 2 == 0, np.random.default_rng(0).normal(size=20)
    assert delong(labels, scores, scores) == (0, 0, 1)


def test_a_difference_without_any_variance_has_no_p_value() -> None:
    labels, scores = np.arange(6) % 3 == 0, np.array([1, 0, 0, 1, 0, 0])
    difference, error, p_value = delong(labels, scores, -scores)
    assert (difference, error) == (1, 0)
    assert np.isnan(p_value)


def test_delong_rejects_a_true_null_at_its_level_and_finds_a_difference() -> None:
    rng, labels = np.random.default_rng(0), np.arange(120) % 2 == 0
    null, shifted = [], []
    for _ in range(400):
        shared = labels + rng.normal(size=120)
        first, second = (shared + rng.normal(size=120) for _ in range(2))
        null.append(delong(labels, first, second).p_value)
        shifted.append(delong(labels, first + labels, second).p_value)
    assert np.mean(np.array(null) < 0.05) == pytest.approx(0.05, abs=0.03)  # its deviation is 0.011
    assert np.mean(np.array(shifted) < 0.05) > 0.9


@pytest.mark.parametrize(
    ("labels", "second", "complaint"),
    [
        ([True, False, False], [1, 2, 3], "A class has one sample"),
        ([True, True, True], [1, 2, 3], "All 3 samples are of one class"),
        ([True, False, False], [1, 2], "differ in shape"),
        ([True, False, False], [1, 2, np.nan], "1 scores are not finite"),
    ],
)
def test_delong_refuses_what_has_no_answer(labels: list[bool], second: list[float], complaint: str) -> None:
    with pytest.raises(ScoreError, match=complaint):
        delong(labels, [3, 1, 2], second)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-9, 9).map(float), min_size=1, max_size=10, unique_by=abs))
def test_wilcoxon_without_ties_is_the_share_of_signs_that_are_as_extreme(differences: list[float]) -> None:
    found = wilcoxon_over_classes(differences)
    values = np.array([value for value in differences if value])
    ranks = rankdata(np.abs(values))
    least = min(ranks[values > 0].sum(), ranks[values < 0].sum())
    sums = [
        sum(ranks[list(chosen)])
        for k in range(len(ranks) + 1)
        for chosen in itertools.combinations(range(len(ranks)), k)
    ]
    assert found.n == len(values)
    assert found.mean_difference == pytest.approx(np.mean(differences))
    assert found.p_value == pytest.approx(min(1, 2 * np.mean(np.array(sums) <= least)))


def test_wilcoxon_without_a_difference_has_a_p_value_of_one() -> None:
    assert wilcoxon_over_classes([0.0, 0.0]) == (0, 0, 1)


def test_ten_classes_that_agree_are_the_most_that_ten_can_show() -> None:
    assert wilcoxon_over_classes(np.arange(1, 11) / 100).p_value == pytest.approx(2 / 2**10)


@pytest.mark.parametrize("bad", [[], [[0.1]], [0.1, np.nan], [np.inf]])
def test_wilcoxon_refuses_what_is_no_row_of_finite_numbers(bad: list) -> None:
    with pytest.raises(ScoreError, match=r"give one for each class\.$"):
        wilcoxon_over_classes(bad)


@settings(max_examples=100)
@given(st.lists(st.floats(0, 1), max_size=8), st.floats(0.001, 0.999))
def test_holm_rejects_step_by_step_as_it_is_defined(p_values: list[float], level: float) -> None:
    rejected = set()
    for step, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        if p_values[place] * (len(p_values) - step) > level:
            break
        rejected.add(place)
    assert set(np.flatnonzero(holm(p_values) <= level)) == rejected


def test_holm_counts_a_test_without_an_answer() -> None:
    assert holm([0.01, float("nan")]).tolist() == [0.02, 1.0]
