"""Small detectors and a toy set: dim stripes are normal, noise of full contrast is anomalous."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

from alpa.config import TrainingConfig
from alpa.detectors import DETECTORS, build_detector
from alpa.detectors.detector import Detector
from alpa.runtime import Runtime

# Small enough for a test. A detector that is not named here runs with its defaults.
SMALL: dict[str, dict[str, Any]] = {
    "alpa": {"width": 4, "latent": 4},
    "autoencoder": {"width": 4, "latent": 4},
    "denoising": {"width": 4, "latent": 4},
    "ganomaly": {
        "features": 8,
        "latent": 32,
        "epochs": 1,
        "minimum_steps": 6,
        "batch_size": 16,
        "learning_rate": 2e-3,
    },
    "isolation_forest": {"trees": 30, "subsample": 32},
    "knn": {},
    "lof": {},
    "ocsvm": {},
    "pca": {"components": 8},
    "arae": {"width": 4, "latent": 4, "attack_steps": 2},
    "deep_svdd": {"width": 4, "latent": 16},
    "memae": {"width": 4, "latent": 8, "items": 20},
    "oled": {"width": 8, "latent": 4},
    "vae": {"width": 4, "latent": 4, "samples": 3},
}
SMALL["ganomaly_tuned"] = SMALL["ganomaly"]
SHORT = TrainingConfig(steps=6, batch_size=16, learning_rate=5e-3)
LONG = TrainingConfig(steps=40, batch_size=16, learning_rate=5e-3)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Run torch and BLAS on one thread: so many small jobs only get slower with more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(before)


@pytest.fixture(params=list(DETECTORS))
def key(request: pytest.FixtureRequest) -> str:
    """Every detector of the registry, one after the other."""
    return request.param


def stripes(n: int, channels: int = 1, seed: int = 0) -> np.ndarray:
    """Return normal images: dim vertical stripes at a random phase with a little noise, uint8 (n, channels, 32, 32)."""
    random = np.random.default_rng(seed)
    phase = random.uniform(0, 2 * np.pi, (n, 1, 1, 1))
    waves = 40 + 30 * np.sin(2 * np.pi * np.arange(32) / 8 + phase)
    return (waves + random.normal(0, 4, (n, channels, 32, 32))).clip(0, 255).astype(np.uint8)


def noise(n: int, channels: int = 1, seed: int = 0) -> np.ndarray:
    """Return anomalous images: uniform noise, uint8 (n, channels, 32, 32)."""
    return np.random.default_rng(seed).integers(0, 256, (n, channels, 32, 32), dtype=np.uint8)


@pytest.fixture(scope="session")
def normal_images() -> Callable[..., np.ndarray]:
    return stripes


@pytest.fixture(scope="session")
def anomalous_images() -> Callable[..., np.ndarray]:
    return noise


@pytest.fixture(scope="session")
def mixed() -> np.ndarray:
    """Twelve normal images, then twelve anomalous ones."""
    return np.concatenate([stripes(12, seed=1), noise(12, seed=2)])


@pytest.fixture(scope="session")
def build() -> Callable[..., Any]:
    """Return a factory of small untrained detectors for images (channels, 32, 32)."""

    def small(key: str, channels: int = 1, seed: int = 0, **settings: Any) -> Detector:
        return build_detector(key, (channels, 32, 32), SMALL.get(key, {}) | settings, seed)

    return small


@pytest.fixture(scope="session")
def short() -> TrainingConfig:
    """A training of six steps."""
    return SHORT


@pytest.fixture(scope="session")
def fit(build: Callable[..., Any]) -> Callable[..., Any]:
    """Return a factory of small detectors after six steps on 32 normal images."""

    def fitted(key: str, channels: int = 1, seed: int = 0, precision: str = "fp32", **settings: Any) -> Detector:
        return build(key, channels, seed, **settings).fit(stripes(32, channels), SHORT, Runtime(precision=precision))

    return fitted


@pytest.fixture(scope="session")
def prepared(build: Callable[..., Any]) -> Callable[..., Any]:
    """Return a factory of detectors after six steps on images prepared in some way; no test may change one."""

    @cache
    def fitted(key: str, preparation: str) -> Detector:
        return build(key).fit(stripes(32), replace(SHORT, preparation=preparation))

    return fitted


@pytest.fixture(scope="session")
def trained(build: Callable[..., Any]) -> Callable[..., Any]:
    """Return a factory of detectors that have learned the toy set; each is made once, so no test may change it."""

    @cache
    def learned(key: str, channels: int) -> Detector:
        settings = {"minimum_steps": 120} if key in ("ganomaly", "ganomaly_tuned") else {}
        return build(key, channels, **settings).fit(stripes(64, channels), LONG)

    return lambda key, channels=1: learned(key, channels)
