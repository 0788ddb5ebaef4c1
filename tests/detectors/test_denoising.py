from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from alpa.config import TrainingConfig
from alpa.detectors.denoising import on_sphere

Build = Callable[..., Any]


def test_on_sphere_scales_every_row_to_the_same_length_and_keeps_its_direction() -> None:
    rows = torch.tensor([[3.0, 4.0], [0.0, -0.1]])
    # Of length 5 and 0.1, both to 0.5 * sqrt(2).
    torch.testing.assert_close(on_sphere(rows, 0.5), torch.tensor([[0.6, 0.8], [0.0, -1.0]]) * 0.5 * 2**0.5)


def test_the_noise_has_the_strength_per_coordinate_and_is_new_at_each_step(
    build: Build, short: TrainingConfig, normal_images: Callable[..., np.ndarray]
) -> None:
    images = torch.from_numpy(normal_images(8)) / 255
    detector = build("denoising", strength=0.2)
    detector.begin(short)
    first, second = detector.perturbation(images), detector.perturbation(images)
    for noise in (first, second):
        torch.testing.assert_close(noise.square().mean(1).sqrt(), torch.full((8,), 0.2))
    assert (first != second).all()
    detector.begin(short)
    assert torch.equal(detector.perturbation(images), first)


def test_no_noise_is_added_when_scoring(fit: Build, mixed: np.ndarray) -> None:
    detector = fit("denoising", strength=5.0)
    with torch.no_grad():
        detector.noise.manual_seed(123)
        first = detector.scores(mixed)
    assert list(first) == ["reconstruction", "latent", "feature", "combined"]
    assert first["reconstruction"].tobytes() == detector.scores(mixed)["reconstruction"].tobytes()
