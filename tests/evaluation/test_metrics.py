import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpa.errors import ScoreError
from alpa.evaluation.metrics import METRICS, auroc, average_precision, eer, fpr95

# Sorted by score: 9 anomalous, 8 normal, 7 anomalous, 6 anomalous, 5 normal, 4 normal.
LABELS = [True, False, True, True, False, False]
SCORES = [9.0, 8.0, 7.0, 6.0, 5.0, 4.0]


def test_auroc_counts_the_pairs_in_the_right_order():
    wins = 3 + 2 + 2  # anomaly 9 beats three normals, 7 beats two, 6 beats two
    assert auroc(LABELS, SCORES) == pytest.approx(wins / (3 * 3))


def test_auroc_of_a_tie_is_one_half():
    assert auroc([True, False], [1.0, 1.0]) == 0.5


def test_auroc_is_one_when_every_anomaly_scores_higher():
    assert auroc([False, True], [1.0, 2.0]) == 1.0


def test_average_precision_sums_precision_at_each_anomaly():
    assert average_precision(LABELS, SCORES) == pytest.approx((1 / 1 + 2 / 3 + 3 / 4) / 3)


def test_average_precision_of_an_all_tied_score_is_the_share_of_anomalies():
    assert average_precision([True, False, False, False], np.ones(4)) == pytest.approx(1 / 4)


def test_fpr95_is_the_false_positive_rate_where_the_last_needed_anomaly_is_found():
    # Two of three anomalies are 0.67 < 0.95, so the threshold is 6; one normal of three (8) lies above it.
    assert fpr95(LABELS, SCORES) == pytest.approx(1 / 3)


def test_fpr95_needs_19_of_20_anomalies_and_not_the_20th():
    labels = [True] * 19 + [False, True]
    assert fpr95(labels, np.arange(21, 0, -1)) == 0.0


def test_fpr95_takes_all_samples_of_the_threshold_s_score():
    # The anomaly is found at score 1 together with one of the two normals.
    assert fpr95([True, False, False], [1.0, 1.0, 0.0]) == pytest.approx(1 / 2)


def test_eer_is_where_both_error_rates_are_equal():
    # At threshold 7: one normal of three above it (1/3), one anomaly of three below it (1/3).
    assert eer(LABELS, SCORES) == pytest.approx(1 / 3)


def test_eer_lies_on_the_straight_line_between_two_thresholds():
    # ROC points (0, 0), (1/2, 1), (1, 1): the first line t -> (t/2, t) meets fpr = 1 - tpr at t/2 = 1 - t, t = 2/3.
    assert eer([True, False, False], [1.0, 1.0, 0.0]) == pytest.approx(1 / 3)


def test_eer_of_an_all_tied_score_is_one_half():
    assert eer([True, False, False], np.ones(3)) == pytest.approx(0.5)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_one_class_is_an_error(metric):
    with pytest.raises(ScoreError, match="All 2 samples are of one class"):
        metric([True, True], [0.0, 1.0])


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_a_score_that_is_not_finite_is_an_error(metric):
    with pytest.raises(ScoreError, match="1 scores are not finite"):
        metric([True, False], [0.0, np.nan])


def test_labels_and_scores_of_different_length_are_an_error():
    with pytest.raises(ScoreError, match="differ in shape"):
        auroc([True, False], [0.0, 1.0, 2.0])


# Few distinct values, so that most examples have ties.
samples = st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=30).filter(
    lambda pairs: len({label for label, _ in pairs}) == 2
)


def brute_force_points(labels, scores):
    """Return (threshold's false positive rate, true positive rate, precision) from the highest threshold down."""
    points = []
    for threshold in sorted(set(scores), reverse=True):
        found = [label for label, score in zip(labels, scores, strict=True) if score >= threshold]
        hits = sum(found)
        points.append(((len(found) - hits) / (len(labels) - sum(labels)), hits / sum(labels), hits / len(found)))
    return points


@settings(max_examples=100, deadline=None)
@given(samples)
def test_every_metric_equals_brute_force(pairs):
    labels, scores = zip(*pairs, strict=True)
    points = brute_force_points(labels, scores)
    anomalies = [score for label, score in pairs if label]
    normals = [score for label, score in pairs if not label]
    wins = sum((a > n) + (a == n) / 2 for a in anomalies for n in normals)
    recalls = [0.0] + [recall for _, recall, _ in points]
    area = sum((recall - before) * p for (_, recall, p), before in zip(points, recalls, strict=False))
    assert auroc(labels, scores) == pytest.approx(wins / (len(anomalies) * len(normals)))
    assert average_precision(labels, scores) == pytest.approx(area)
    assert fpr95(labels, scores) == pytest.approx(next(fpr for fpr, tpr, _ in points if tpr >= 0.95))
    assert eer(labels, scores) == pytest.approx(brute_force_eer(points))


def brute_force_eer(points):
    """Return fpr on the first segment of the ROC curve on which fpr + tpr reaches 1."""
    (fpr, tpr) = (0.0, 0.0)
    for next_fpr, next_tpr, _ in points:
        if next_fpr + next_tpr >= 1:
            share = (1 - fpr - tpr) / (next_fpr + next_tpr - fpr - tpr)
            return fpr + share * (next_fpr - fpr)
        fpr, tpr = next_fpr, next_tpr
    raise AssertionError("the curve ends in (1, 1)")


@given(samples)
@settings(max_examples=30, deadline=None)
def test_no_metric_depends_on_the_order_of_samples(pairs):
    labels, scores = zip(*pairs, strict=True)
    for metric in METRICS.values():
        assert metric(labels, scores) == pytest.approx(metric(labels[::-1], scores[::-1]))
