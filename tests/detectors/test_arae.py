from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from alpa.config import TrainingConfig

Build = Callable[..., Any]


@pytest.fixture
def batch(normal_images: Callable[..., np.ndarray]) -> Tensor:
    return torch.from_numpy(normal_images(16)) / 255


def shift(detector: Any, one: Tensor, other: Tensor) -> float:
    """Return how far the latents of two batches lie apart, in the mode in which they are attacked."""
    detector.eval()
    with torch.no_grad():
        return (detector.encode(one)[0] - detector.encode(other)[0]).square().mean().item()


def test_the_attack_stays_near_the_images_and_moves_the_latent_further_than_noise_does(
    build: Build, short: TrainingConfig, batch: Tensor
) -> None:
    detector = build("arae", radius=0.1, attack_steps=10)
    detector.begin(short)
    attacked = detector.attacked(batch)
    assert (attacked - batch).abs().max() <= 0.1 + 1e-6
    assert attacked.min() >= 0
    assert attacked.max() <= 1
    noise = (batch + 0.1 * (2 * torch.rand(batch.shape) - 1).sign()).clamp(0, 1)
    assert shift(detector, batch, attacked) > 2 * shift(detector, batch, noise)


def test_the_attack_leaves_the_detector_as_it_was(build: Build, short: TrainingConfig, batch: Tensor) -> None:
    detector = build("arae").train()
    detector.begin(short)
    before = {name: value.clone() for name, value in detector.state_dict().items()}
    detector.attacked(batch)
    assert detector.training
    assert detector.encoder.training
    assert all(torch.equal(value, before[name]) for name, value in detector.state_dict().items())
    assert all(parameter.grad is None for parameter in detector.parameters())


def test_the_loss_is_the_reconstruction_of_the_image_from_the_attacked_one_and_the_shift_of_the_latent(
    build: Build, short: TrainingConfig, batch: Tensor
) -> None:
    detector = build("arae", gamma=0.3)
    detector.begin(short)
    detector.attacked = lambda given: 1 - given
    losses = detector.losses(batch)
    latents, _ = detector.encode(torch.cat([batch, 1 - batch]))
    made = detector.decode(latents[16:], [])
    reconstruction, moved = (made - batch).square().mean(), (latents[16:] - latents[:16]).square().mean()
    torch.testing.assert_close(losses["reconstruction"], reconstruction)
    torch.testing.assert_close(losses["shift"], moved)
    torch.testing.assert_close(detector.total(losses), reconstruction + 0.3 * moved)


def test_no_image_is_attacked_when_scoring(fit: Build, mixed: np.ndarray) -> None:
    detector = fit("arae")
    detector.attacked = None
    assert list(detector.scores(mixed)) == ["reconstruction", "latent", "feature", "combined"]
