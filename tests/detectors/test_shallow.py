"""Detectors that scikit-learn fits at once: each gives the scores that scikit-learn gives."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor
from sklearn.svm import OneClassSVM

from alpa.data import batches
from alpa.data.images import read_npy
from alpa.data.stored import StoredImages
from alpa.detectors.detector import Detector, split_validation
from alpa.detectors.isolation_forest import usual_depth

Build = Callable[..., Any]
Images = Callable[..., np.ndarray]
SHALLOW = ["isolation_forest", "lof", "ocsvm"]


def rows(images: np.ndarray) -> np.ndarray:
    """Return pixels as scikit-learn takes them: (N, C, H, W) -> (N, pixels)."""
    return images.reshape(len(images), -1).astype(np.float32) / 255


def fitted_rows(images: np.ndarray) -> np.ndarray:
    return rows(images[split_validation(len(images), 0.1, seed=0)[0]])


@pytest.mark.parametrize("gamma", [1.0, 3.0])
@pytest.mark.parametrize("nu", [0.05, 0.5])
def test_the_machine_is_outside_where_scikit_learns_decision_function_is_negative(
    nu: float, gamma: float, build: Build, normal_images: Images, mixed: np.ndarray
) -> None:
    images = normal_images(60)
    pixels = fitted_rows(images)
    width = gamma / pixels.var(axis=0).sum()
    machine = OneClassSVM(nu=nu, gamma=width).fit(pixels)
    scores = build("ocsvm", nu=nu, gamma=gamma).fit(images).anomaly_scores(mixed)
    decisions = machine.decision_function(rows(mixed[:12]))  # f - rho, where the score is log(rho / f)
    expected = np.log(machine.offset_ / (decisions + machine.offset_))
    np.testing.assert_allclose(scores[:12], expected, rtol=1e-3, atol=1e-4)
    assert np.array_equal(scores[:12] > 0, decisions < 0)


def test_far_anomalies_are_told_apart(build: Build, normal_images: Images, anomalous_images: Images) -> None:
    detector = build("ocsvm", gamma=1000.0).fit(normal_images(40))
    assert len(np.unique(detector.anomaly_scores(anomalous_images(12)))) == 12


def test_the_forest_scores_as_scikit_learns(build: Build, normal_images: Images, mixed: np.ndarray) -> None:
    images = normal_images(60)
    forest = IsolationForest(n_estimators=30, max_samples=32, random_state=0).fit(fitted_rows(images))
    scores = build("isolation_forest").fit(images).anomaly_scores(mixed)
    np.testing.assert_allclose(scores, -forest.score_samples(rows(mixed)), rtol=1e-5)


def test_the_usual_depth_of_a_few_images_by_hand() -> None:
    # One image is never cut off, two are by one cut; of three the first cut leaves one alone and two together.
    # The paper's c(3) = 2 * (ln 2 + 0.5772) - 2 * 2 / 3 = 1.2074.
    np.testing.assert_allclose(usual_depth(np.array([1, 2, 3])), [0, 1, 1.2074], atol=1e-4)


@pytest.mark.parametrize("neighbours", [3, 20, 1000])
def test_the_local_outlier_factor_is_scikit_learns(
    neighbours: int, build: Build, normal_images: Images, mixed: np.ndarray
) -> None:
    images = normal_images(60)
    reference = LocalOutlierFactor(n_neighbors=min(neighbours, 53), novelty=True).fit(fitted_rows(images))
    scores = build("lof", neighbours=neighbours).fit(images).anomaly_scores(mixed)
    np.testing.assert_allclose(scores, -reference.score_samples(rows(mixed)), rtol=1e-3)


@pytest.mark.parametrize("key", SHALLOW)
def test_of_many_images_a_seeded_sample_is_fitted(
    key: str, build: Build, normal_images: Images, mixed: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = normal_images(80)
    whole, some, again, other = (
        build(key, seed=seed, samples=samples).fit(images).anomaly_scores(mixed)
        for seed, samples in ((0, 72), (0, 30), (0, 30), (1, 30))
    )
    assert some.tobytes() == again.tobytes()
    assert not np.array_equal(some, other)
    assert not np.array_equal(some, whole)
    monkeypatch.setattr("alpa.detectors.shallow.MOST_BYTES", 30 * 32 * 32)
    assert build(key).fit(images).anomaly_scores(mixed).tobytes() == some.tobytes()


@pytest.mark.parametrize("key", SHALLOW)
def test_a_sample_does_not_depend_on_where_the_images_lie(
    key: str, build: Build, normal_images: Images, mixed: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit(images: Any) -> bytes:
        detector: Detector = build(key, samples=30).fit(images)
        return detector.anomaly_scores(mixed).tobytes()

    images = normal_images(80)
    np.save(tmp_path / "images.npy", images)
    expected = fit(images)
    monkeypatch.setattr(batches, "MOST_IN_MEMORY", 0)
    assert fit(StoredImages.of(read_npy(tmp_path / "images.npy"))) == expected


def test_a_sample_keeps_the_order_of_the_images(build: Build) -> None:
    images = torch.arange(50, dtype=torch.uint8).view(50, 1, 1, 1).expand(50, 1, 32, 32)
    chosen = build("lof", samples=20).sample(images)[:, 0, 0, 0]
    assert len(chosen) == 20
    assert (chosen.diff() > 0).all()
    assert torch.equal(build("lof", samples=50).sample(images), images)
