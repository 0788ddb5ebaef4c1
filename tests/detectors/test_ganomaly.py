import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from alpa.config import TrainingConfig
from alpa.detectors import build_detector
from alpa.detectors.ganomaly import RESTART_SEED, GANomaly, GANomalyConfig, published_weights, to_tanh
from alpa.errors import ConfigError
from alpa.runtime import seeded

Build = Callable[..., Any]
Images = Callable[..., np.ndarray]


def n_parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(("channels", "generator", "discriminator"), [(1, 3_200_384, 661_248), (3, 3_206_528, 663_296)])
def test_the_networks_have_the_published_numbers_of_parameters(
    channels: int, generator: int, discriminator: int
) -> None:
    detector = GANomaly((channels, 32, 32), GANomalyConfig(), seed=0)
    assert n_parameters(detector.generator) == generator
    assert n_parameters(detector.discriminator) == discriminator


@pytest.mark.parametrize(
    ("side", "widths"), [(16, [4, 8]), (32, [4, 8, 16]), (64, [4, 8, 16, 32]), (128, [4, 8, 16, 32, 64])]
)
def test_a_larger_image_gets_one_more_layer_for_each_doubling_of_its_side(side: int, widths: list[int]) -> None:
    detector = GANomaly((1, side, side), GANomalyConfig(features=4, latent=5), seed=0)
    latent, features = detector.generator.encoder(torch.rand(2, 1, side, side))
    assert [maps.shape[1] for maps in features] == widths
    assert features[-1].shape[2:] == (4, 4)
    assert latent.shape == (2, 5, 1, 1)
    assert detector.generator.decoder(latent).shape == (2, 1, side, side)
    assert detector.discriminator(torch.rand(2, 1, side, side))[0].shape == (2,)


@pytest.mark.parametrize("size", [(8, 8), (28, 28), (48, 48), (256, 256), (32, 64)])
def test_a_size_that_is_not_a_published_one_is_one_sentence(size: tuple[int, int]) -> None:
    with pytest.raises(ConfigError) as caught:
        build_detector("ganomaly", (1, *size))
    assert str(caught.value) == (
        f"ganomaly takes square images with a side of 16, 32, 64, 128, not {size[0]} x {size[1]}; resize them."
    )


def test_the_initial_weights_have_the_published_spread() -> None:
    detector = build_detector("ganomaly", (1, 32, 32))
    convolutions: list[Tensor] = []
    norms: list[Tensor] = []
    for module in detector.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            assert module.bias is None
            convolutions.append(module.weight.flatten())
        elif isinstance(module, nn.BatchNorm2d):
            assert (module.bias == 0).all()
            norms.append(module.weight)
    for weights, mean in ((torch.cat(convolutions), 0.0), (torch.cat(norms), 1.0)):
        # Of n draws from N(mean, 0.02) the mean errs by 0.02 / sqrt(n), the deviation by about 0.02 / sqrt(2 n).
        error = 5 * 0.02 / len(weights) ** 0.5
        assert weights.mean().item() == pytest.approx(mean, abs=error)
        assert weights.std().item() == pytest.approx(0.02, abs=error)


def test_training_is_fifteen_epochs_of_whole_batches_as_published() -> None:
    asked = TrainingConfig(steps=7, batch_size=8, learning_rate=1.0, weight_decay=1.0, validation_fraction=0.2)
    plan = build_detector("ganomaly", (1, 32, 32)).plan(6000, asked)
    # 6000 = 93 * 64 + 48, and 15 * 93 = 1395
    assert plan == TrainingConfig(1395, batch_size=64, learning_rate=2e-4, weight_decay=0, validation_fraction=0.2)


def test_a_small_set_gets_the_stated_minimum_of_steps() -> None:
    plan = build_detector("ganomaly", (1, 32, 32)).plan(100, TrainingConfig())
    assert plan.steps == GANomalyConfig().minimum_steps == 1000


def test_a_batch_is_no_larger_than_the_training_set(build: Build) -> None:
    assert build("ganomaly").plan(5, TrainingConfig()).batch_size == 5


def test_both_players_use_adam_with_the_published_momenta(build: Build) -> None:
    detector = build_detector("ganomaly", (1, 32, 32), {"features": 4})
    detector.begin(detector.plan(100, TrainingConfig()))
    for optimiser in (detector.generator_optimiser, detector.discriminator_optimiser):
        assert type(optimiser) is torch.optim.Adam
        assert optimiser.param_groups[0]["lr"] == 2e-4
        assert optimiser.param_groups[0]["betas"] == (0.5, 0.999)
        assert optimiser.param_groups[0]["weight_decay"] == 0


@pytest.mark.parametrize(("loss", "starts_anew"), [(0.9e-5, True), (1.1e-5, False)])
def test_the_discriminator_starts_anew_when_its_loss_falls_below_the_published_limit(
    loss: float,
    starts_anew: bool,
    build: Build,
    short: TrainingConfig,
    normal_images: Images,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("alpa.detectors.ganomaly._cross_entropy", lambda logits, target: loss + 0 * logits.mean())
    monkeypatch.setattr("alpa.detectors.ganomaly.LOOK_EVERY", 1)
    detector = build("ganomaly")
    detector.begin(short)
    anew = copy.deepcopy(detector.discriminator)
    with seeded(detector.seed + RESTART_SEED):
        anew.apply(published_weights)
    images = torch.from_numpy(normal_images(8)) / 255
    detector.train_step(images)
    same = [torch.equal(*pair) for pair in zip(detector.discriminator.parameters(), anew.parameters(), strict=True)]
    biases = sum(name.endswith("bias") for name, _ in anew.named_parameters())
    assert same.count(True) == (len(same) if starts_anew else biases), "only biases, which are 0, are the same anyway"
    before = copy.deepcopy(detector.discriminator.head.weight)
    detector.train_step(images)
    assert detector.restarts == (2 if starts_anew else 0)
    # The constant loss has no gradient, so that nothing but a restart moves a weight; each draws weights of its own.
    assert torch.equal(detector.discriminator.head.weight, before) != starts_anew


def test_encoder_gap_is_the_mean_squared_difference_of_the_two_latents(trained: Build, mixed: np.ndarray) -> None:
    detector = trained("ganomaly")
    real = to_tanh(torch.from_numpy(mixed) / 255)
    with torch.no_grad():
        latent, _ = detector.generator.encoder(real)
        fake = detector.generator.decoder(latent)
        second, _ = detector.generator.second_encoder(fake)
    expected = (latent - second).square().mean((1, 2, 3))
    np.testing.assert_allclose(detector.scores(mixed)["encoder_gap"], expected.numpy(), rtol=1e-3)


def test_the_reconstruction_is_measured_in_the_unit_range(trained: Build, mixed: np.ndarray) -> None:
    detector = trained("ganomaly")
    reconstructions = detector.reconstruct(mixed)
    assert reconstructions.min() >= 0
    assert reconstructions.max() <= 1
    expected = np.square(reconstructions - mixed / 255).mean((1, 2, 3))
    np.testing.assert_allclose(detector.scores(mixed)["reconstruction"], expected, rtol=1e-3)


def test_a_discriminator_that_won_at_any_step_since_the_last_look_starts_anew(
    build: Build, short: TrainingConfig, normal_images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alpa.detectors.ganomaly.LOOK_EVERY", 3)
    losses = iter(loss / 2 for loss in [1.0, 1e-6, 1.0, 1.0, 1.0, 1.0] for _ in range(2))  # two halves a step
    monkeypatch.setattr(
        "alpa.detectors.ganomaly._cross_entropy", lambda logits, target: 2 * next(losses) + 0 * logits.mean()
    )
    detector = build("ganomaly")
    detector.begin(short)
    images = torch.from_numpy(normal_images(8)) / 255
    restarts = []
    for _ in range(6):
        detector.train_step(images)
        restarts.append(detector.restarts)
    assert restarts == [0, 0, 1, 1, 1, 1]
