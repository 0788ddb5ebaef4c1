"""ARAE: Adversarially Robust Training of Autoencoders Improves Novelty Detection.

M. Salehi et al., Neural Networks 144, 2021, arXiv:2003.05669. Checked against the authors' repository,
rohban-lab/Salehi_submitted_2020 (no licence given), in its form with a bound on each pixel: the attack on the latent,
its start and step, the two losses, their weight and the score are theirs.

Deviation: the convolutional networks of `autoencoder` for their fully connected ones, so that the two differ in their
training alone. During the attack, batch norm uses its running statistics and leaves them alone.
Deviation: the attack takes 10 steps for their 40, of the same length in all, since each costs as much as half a step of
the autoencoder.
"""

from typing import ClassVar

import torch
from torch import Tensor

from alpa.config import NonNegativeFloat, PositiveFloat, PositiveInt, TrainingConfig, settings
from alpa.detectors.autoencoder import Autoencoder, AutoencoderConfig
from alpa.detectors.reconstruction import mean_squared

NOISE_SEED = 5_000_003  # its own stream, since the order of the batches is drawn from the detector's seed too
REACH = 2.5  # radii that the steps of an attack go together


@settings
class ARAEConfig(AutoencoderConfig):
    """`radius`: by which the attack may change a pixel in [0, 1]: published as 0.2 for MNIST, 0.05 for Fashion-MNIST.

    `gamma`: weight of the latent's change in the loss. `attack_steps`: of the projected gradient ascent.
    """

    radius: PositiveFloat = 0.2
    gamma: NonNegativeFloat = 0.1
    attack_steps: PositiveInt = 10


class ARAE(Autoencoder):
    """E and D learn to reconstruct x from x + delta, where delta moves the latent as far as it can."""

    key = "arae"
    config_class: ClassVar[type] = ARAEConfig
    primary_score = "reconstruction"
    opposed = ("reconstruction",)
    config: ARAEConfig

    def begin(self, training: TrainingConfig) -> None:
        super().begin(training)
        self.noise = torch.Generator(self.calibration.device).manual_seed(self.seed + NOISE_SEED)

    def attacked(self, given: Tensor) -> Tensor:
        """Return images whose latent lies far from that of these, within `radius` of them and in [0, 1]."""
        radius = self.config.radius
        step = REACH * radius / self.config.attack_steps
        self.eval()
        with torch.no_grad():
            latent, _ = self.encode(given)
        start = torch.rand(given.shape, generator=self.noise, device=given.device)
        delta = torch.empty_like(given).copy_(radius * (2 * start - 1))  # channels last in memory, as the images
        for _ in range(self.config.attack_steps):
            moved = (given + delta).clamp(0, 1).requires_grad_()
            (gradient,) = torch.autograd.grad((self.encode(moved)[0] - latent).square().sum(), moved)
            delta = (delta + step * gradient.sign()).clamp(-radius, radius)
        self.train()
        return (given + delta).clamp(0, 1)

    def losses(self, images: Tensor) -> dict[str, Tensor]:
        given, wanted = self.parts(images)
        latents, features = self.encode(torch.cat([given, self.attacked(given)]))
        latent, moved = latents.chunk(2)
        made = self.decode(moved, [feature.chunk(2)[1] for feature in features])
        return {"reconstruction": mean_squared(made.float() - wanted), "shift": mean_squared(moved - latent)}

    def total(self, losses: dict[str, Tensor]) -> Tensor:
        return losses["reconstruction"] + self.config.gamma * losses["shift"]
