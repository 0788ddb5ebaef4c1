"""Tests of whether two detectors differ, which stand beside the paired bootstrap: DeLong, Wilcoxon, and Holm.

Each asks something else. DeLong's test compares two sets of scores of one cell and takes its test images for a random
sample. Wilcoxon's compares two detectors over classes and takes these for one. Holm's correction is for many pairs.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, rankdata, wilcoxon

from alpa.errors import ScoreError
from alpa.evaluation.metrics import checked

Floats = NDArray[np.float64]
ROUNDING = 1e-12  # below which a number of 1 / (2 N) is zero but for rounding


class DeLong(NamedTuple):
    """The AUROC of the first scores minus that of the second, its standard error, and the two-sided p-value."""

    difference: float
    standard_error: float
    p_value: float


class Placements(NamedTuple):
    """For each anomaly the share of normal samples below it, for each normal sample that of anomalies above it.

    A tie counts one half. The mean of either is the AUROC.
    """

    anomalous: Floats
    normal: Floats


class Wilcoxon(NamedTuple):
    """The mean difference, the number of differences that are not zero, and the two-sided p-value."""

    mean_difference: float
    n: int
    p_value: float


def delong(is_anomaly: ArrayLike, scores: ArrayLike, other_scores: ArrayLike) -> DeLong:
    """Compare the AUROCs of two scores of the same samples.

    After E. DeLong, D. DeLong and D. Clarke-Pearson, Biometrics 44, 1988, with the mid-ranks of X. Sun and W. Xu, IEEE
    Signal Processing Letters 21, 2014, so that the time grows as sorting does. The p-value is a normal approximation.

    Args:
        is_anomaly: (N,) booleans, each value at least twice.
        scores: (N,) finite numbers, higher is more anomalous.
        other_scores: (N,) likewise.

    Returns:
        A p-value of 1 where all is equal, and of NaN where the AUROCs differ without any variance: then there are too
        few samples to tell.

    Raises:
        ScoreError: as for `auroc`, or a class has one sample, of which there is no variance.
    """
    labels, first = checked(is_anomaly, scores)
    _, second = checked(is_anomaly, other_scores)
    if min(labels.sum(), (~labels).sum()) < 2:
        raise ScoreError("A class has one sample; DeLong's test needs two normal and two anomalous ones.")
    return compare_placements(placements(labels, first), placements(labels, second))


def placements(labels: NDArray[np.bool_], scores: Floats) -> Placements:
    """Return the placements of samples (N,) by checked labels, anomalies true, and scores."""
    ranks, n_normal, n_anomalous = rankdata(scores), (~labels).sum(), labels.sum()
    below = (ranks[labels] - rankdata(scores[labels])) / n_normal
    above = 1 - (ranks[~labels] - rankdata(scores[~labels])) / n_anomalous
    return Placements(below, above)


def compare_placements(first: Placements, second: Placements) -> DeLong:
    """Return DeLong's test of two placements of the same samples, which may each be a mean over several scores."""
    anomalous, normal = first.anomalous - second.anomalous, first.normal - second.normal
    difference = float(anomalous.mean())
    error = float(np.sqrt(anomalous.var(ddof=1) / len(anomalous) + normal.var(ddof=1) / len(normal)))
    if error < ROUNDING:
        return DeLong(difference, 0.0, 1.0 if abs(difference) < ROUNDING else float("nan"))
    return DeLong(difference, error, float(2 * norm.sf(abs(difference) / error)))


def wilcoxon_over_classes(differences: ArrayLike) -> Wilcoxon:
    """Test by signed ranks whether the differences of two detectors, one for each class, are symmetric about zero.

    F. Wilcoxon, Biometrics Bulletin 1, 1945, for classifiers over data sets J. Demšar, JMLR 7, 2006. SciPy's method
    `auto`: exact for few differences and else a normal approximation. Differences of zero are left out, ties get
    mid-ranks; differences that shall tie must be rounded to be equal. With fewer than six, no p-value is below 0.05.

    Args:
        differences: (n,) finite numbers.

    Raises:
        ScoreError: there is no difference, or one is not finite.
    """
    values = np.asarray(differences, dtype=np.float64)
    if values.ndim != 1 or not values.size or not np.isfinite(values).all():
        raise ScoreError(f"Differences {values} are no row of finite numbers; give one for each class.")
    n = int(np.count_nonzero(values))
    p_value = float(wilcoxon(values[values != 0], method="auto").pvalue) if n else 1.0
    return Wilcoxon(float(values.mean()), n, p_value)


def holm(p_values: Sequence[float]) -> Floats:
    """Adjust p-values (n,) for their number, in their order: rejecting those below a level keeps the chance of any
    false rejection below it, whatever their dependence (S. Holm, Scandinavian Journal of Statistics 6, 1979).

    A NaN counts as 1, so that a test without an answer rejects nothing and still counts.

    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    values = np.nan_to_num(np.asarray(p_values, dtype=np.float64), nan=1.0)
    order = np.argsort(values, kind="stable")
    steps = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1)).clip(max=1)
    adjusted = np.empty(len(values))
    adjusted[order] = steps
    return adjusted
