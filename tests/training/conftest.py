"""Cells small enough to fit by the dozen."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from alpa.config import TrainingConfig
from alpa.detectors import DETECTORS
from alpa.training.cells import Cell


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Run torch on one thread: so many small jobs only get slower with more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def make_cell() -> Callable[..., Cell]:
    """Return a factory of cells with n images of 16x16, where every field may be overridden."""

    def make(detector: str = "knn", target_class: str = "1", seed: int = 0, n: int = 40, **changes: Any) -> Cell:
        images = np.random.default_rng(int(target_class)).integers(0, 256, (n, 1, 16, 16), dtype=np.uint8)
        config = {"autoencoder": {"width": 4, "latent": 2}}.get(detector, {})
        fields = {
            "config": DETECTORS[detector].config_class(**config),
            "training": TrainingConfig(steps=5, batch_size=8),
            "images": images,
        }
        return Cell(detector, target_class, seed, **(fields | changes))

    return make
