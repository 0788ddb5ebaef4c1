from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from alpa.config import TrainingConfig

Build = Callable[..., Any]
Images = Callable[..., np.ndarray]


@pytest.mark.parametrize("other", ["alpa", "denoising"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_strength_zero_is_the_autoencoder_bit_for_bit_after_training(
    other: str, precision: str, fit: Build, mixed: np.ndarray
) -> None:
    plain, still = fit("autoencoder", precision=precision), fit(other, precision=precision, strength=0.0)
    assert still.history == plain.history
    state = still.state_dict()
    assert list(state) == list(plain.state_dict())
    assert all(torch.equal(value, state[name]) for name, value in plain.state_dict().items())
    scores = still.scores(mixed)
    assert list(scores) == ["reconstruction", "latent", "feature", "combined"]
    for name, values in plain.scores(mixed).items():
        assert values.tobytes() == scores[name].tobytes(), name


def test_alpa_starts_with_the_autoencoders_weights(build: Build) -> None:
    state = build("alpa", strength=0.5).state_dict()
    for name, value in build("autoencoder").state_dict().items():
        assert torch.equal(value, state[name]), name


def test_the_distorter_starts_with_weights_of_its_own(build: Build) -> None:
    detector = build("alpa")
    for own, encoders in zip(detector.distorter.parameters(), detector.encoder.parameters(), strict=True):
        assert own.ndim == 1 or not torch.equal(own, encoders)


def test_a_strength_above_zero_trains_something_else_than_the_autoencoder(fit: Build, mixed: np.ndarray) -> None:
    plain, distorted = fit("autoencoder").scores(mixed), fit("alpa").scores(mixed)
    assert (plain["reconstruction"] != distorted["reconstruction"]).all()


def test_the_sphere_has_a_root_mean_square_of_strength_per_coordinate(build: Build, normal_images: Images) -> None:
    detector = build("alpa", bound="sphere", strength=0.3, latent=6)
    delta = detector.perturbation(torch.from_numpy(normal_images(9)) / 255)
    assert delta.shape == (9, 6)
    torch.testing.assert_close(delta.square().mean(1).sqrt(), torch.full((9,), 0.3))


def test_the_box_keeps_every_coordinate_below_strength_and_strength_scales_it(
    build: Build, normal_images: Images
) -> None:
    images = torch.from_numpy(normal_images(9)) / 255
    detector = build("alpa", bound="box", strength=0.3, latent=6)
    delta = detector.perturbation(images)
    assert delta.shape == (9, 6)
    assert (delta.abs() < 0.3).all()
    assert len(delta.square().mean(1).unique()) == 9, "the box does not fix a length"
    doubled = build("alpa", bound="box", strength=0.6, latent=6).perturbation(images)
    torch.testing.assert_close(doubled, 2 * delta)
    with torch.no_grad():
        detector.distorter.head.bias.fill_(100.0)
    assert (detector.perturbation(images).abs() <= 0.3).all()


def test_the_box_trains_as_well(fit: Build, mixed: np.ndarray) -> None:
    sphere, box = fit("alpa", bound="sphere").scores(mixed), fit("alpa", bound="box").scores(mixed)
    assert (sphere["perturbed"] != box["perturbed"]).all()


def test_the_perturbed_score_is_the_error_of_the_decoder_with_the_distorter_on(fit: Build, mixed: np.ndarray) -> None:
    detector = fit("alpa", strength=0.5)
    images = torch.from_numpy(mixed) / 255
    with torch.no_grad():
        latent, _ = detector.encode(images)
        decoded = detector.decoder(latent + detector.perturbation(images))
    expected = (decoded - images).square().mean((1, 2, 3))
    scores = detector.scores(mixed)
    np.testing.assert_allclose(scores["perturbed"], expected.numpy(), rtol=1e-4)
    assert (scores["perturbed"] != scores["reconstruction"]).all()


def test_running_statistics_after_a_step_are_those_of_the_unperturbed_autoencoder(
    build: Build, short: TrainingConfig, normal_images: Images
) -> None:
    batch = torch.from_numpy(normal_images(16)) / 255
    detectors = [build("autoencoder"), build("alpa", strength=2.0)]
    for detector in detectors:
        detector.begin(short)
        detector.train_step(batch)
    plain, distorted = ({name: value.clone() for name, value in detector.named_buffers()} for detector in detectors)
    running = [name for name in plain if "running" in name]
    assert [name for name in running if name.startswith("decoder.norms")], "the decoder has batch norms"
    for name in running:
        torch.testing.assert_close(distorted[name], plain[name])


def test_the_history_follows_both_losses(fit: Build) -> None:
    assert list(fit("alpa").history[0]) == ["step", "reconstruction", "perturbed"]
    assert list(fit("alpa", strength=0.0).history[0]) == ["step", "reconstruction"]


@pytest.mark.parametrize(("share", "rows"), [(1.0, 8), (0.5, 4), (0.01, 2)])
@pytest.mark.parametrize("key", ["alpa", "denoising"])
def test_the_perturbed_term_is_estimated_on_a_share_of_each_batch(
    key: str, share: float, rows: int, build: Build, short: TrainingConfig, normal_images: Images
) -> None:
    detector = build(key, share=share)
    detector.begin(short)
    seen = []
    perturbation = detector.perturbation
    detector.perturbation = lambda given: (seen.append(len(given)), perturbation(given))[1]
    images = torch.from_numpy(normal_images(8)) / 255
    losses = detector.losses(images)
    assert seen == [rows]
    assert set(losses) == {"reconstruction", "perturbed"}


def test_a_distorter_that_sits_a_step_out_gets_no_gradient(
    build: Build, short: TrainingConfig, normal_images: Images
) -> None:
    detector = build("alpa", distorter_every=2)
    detector.begin(short)
    images = torch.from_numpy(normal_images(8)) / 255
    moved = []
    for _ in range(4):
        detector.train_step(images)
        moved.append([parameter.grad is not None for parameter in detector.distorter.parameters()])
    assert [all(step) for step in moved] == [any(step) for step in moved] == [False, True, False, True]
