from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from alpa.config import TrainingConfig

Build = Callable[..., Any]
Images = Callable[..., np.ndarray]


def test_each_latent_coordinate_has_unit_variance_over_a_training_batch(build: Build, normal_images: Images) -> None:
    latent, _ = build("autoencoder").train().encode(torch.from_numpy(normal_images(64)) / 255)
    torch.testing.assert_close(latent.mean(0), torch.zeros(4), atol=1e-4, rtol=0)
    torch.testing.assert_close(latent.std(0, unbiased=False), torch.ones(4), atol=1e-2, rtol=0)


def test_training_lowers_the_reconstruction_error(trained: Build) -> None:
    history = trained("autoencoder").history
    assert history[-1]["reconstruction"] < history[0]["reconstruction"] / 2


@pytest.mark.parametrize("key", ["autoencoder", "alpa", "denoising"])
def test_the_optimiser_gets_the_training_settings(key: str, build: Build) -> None:
    detector = build(key)
    detector.begin(TrainingConfig(learning_rate=0.03, weight_decay=0.07))
    assert type(detector.optimiser) is torch.optim.AdamW
    assert detector.optimiser.param_groups[0]["max_lr"] == 0.03
    assert detector.optimiser.param_groups[0]["weight_decay"] == 0.07


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 100])
def test_the_learning_rate_rises_to_its_value_and_falls_to_almost_nothing(steps: int, build: Build) -> None:
    detector = build("autoencoder")
    detector.begin(TrainingConfig(steps=steps, learning_rate=0.01))
    rates = [detector.optimiser.param_groups[0]["lr"]]
    for _ in range(steps):
        detector.optimiser.step()
        detector.schedule.step()
        rates.append(detector.optimiser.param_groups[0]["lr"])
    assert max(rates) <= 0.01 + 1e-12
    assert rates[-1] < 1e-7
    if steps == 100:
        assert max(rates) == pytest.approx(0.01, rel=0.01)
        assert 20 < int(np.argmax(rates)) < 40
