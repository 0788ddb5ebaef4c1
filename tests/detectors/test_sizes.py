"""Every deep detector at every size of images that it is made for, in grey and in colour."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alpa.config import TrainingConfig
from alpa.detectors import DETECTORS, build_detector, load_detector
from alpa.detectors.detector import Detector
from alpa.detectors.reconstruction import ReconstructingDetector
from tests.detectors.conftest import SMALL

LEARNED = [key for key, cls in DETECTORS.items() if cls.train_step is not Detector.train_step]
STEPS = TrainingConfig(steps=3, batch_size=4)


@pytest.mark.parametrize("side", [32, 64, 128])
@pytest.mark.parametrize("key", LEARNED)
def test_images_of_every_size_are_learned_scored_saved_and_loaded(key: str, side: int, tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (8, 3, side, side), dtype=np.uint8)
    detector = build_detector(key, (3, side, side), SMALL[key] | few_steps(key)).fit(images, STEPS)
    scores = detector.scores(images)
    assert all(np.isfinite(values).all() and values.shape == (8,) for values in scores.values())
    if isinstance(detector, ReconstructingDetector):
        assert detector.reconstruct(images).shape == images.shape
    detector.save(tmp_path)
    loaded = load_detector(tmp_path, expected=key)
    assert loaded.image_shape == (3, side, side)
    for name, values in loaded.scores(images).items():
        assert values.tobytes() == scores[name].tobytes(), name


def few_steps(key: str) -> dict[str, Any]:
    return {"features": 4, "minimum_steps": 3, "batch_size": 4} if key.startswith("ganomaly") else {}


@pytest.mark.parametrize("key", ["alpa", "autoencoder", "denoising"])
def test_sides_may_differ(key: str) -> None:
    images = np.random.default_rng(0).integers(0, 256, (8, 1, 16, 40), dtype=np.uint8)
    detector = build_detector(key, (1, 16, 40), SMALL[key]).fit(images, STEPS)
    assert detector.reconstruct(images).shape == images.shape


@pytest.mark.parametrize(("side", "batches"), [(16, [256, 44]), (32, [256, 44]), (64, [64, 64, 64, 64, 44])])
def test_larger_images_are_scored_fewer_at_a_time(
    side: int, batches: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (300, 1, side, side), dtype=np.uint8)
    detector = build_detector("pca", (1, side, side), {"components": 2}).fit(images[:20], STEPS)
    seen, score_batch = [], detector.score_batch
    monkeypatch.setattr(detector, "score_batch", lambda batch: (seen.append(len(batch)), score_batch(batch))[1])
    detector.scores(images)
    assert seen == batches
