from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from alpa.config import TrainingConfig
from alpa.detectors.vae import LEAST_DEVIATION

Build = Callable[..., Any]
Images = Callable[..., np.ndarray]


def test_the_surprise_of_a_pixel_is_that_of_its_normal_distribution(build: Build, mixed: np.ndarray) -> None:
    detector = build("vae").eval()
    images = torch.from_numpy(mixed) / 255
    with torch.no_grad():
        latent, _, features = detector.posterior(images)
        mean, spread = detector.decoder(latent).chunk(2, dim=1)
        found, surprise = detector.surprise(images, latent, features)
    deviation = LEAST_DEVIATION + (1 - LEAST_DEVIATION) * spread
    expected = -torch.distributions.Normal(mean, deviation).log_prob(images).mean((1, 2, 3))
    assert torch.equal(found, mean)
    torch.testing.assert_close(surprise, expected)


def test_the_loss_is_the_negative_evidence_lower_bound_a_pixel(
    build: Build, short: TrainingConfig, normal_images: Images
) -> None:
    detector = build("vae")
    detector.begin(short)
    images = torch.from_numpy(normal_images(16)) / 255
    losses = detector.losses(images)
    mean, log_variance, _ = detector.posterior(images)
    posterior = torch.distributions.Normal(mean, (log_variance / 2).exp())
    prior = torch.distributions.Normal(torch.zeros(()), torch.ones(()))
    divergence = torch.distributions.kl_divergence(posterior, prior).sum(1).mean() / (32 * 32)
    torch.testing.assert_close(losses["divergence"], divergence)
    torch.testing.assert_close(detector.total(losses), losses["improbability"] + divergence)


def test_the_improbability_is_a_mean_over_draws_that_are_the_same_for_every_image(
    fit: Build, mixed: np.ndarray
) -> None:
    detector = fit("vae").eval()
    images = torch.from_numpy(mixed) / 255
    assert detector.draws.shape == (3, 4)
    with torch.no_grad():
        mean, log_variance, features = detector.posterior(images)
        latents = [mean + (log_variance / 2).exp() * draw for draw in detector.draws]
        expected = np.mean([detector.surprise(images, latent, features)[1].numpy() for latent in latents], axis=0)
    np.testing.assert_allclose(detector.anomaly_scores(mixed), expected, rtol=1e-4)


def test_the_noise_is_new_at_each_step(build: Build, short: TrainingConfig, normal_images: Images) -> None:
    detector = build("vae").eval()
    detector.begin(short)
    images = torch.from_numpy(normal_images(8)) / 255
    first, second = (detector.losses(images)["reconstruction"].item() for _ in range(2))
    assert first != second
    detector.begin(short)
    assert detector.losses(images)["reconstruction"].item() == pytest.approx(first)
