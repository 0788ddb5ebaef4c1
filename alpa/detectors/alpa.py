"""Anomaly Detection with Adversarially Learned Perturbations of Latent Space.

V. R. Khazaie, A. Wong, J. T. Jewell, Y. Mohsenzadeh, 2022, arXiv:2207.01106. Written from the paper's public abstract
and summary, which fix the two players, what each of them maximises, and the score, but no equation or constant.
"""

from typing import ClassVar, Literal

import torch
from torch import Tensor

from alpa.config import PositiveInt, settings
from alpa.detectors.networks import ConvolutionalEncoder
from alpa.detectors.perturbed import PerturbedAutoencoder, PerturbedConfig, on_sphere
from alpa.detectors.reconstruction import per_image
from alpa.runtime import seeded

# Its own stream of initial weights, so that strength 0 leaves the autoencoder's untouched.
DISTORTER_SEED = 1_000_003


@settings
class ALPAConfig(PerturbedConfig):
    """Both bounds give `strength` the unit of one latent deviation; 0 turns the distorter off.

    `bound`: `sphere` fixes the perturbation's root mean square per coordinate, `box` limits every coordinate.
    `distorter_every`: the distorter steps at every k-th step.
    """

    bound: Literal["sphere", "box"] = "sphere"
    distorter_every: PositiveInt = 1


class ALPA(PerturbedAutoencoder):
    """The Adversarial Distorter A maximises ||x - D(z + delta)||^2 while the autoencoder minimises it.

    Unstated in the paper: delta = strength * sqrt(d) * A(x) / ||A(x)|| (of a map, at each place; or strength *
    tanh(A(x))), and simultaneous gradient descent-ascent.
    """

    config: ALPAConfig
    key = "alpa"
    config_class: ClassVar[type] = ALPAConfig

    def __init__(self, image_shape: tuple[int, ...], config: ALPAConfig, seed: int, predicted: int = 0) -> None:
        super().__init__(image_shape, config, seed, predicted)
        self.steps_taken = 0
        if config.strength > 0:
            with seeded(seed + DISTORTER_SEED):
                self.distorter = ConvolutionalEncoder(self.given, config.width, config.latent, spatial=predicted > 0)

    def perturbation(self, given: Tensor) -> Tensor:
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.climbs):
            output, _ = self.distorter(given)
            if self.config.bound == "sphere":
                return on_sphere(output, self.config.strength)
            return self.config.strength * output.float().tanh()

    @property
    def climbs(self) -> bool:
        """Whether the distorter takes part in the present step, rather than sitting it out."""
        return self.steps_taken % self.config.distorter_every == 0

    def train_step(self, images: Tensor) -> dict[str, Tensor]:
        self.steps_taken += 1
        return super().train_step(images)

    def oppose(self) -> None:
        """Turn the distorter's gradient round, to climb what the autoencoder descends."""
        if self.config.strength > 0 and self.climbs:
            for parameter in self.distorter.parameters():
                if parameter.grad is not None:
                    parameter.grad.neg_()

    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        given, wanted = self.parts(images)
        latent, features = self.encode(given)
        scores = self.scores_of(images, latent, features)
        if self.config.strength == 0:
            return scores
        perturbed = self.decode(latent + self.perturbation(given), features)
        return scores | {"perturbed": per_image((wanted - perturbed).square())}
