"""Every metric on random sets with ties, constants, few samples or few of one class, beside brute force."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu
from sklearn.metrics import average_precision_score, roc_auc_score

from alpa.errors import ScoreError
from alpa.evaluation.metrics import METRICS, auroc, average_precision, eer, fpr95

Sample = tuple[bool, float]

FEW = st.integers(0, 5).map(float)  # so that most sets have ties
ANY = st.one_of(FEW, st.floats(-(2.0**100), 2.0**100, width=32))  # of all magnitudes, float32 as scores are


@st.composite
def sets(draw: st.DrawFn) -> list[Sample]:
    """Return samples of both classes in any order, few of one and any number of the other; some scores are constant."""
    kind = draw(st.sampled_from([FEW, ANY, st.just(0.5)]))
    rare, often = draw(st.integers(1, 3)), draw(st.integers(1, 40))
    rare_label = draw(st.booleans())
    labels = draw(st.permutations([rare_label] * rare + [not rare_label] * often))
    return [(label, draw(kind)) for label in labels]


def apart(samples: Sequence[Sample]) -> tuple[list[bool], list[float]]:
    labels, scores = zip(*samples, strict=True)
    return list(labels), list(scores)


def roc(samples: Sequence[Sample]) -> list[tuple[float, float, float]]:
    """Return (false positive rate, true positive rate, precision) of each threshold, the highest first."""
    labels, scores = apart(samples)
    points = []
    for threshold in sorted(set(scores), reverse=True):
        found = [label for label, score in samples if score >= threshold]
        hits = sum(found)
        points.append(((len(found) - hits) / (len(labels) - sum(labels)), hits / sum(labels), hits / len(found)))
    return points


def pair_count(samples: Sequence[Sample]) -> float:
    anomalies = [score for label, score in samples if label]
    normals = [score for label, score in samples if not label]
    wins = sum((a > n) + (a == n) / 2 for a in anomalies for n in normals)
    return wins / (len(anomalies) * len(normals))


def area_of_steps(samples: Sequence[Sample]) -> float:
    recall, area = 0.0, 0.0
    for _, reached, precision in roc(samples):
        area, recall = area + (reached - recall) * precision, reached
    return area


def first_fpr_that_finds_95_percent(samples: Sequence[Sample]) -> float:
    """Return the lowest rate at which normal samples are flagged by a score that occurs and that finds enough."""
    needed = math.ceil(0.95 * sum(label for label, _ in samples))
    thresholds = [s for _, s in samples if sum(label and score >= s for label, score in samples) >= needed]
    normals = [score for label, score in samples if not label]
    return min(sum(score >= threshold for score in normals) / len(normals) for threshold in thresholds)


def crossing(samples: Sequence[Sample]) -> float:
    """Return fpr on the first segment of the ROC curve on which fpr + tpr reaches 1."""
    fpr, tpr = 0.0, 0.0
    for next_fpr, next_tpr, _ in roc(samples):
        if next_fpr + next_tpr >= 1:
            share = (1 - fpr - tpr) / (next_fpr + next_tpr - fpr - tpr)
            return fpr + share * (next_fpr - fpr)
        fpr, tpr = next_fpr, next_tpr
    raise AssertionError("the curve ends in (1, 1)")


BRUTE_FORCE = {
    "auroc": pair_count,
    "average_precision": area_of_steps,
    "fpr95": first_fpr_that_finds_95_percent,
    "eer": crossing,
}


def test_every_metric_has_a_brute_force() -> None:
    assert set(BRUTE_FORCE) == set(METRICS)


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=150, deadline=None)
@example([(True, 0.5), (False, 0.5)])
@given(samples=sets())
def test_a_metric_equals_brute_force(metric: str, samples: list[Sample]) -> None:
    assert METRICS[metric](*apart(samples)) == pytest.approx(BRUTE_FORCE[metric](samples), abs=1e-12)


@settings(max_examples=150, deadline=None)
@given(sets())
def test_auroc_and_average_precision_are_those_of_scikit_learn_and_scipy(samples: list[Sample]) -> None:
    labels, scores = apart(samples)
    assert auroc(labels, scores) == roc_auc_score(labels, scores)
    assert average_precision(labels, scores) == average_precision_score(labels, scores)
    wins = mannwhitneyu(
        [score for label, score in samples if label],
        [score for label, score in samples if not label],
        method="asymptotic",
    ).statistic
    assert auroc(labels, scores) == pytest.approx(wins / (sum(labels) * (len(labels) - sum(labels))))


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=60, deadline=None)
@given(samples=sets(), shuffled=st.randoms())
def test_no_metric_depends_on_the_order_of_samples_or_on_the_scale_of_scores(
    metric: str, samples: list[Sample], shuffled: object
) -> None:
    found = METRICS[metric](*apart(samples))
    other = list(samples)
    shuffled.shuffle(other)
    assert METRICS[metric](*apart(other)) == pytest.approx(found, abs=1e-12)
    labels, scores = apart(samples)
    ranks = np.unique(scores, return_inverse=True)[1]  # any rising map
    assert METRICS[metric](labels, ranks) == pytest.approx(found, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(sets())
def test_the_negated_score_turns_auroc_and_the_equal_error_rate_round(samples: list[Sample]) -> None:
    labels, scores = apart(samples)
    negated = [-score for score in scores]
    assert auroc(labels, negated) == pytest.approx(1 - auroc(labels, scores), abs=1e-12)
    assert eer(labels, negated) == pytest.approx(1 - eer(labels, scores), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.integers(1, 50), ANY)
def test_a_constant_score_is_chance_in_every_metric(n_anomalous: int, n_normal: int, score: float) -> None:
    labels = [True] * n_anomalous + [False] * n_normal
    scores = np.full(len(labels), score)
    assert auroc(labels, scores) == 0.5
    assert eer(labels, scores) == pytest.approx(0.5)
    assert fpr95(labels, scores) == 1
    assert average_precision(labels, scores) == pytest.approx(n_anomalous / len(labels))


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=30, deadline=None)
@given(samples=sets(), bad=st.sampled_from([np.nan, np.inf, -np.inf]), place=st.integers(0))
def test_one_score_that_is_not_finite_is_refused_wherever_it_is(
    metric: str, samples: list[Sample], bad: float, place: int
) -> None:
    labels, scores = apart(samples)
    scores[place % len(scores)] = bad
    with pytest.raises(ScoreError, match="1 scores are not finite"):
        METRICS[metric](labels, scores)


@pytest.mark.parametrize("metric", METRICS)
@given(label=st.booleans(), n=st.integers(0, 9))
def test_one_class_or_none_is_refused(metric: str, label: bool, n: int) -> None:
    with pytest.raises(ScoreError, match=f"All {n} samples are of one class"):
        METRICS[metric]([label] * n, range(n))
