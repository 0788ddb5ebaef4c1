import numpy as np
import pytest

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
