"""Two-player detectors: one forward pass serves both, yet each player moves by its own gradient alone."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from alpa.config import TrainingConfig
from alpa.detectors.detector import Detector
from alpa.detectors.ganomaly import to_tanh

Build = Callable[..., Any]


@pytest.fixture
def batch(normal_images: Callable[..., np.ndarray]) -> Tensor:
    return torch.from_numpy(normal_images(16)) / 255


@pytest.fixture
def begin(build: Build, short: TrainingConfig) -> Build:
    """Return a factory of small detectors that are ready for their first step."""

    def begun(key: str, **settings: object) -> Detector:
        detector = build(key, **settings)
        detector.begin(short)
        return detector

    return begun


def parameters_of(detector: Detector) -> dict[str, Tensor]:
    return {name: parameter.detach().clone() for name, parameter in detector.named_parameters()}


def modules_changed(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    return {name.partition(".")[0] for name in before if not torch.equal(before[name], after[name])}


def optimisers(detector: Detector) -> list[torch.optim.Optimizer]:
    return [value for value in vars(detector).values() if isinstance(value, torch.optim.Optimizer)]


def hold_still(detector: Detector, modules: set[str]) -> None:
    """Let every optimiser pass over the parameters of `modules`, as if they had no gradient."""

    def forget_gradients(*_: object) -> None:
        for name, parameter in detector.named_parameters():
            if name.partition(".")[0] in modules:
                parameter.grad = None

    for optimiser in optimisers(detector):
        optimiser.register_step_pre_hook(forget_gradients)


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_a_step_of_one_player_of_ganomaly_leaves_the_other_alone(
    player: str, begin: Build, batch: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = begin("ganomaly")
    other = {"generator": "discriminator", "discriminator": "generator"}[player]
    monkeypatch.setattr(getattr(detector, f"{other}_optimiser"), "step", lambda: None)
    before = parameters_of(detector)
    detector.train_step(batch)
    assert modules_changed(before, parameters_of(detector)) == {player}


@pytest.mark.parametrize("key", ["alpa", "ganomaly"])
def test_every_parameter_is_stepped_by_exactly_one_optimiser(key: str, begin: Build) -> None:
    detector = begin(key)
    stepped = [id(p) for optimiser in optimisers(detector) for group in optimiser.param_groups for p in group["params"]]
    assert sorted(stepped) == sorted(id(parameter) for parameter in detector.parameters())


def test_the_distorter_moves_at_every_third_step_and_the_autoencoder_at_each(begin: Build, batch: Tensor) -> None:
    detector = begin("alpa", distorter_every=3)
    moved = []
    for _ in range(6):
        before = parameters_of(detector)
        detector.train_step(batch)
        moved.append(modules_changed(before, parameters_of(detector)))
    both, autoencoder = {"encoder", "decoder", "distorter"}, {"encoder", "decoder"}
    assert moved == [autoencoder, autoencoder, both, autoencoder, autoencoder, both]


@pytest.mark.parametrize(("still", "sign"), [({"encoder", "decoder"}, 1), ({"distorter"}, -1)])
def test_the_distorter_raises_the_perturbed_loss_and_the_autoencoder_lowers_it(
    still: set[str], sign: int, begin: Build, batch: Tensor
) -> None:
    detector = begin("alpa", strength=1.0)
    hold_still(detector, still)
    losses = [detector.train_step(batch)["perturbed"].item() for _ in range(6)]
    assert sign * (losses[-1] - losses[0]) > 0


def test_one_backward_pass_gives_both_players_of_alpa_their_gradients(begin: Build, batch: Tensor) -> None:
    detector = begin("alpa", weight=2.0)
    reference = copy.deepcopy(detector)
    detector.train_step(batch)

    losses = reference.losses(batch)
    climbs = dict(reference.distorter.named_parameters(prefix="distorter"))
    descends = {name: parameter for name, parameter in reference.named_parameters() if name not in climbs}
    assert {name.partition(".")[0] for name in descends} == {"encoder", "decoder"}
    loss = losses["reconstruction"] + 2.0 * losses["perturbed"]
    expected = dict(zip(descends, torch.autograd.grad(loss, list(descends.values()), retain_graph=True), strict=True))
    # The distorter maximises 2 * ||x - D(z + delta)||^2: an optimiser, which descends, gets the negative gradient.
    opposed = torch.autograd.grad(-2.0 * losses["perturbed"], list(climbs.values()))
    expected |= dict(zip(climbs, opposed, strict=True))
    for name, parameter in detector.named_parameters():
        torch.testing.assert_close(parameter.grad, expected[name], msg=name)


def test_both_players_of_ganomaly_get_the_gradients_of_two_passes(begin: Build, batch: Tensor) -> None:
    detector = begin("ganomaly")
    reference = copy.deepcopy(detector)
    losses = detector.train_step(batch)

    generator, discriminator = reference.generator, reference.discriminator
    real = to_tanh(batch)
    latent, _ = generator.encoder(real)
    fake = generator.decoder(latent)
    latent_again, _ = generator.second_encoder(fake)
    adversarial = (discriminator(fake)[1] - discriminator(real)[1]).square().mean()
    contextual = (fake - real).abs().mean()
    encoder = (latent_again - latent).square().mean()
    loss_generator = adversarial + 50 * contextual + encoder
    expected = torch.autograd.grad(loss_generator, list(generator.parameters()), retain_graph=True)
    for parameter, gradient in zip(detector.generator.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)

    says_real, _ = discriminator(real)
    says_fake, _ = discriminator(fake.detach())
    loss_discriminator = (-F.logsigmoid(says_real).mean() - F.logsigmoid(-says_fake).mean()) / 2
    expected = torch.autograd.grad(loss_discriminator, list(discriminator.parameters()))
    for parameter, gradient in zip(detector.discriminator.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)

    own = {
        "generator": loss_generator,
        "discriminator": loss_discriminator,
        "adversarial": adversarial,
        "contextual": contextual,
        "encoder": encoder,
    }
    assert list(losses) == list(own)
    for name, loss in own.items():
        torch.testing.assert_close(losses[name], loss.detach())
