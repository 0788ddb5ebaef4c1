"""Threshold-free metrics of one cell. Anomalies are the positive class, higher scores are more anomalous.

Every threshold takes all samples of equal score together, so that no metric depends on the order of tied samples.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import auc, average_precision_score, roc_curve

from alpa.errors import ScoreError


def auroc(is_anomaly: ArrayLike, scores: ArrayLike) -> float:
    """Return the area under the ROC curve.

    It is the chance that a random anomaly scores higher than a random normal sample, a tie counting one half.

    Args:
        is_anomaly: (N,) booleans, both values present.
        scores: (N,) finite numbers.

    Raises:
        ScoreError: one class only, a non-finite score, or different lengths.
    """
    false_positive, true_positive, _ = roc_curve(*checked(is_anomaly, scores))
    return float(auc(false_positive, true_positive))  # the same bits as roc_auc_score, in half the time


def average_precision(is_anomaly: ArrayLike, scores: ArrayLike) -> float:
    """Return the average precision: sum over thresholds of (step in recall) x precision, without interpolation.

    Arguments and errors as for `auroc`. It depends on the share of anomalies: chance level is that share.
    """
    return float(average_precision_score(*checked(is_anomaly, scores)))


def fpr95(is_anomaly: ArrayLike, scores: ArrayLike) -> float:
    """Return the false positive rate at the highest threshold with a true positive rate of at least 0.95.

    Arguments and errors as for `auroc`. Lower is better. A threshold is a score that occurs, and flags all samples of
    that score or a higher one, so a tie of normal samples with the last needed anomaly counts against the detector.
    There is no interpolation between thresholds.
    """
    false_positive, true_positive, _ = roc_curve(*checked(is_anomaly, scores), drop_intermediate=False)
    return float(false_positive[np.argmax(true_positive >= 0.95)])


def eer(is_anomaly: ArrayLike, scores: ArrayLike) -> float:
    """Return the equal error rate: where the false positive rate equals the false negative rate.

    Arguments and errors as for `auroc`. Lower is better. Between two thresholds the ROC curve is a straight line.
    """
    false_positive, true_positive, _ = roc_curve(*checked(is_anomaly, scores), drop_intermediate=False)
    gap = false_positive - (1 - true_positive)  # rises strictly from -1 to 1 along the curve
    return float(np.interp(0.0, gap, false_positive))


METRICS: dict[str, Callable[[ArrayLike, ArrayLike], float]] = {
    "auroc": auroc,
    "average_precision": average_precision,
    "fpr95": fpr95,
    "eer": eer,
}


def checked(is_anomaly: ArrayLike, scores: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return both as arrays, or raise ScoreError; scikit-learn would warn and return NaN for a one-class test set."""
    labels, values = np.asarray(is_anomaly, dtype=bool), np.asarray(scores)
    if labels.shape != values.shape or labels.ndim != 1:
        raise ScoreError(f"Labels {labels.shape} and scores {values.shape} differ in shape; give one score per sample.")
    if labels.all() or not labels.any():
        raise ScoreError(f"All {len(labels)} samples are of one class; a metric needs normal and anomalous ones.")
    if not np.isfinite(values).all():
        raise ScoreError(f"{np.sum(~np.isfinite(values))} scores are not finite; a metric needs finite ones.")
    return labels, values
