"""OLED: One-Class Learned Encoder-Decoder Network with Adversarial Context Masking for Novelty Detection.

J. T. Jewell, V. R. Khazaie, Y. Mohsenzadeh, WACV 2022, arXiv:2103.14953. Checked against the authors' repository,
jewelltaylor/OLED (no licence given): what the mask hides, the losses of both players, their weight, the mask's turns
and the three parts of the score are theirs.

Deviation: the convolutional networks of `autoencoder` for the Reconstructor, and as small ones for the Mask Module.
Deviation: the mask's gradient is that of a sigmoid (a straight-through estimate); the authors' quotient r / (r + 1e-12)
hardly has one.
Deviation: the mask takes its turn at every third step, not in every third epoch. An image and what is left of it go
through the networks in one batch, so that batch norm gives both the same statistics, in training as when scoring.
Deviation: two faults of the original are not repeated: it scales scores over the test set, and chooses the epoch by
labelled images. Here the parts are standardised on held-out normal images.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from alpa.config import Fraction, PositiveFloat, PositiveInt, settings
from alpa.detectors.autoencoder import Autoencoder, AutoencoderConfig
from alpa.detectors.convolutions import Doubling, Halving
from alpa.detectors.reconstruction import mean_squared, per_image
from alpa.runtime import seeded

MASK_SEED = 6_000_003
COVER = 0.5  # what is seen of a hidden place: the middle of the range


@settings
class OLEDConfig(AutoencoderConfig):
    """`hidden`: the share of an image's places that the mask hides.

    `context_weight`: of the mean absolute error of hidden places in the loss.
    `mask_every`: the mask learns at every k-th step.
    """

    hidden: Fraction = 0.125
    context_weight: PositiveFloat = 12.5
    mask_every: PositiveInt = 3


class OLED(Autoencoder):
    """The Mask Module hides the places that make reconstruction hardest, while E and D learn to fill them.

    Where a frame is predicted, the mask hides the same places of all frames before it.
    """

    key = "oled"
    config_class: ClassVar[type] = OLEDConfig
    combined_parts = ("reconstruction", "masked", "context")  # type: ignore[assignment]  # of three, not two
    opposed = ("masked", "context")
    config: OLEDConfig

    def __init__(self, image_shape: tuple[int, ...], config: OLEDConfig, seed: int, predicted: int = 0) -> None:
        super().__init__(image_shape, config, seed, predicted)
        self.steps_taken, width = 0, config.width
        with seeded(seed + MASK_SEED):
            self.mask = nn.Sequential(
                Halving(self.given[0], width),
                nn.LeakyReLU(0.2),
                Halving(width, 2 * width),
                nn.BatchNorm2d(2 * width),
                nn.LeakyReLU(0.2),
                Doubling(2 * width, width),
                nn.LeakyReLU(0.2),
                Doubling(width, 1),
            )

    @property
    def masks(self) -> bool:
        """Whether the mask learns in the present step, rather than sitting it out."""
        return self.steps_taken % self.config.mask_every == 0

    def hiding(self, given: Tensor) -> Tensor:
        """Return 1 for hidden places and 0 for the others, (B, 1, H, W), with a gradient for the mask in its turn."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.masks):
            strength = self.mask(given).float()
            flat = strength.flatten(1)  # (B, 1, H, W) -> (B, H * W)
            highest = flat.topk(max(1, round(self.config.hidden * flat.shape[1])))
            hard = torch.zeros_like(flat).scatter(1, highest.indices, 1.0).view_as(strength)
            soft = (strength - highest.values[:, -1].detach().view(-1, 1, 1, 1)).sigmoid()
            return hard + (soft - soft.detach())

    def train_step(self, images: Tensor) -> dict[str, Tensor]:
        losses = super().train_step(images)
        self.steps_taken += 1
        return losses

    def losses(self, images: Tensor) -> dict[str, Tensor]:
        given, wanted = self.parts(images)
        hidden = self.hiding(given)
        made = self.decode(*self.encode(torch.cat([given, cover(given, hidden)]))).float()
        clean, filled = made.chunk(2)
        return {
            "reconstruction": mean_squared(clean - wanted),
            "masked": mean_squared(filled - wanted),
            "context": ((filled - wanted).abs() * hidden.detach()).mean(),
        }

    def total(self, losses: dict[str, Tensor]) -> Tensor:
        return losses["reconstruction"] + losses["masked"] + self.config.context_weight * losses["context"]

    def oppose(self) -> None:
        """Turn the mask's gradient round, to climb what the autoencoder descends."""
        for parameter in self.mask.parameters():
            if parameter.grad is not None:
                parameter.grad.neg_()

    def compared(self, images: Tensor) -> dict[str, Tensor]:
        given, _ = self.parts(images)
        return super().compared(images) | {"masked": self.decode(*self.encode(cover(given, self.hiding(given))))}

    def masked_maps(self, images: Tensor) -> dict[str, Tensor]:
        """Return what the scores `masked` and `context` are means of, each (B, H, W)."""
        given, wanted = self.parts(images)
        hidden = self.hiding(given)
        error = wanted - self.decode(*self.encode(cover(given, hidden)))
        return {"masked": error.square().mean(1), "context": (error.abs() * hidden).mean(1)}

    def scores_of(self, images: Tensor, latent: Tensor, features: list[Tensor]) -> dict[str, Tensor]:
        scores = super().scores_of(images, latent, features)
        if self.predicted:  # whose maps hold them
            return scores
        return scores | {name: per_image(values) for name, values in self.masked_maps(images).items()}

    def score_maps(self, images: Tensor, latent: Tensor, features: list[Tensor]) -> dict[str, Tensor]:
        return super().score_maps(images, latent, features) | self.masked_maps(images)


def cover(given: Tensor, hidden: Tensor) -> Tensor:
    """Return images whose hidden places are grey."""
    return given + hidden * (COVER - given)
