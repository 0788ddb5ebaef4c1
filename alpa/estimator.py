"""A detector as a scikit-learn estimator, for pipelines, searches and clones that expect one."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted

from alpa.defaults import DETECTOR, LEVEL, SEED, STEPS, THREADS
from alpa.fitting import fit


class ALPADetector(OutlierMixin, BaseEstimator):
    """A detector of this package with scikit-learn's methods and its polarity: lower = more abnormal.

    X is an array of images, uint8, (N, H, W), (N, H, W, C) or (N, C, H, W), of which `fit` takes normal ones alone; the
    parameters are those of `alpa.fit`, and `level` is what other estimators call `contamination`, but of normal images.

    Attributes:
        model_: the fitted `alpa.Model`, which has p-values and heat maps, and can be saved.
        offset_: `decision_function` is `score_samples` minus this.
    """

    def __init__(
        self,
        detector: str = DETECTOR,
        *,
        size: int | None = None,
        steps: int = STEPS,
        seed: int = SEED,
        level: float = LEVEL,
        by: str | None = None,
        preparation: str = "unit",
        config: Any = None,
        threads: int = THREADS,
    ) -> None:
        self.detector = detector
        self.size = size
        self.steps = steps
        self.seed = seed
        self.level = level
        self.by = by
        self.preparation = preparation
        self.config = config
        self.threads = threads

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.three_d_array = False, True
        return tags

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Fit to normal images; `y` is ignored. Raises what `alpa.fit` raises."""
        self.model_ = fit(X, **self.get_params(deep=False))
        self.offset_ = -self.model_.threshold()
        return self

    def score_samples(self, X: ArrayLike) -> NDArray[np.float32]:
        """Return minus the anomaly scores, (N,): lower = more abnormal."""
        check_is_fitted(self)
        return -self.model_.anomaly_scores(X)

    def decision_function(self, X: ArrayLike) -> NDArray[np.float32]:
        """Return `score_samples` above the threshold of `level`, (N,): negative = anomalous."""
        return self.score_samples(X) - np.float32(self.offset_)

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Return -1 for anomalous images and 1 for normal ones, (N,)."""
        return np.where(self.decision_function(X) < 0, -1, 1)
