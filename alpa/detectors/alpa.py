"""Anomaly Detection with Adversarially Learned Perturbations of Latent Space.

V. R. Khazaie, A. Wong, J. T. Jewell, Y. Mohsenzadeh, 2022, arXiv:2207.01106. Written from the paper's public abstract
and summary, which fix the two players, what each of them maximises, and the score, but no equation or constant.
"""

from typing import ClassVar, Literal

from pydantic.dataclasses import dataclass
from torch import Tensor

from alpa.config import STRICT, NonNegativeFloat, PositiveFloat, PositiveInt, TrainingConfig
from alpa.detectors.autoencoder import Autoencoder, AutoencoderConfig
from alpa.detectors.denoising import on_sphere
from alpa.detectors.networks import ConvolutionalEncoder
from alpa.detectors.reconstruction import per_image
from alpa.runtime import seeded

# Its own stream of initial weights, so that strength 0 leaves the autoencoder's untouched.
DISTORTER_SEED = 1_000_003


@dataclass(frozen=True, config=STRICT)
class ALPAConfig(AutoencoderConfig):
    """Both bounds give `strength` the unit of one latent deviation; 0 turns the distorter off.

    `bound`: `sphere` fixes the perturbation's root mean square per coordinate, `box` limits every coordinate.
    `weight`: of the perturbed term in the loss. `distorter_every`: the distorter steps at every k-th step.
    """

    strength: NonNegativeFloat = 0.1
    bound: Literal["sphere", "box"] = "sphere"
    weight: PositiveFloat = 1.0
    distorter_every: PositiveInt = 1


class ALPA(Autoencoder):
    """The Adversarial Distorter A maximises ||x - D(z + delta)||^2 while the autoencoder minimises it.

    Unstated in the paper: delta = strength * sqrt(d) * A(x) / ||A(x)|| (of a map, at each place; or strength *
    tanh(A(x))), the clean term ||x - D(z)||^2 of the loss, and simultaneous gradient descent-ascent.
    """

    key = "alpa"
    config_class: ClassVar[type] = ALPAConfig

    def __init__(self, image_shape: tuple[int, ...], config: ALPAConfig, seed: int, predicted: int = 0) -> None:
        super().__init__(image_shape, config, seed, predicted)
        if config.strength > 0:
            with seeded(seed + DISTORTER_SEED):
                self.distorter = ConvolutionalEncoder(self.given, config.width, config.latent, spatial=predicted > 0)

    def begin(self, training: TrainingConfig) -> None:
        super().begin(training)
        self.steps_taken = 0

    def perturbation(self, given: Tensor) -> Tensor | None:
        if self.config.strength == 0:
            return None
        output, _ = self.distorter(given)
        if self.config.bound == "sphere":
            return on_sphere(output, self.config.strength)
        return self.config.strength * output.float().tanh()

    def oppose(self) -> None:
        """Turn the distorter's gradient round, to climb what the autoencoder descends, or sit this step out."""
        if self.config.strength == 0:
            return
        self.steps_taken += 1
        climbs = self.steps_taken % self.config.distorter_every == 0
        for parameter in self.distorter.parameters():
            parameter.grad = -parameter.grad if climbs and parameter.grad is not None else None

    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        scores = super().score_batch(images)
        given, wanted = self.parts(images)
        latent, features = self.encode(given)
        delta = self.perturbation(given)
        if delta is None:
            return scores
        perturbed = self.decode(latent + delta, features)
        return scores | {"perturbed": per_image((wanted - perturbed).square())}
