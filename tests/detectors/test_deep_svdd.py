from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from alpa.config import TrainingConfig
from alpa.detectors import build_detector

Build = Callable[..., Any]
Images = Callable[..., np.ndarray]


def test_the_encoder_is_the_published_one_without_any_bias() -> None:
    encoder = build_detector("deep_svdd", (3, 32, 32)).encoder
    shapes = [tuple(parameter.shape) for parameter in encoder.parameters()]
    assert shapes == [(32, 3, 5, 5), (64, 32, 5, 5), (128, 64, 5, 5), (128, 128 * 4 * 4)]


def test_the_centre_is_the_mean_encoding_kept_away_from_zero(build: Build, normal_images: Images) -> None:
    detector, images = build("deep_svdd").train(), torch.from_numpy(normal_images(40))
    centre = detector._mean_output(images, batch_size=16)
    assert detector.training
    with torch.no_grad():
        mean = detector.eval().encoder(images / 255).mean(0)
    expected = torch.where(mean.abs() < 0.1, torch.where(mean < 0, -0.1, 0.1), mean)
    torch.testing.assert_close(centre, expected)


def test_the_score_is_the_squared_distance_to_the_centre(fit: Build, mixed: np.ndarray) -> None:
    detector = fit("deep_svdd")
    with torch.no_grad():
        outputs = detector.eval().encoder(torch.from_numpy(mixed) / 255)
    expected = (outputs - detector.centre).square().sum(1)
    np.testing.assert_allclose(detector.anomaly_scores(mixed), expected, rtol=1e-4)


def test_pretraining_takes_its_share_of_the_steps_and_leaves_no_decoder(
    build: Build, short: TrainingConfig, normal_images: Images
) -> None:
    detector = build("deep_svdd", pretraining=0.5).fit(normal_images(32), short)
    assert [row["step"] for row in detector.history] == [4, 5, 6]
    assert {name.partition(".")[0] for name in detector.state_dict()} == {"encoder", "centre", "radius", "calibration"}
    without = build("deep_svdd", pretraining=0.0).fit(normal_images(32), short)
    assert [row["step"] for row in without.history] == [1, 2, 3, 4, 5, 6]
    assert not torch.equal(detector.encoder.head.weight, without.encoder.head.weight)


def test_the_objective_draws_encodings_to_the_centre(trained: Build) -> None:
    history = trained("deep_svdd").history
    assert history[-1]["distance"] < history[0]["distance"]


@pytest.mark.parametrize("nu", [0.1, 0.5])
def test_the_radius_of_the_soft_boundary_leaves_its_share_of_a_batch_outside(
    nu: float, build: Build, short: TrainingConfig, normal_images: Images
) -> None:
    detector, images = build("deep_svdd", objective="soft_boundary", nu=nu), torch.from_numpy(normal_images(21)) / 255
    detector.begin(short)
    distances = detector.distances(images).detach().sqrt()
    detector.train_step(images)
    assert (distances > detector.radius).sum() == round(20 * nu)  # of 21, since one lies on it
    assert (detector.score_batch(images)["centre_distance"] + detector.radius.square()).min() >= 0


def test_a_soft_boundary_has_a_history_of_its_own(build: Build, short: TrainingConfig, normal_images: Images) -> None:
    detector = build("deep_svdd", objective="soft_boundary").fit(normal_images(32), short)
    assert set(detector.history[0]) == {"step", "distance", "boundary"}
    assert detector.radius > 0


def test_the_radius_waits_for_a_fifteenth_of_the_steps(build: Build, normal_images: Images) -> None:
    detector = build("deep_svdd", objective="soft_boundary")
    detector.begin(TrainingConfig(steps=30))
    radii = []
    for _ in range(4):
        losses = detector.train_step(torch.from_numpy(normal_images(16)) / 255)
        radii.append(detector.radius.item())
        if len(radii) == 1:  # the radius is 0: all of the distance is beyond it, divided by nu = 0.1
            assert losses["boundary"].item() == pytest.approx(10 * losses["distance"].item(), rel=1e-4)
    assert radii[:2] == [0.0, 0.0]
    assert min(radii[2:]) > 0
