"""A deep convolutional autoencoder scored by what it cannot reconstruct: the baseline, and `alpa` at strength 0."""

from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import OneCycleLR

from alpa.config import STRICT, PositiveInt, TrainingConfig
from alpa.detectors.networks import ConvolutionalDecoder, ConvolutionalEncoder
from alpa.detectors.reconstruction import ReconstructingDetector, reconstruction_scores
from alpa.runtime import seeded


@dataclass(frozen=True, config=STRICT)
class AutoencoderConfig:
    """`width`: channels of the first feature map; `latent`: coordinates of the bottleneck."""

    width: Annotated[int, Field(ge=4, multiple_of=4, strict=True)] = 16
    latent: PositiveInt = 8


class Autoencoder(ReconstructingDetector):
    """E and D trained on ||x - D(E(x))||^2; a subclass may perturb the latent.

    Unstated in the paper: the latent is batch-normalised without affine parameters, so each coordinate has unit
    variance over the normal class and the strength of a perturbation has a fixed meaning.
    """

    key = "autoencoder"
    config_class: ClassVar[type] = AutoencoderConfig
    primary_score = "combined"
    combined_parts = ("latent", "feature")

    def __init__(self, image_shape: tuple[int, ...], config: AutoencoderConfig, seed: int) -> None:
        super().__init__(image_shape, config, seed)
        with seeded(seed):
            self.encoder = ConvolutionalEncoder(image_shape, config.width, config.latent)
            self.decoder = ConvolutionalDecoder(image_shape, config.width, config.latent)
        self.norm = nn.BatchNorm1d(config.latent, affine=False)

    def begin(self, training: TrainingConfig) -> None:
        settings: dict[str, Any] = {"lr": training.learning_rate, "weight_decay": training.weight_decay, "fused": True}
        self.optimiser = torch.optim.AdamW(self.parameters(), **settings)
        # Smith and Topin's one cycle over the whole training; one more step, since the last one sets a rate as well.
        self.schedule = OneCycleLR(self.optimiser, max_lr=training.learning_rate, total_steps=training.steps + 1)

    def perturbation(self, images: Tensor) -> Tensor | None:
        """Return what training adds to the latent, (B, latent), or None for nothing."""
        return None

    def losses(self, images: Tensor) -> dict[str, Tensor]:
        """Return the mean squared errors of the clean and, where there is one, of the perturbed reconstruction."""
        latent, _ = self.encode(images)
        delta = self.perturbation(images)
        if delta is None:
            return {"reconstruction": F.mse_loss(self.decoder(latent).float(), images)}
        # One decoding serves both: D runs once on the concatenation [z, z + delta].
        both = torch.cat([latent, latent + delta])
        clean, perturbed = self.decoder(both, n_clean=len(latent)).float().chunk(2)
        return {"reconstruction": F.mse_loss(clean, images), "perturbed": F.mse_loss(perturbed, images)}

    def total(self, losses: dict[str, Tensor]) -> Tensor:
        """Return L = ||x - D(z)||^2 + weight * ||x - D(z + delta)||^2."""
        if "perturbed" not in losses:
            return losses["reconstruction"]
        return losses["reconstruction"] + self.config.weight * losses["perturbed"]

    def train_step(self, images: Tensor) -> dict[str, Tensor]:
        losses = self.losses(images)
        self.optimiser.zero_grad()
        self.total(losses).backward()
        self.oppose()
        self.optimiser.step()
        self.schedule.step()
        return {name: loss.detach() for name, loss in losses.items()}

    def oppose(self) -> None:
        """Change the gradients of an opponent, if there is one, before the step that serves all players."""

    def encode(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the normalised latent (B, latent) and the encoder's feature maps."""
        latent, features = self.encoder(images)
        return self.norm(latent.float()), features

    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        latent, features = self.encode(images)
        reconstructions = self.decoder(latent)
        latent_again, features_again = self.encode(reconstructions)
        return reconstruction_scores(images, reconstructions, (latent, latent_again), (features, features_again))

    def reconstruct_batch(self, images: Tensor) -> Tensor:
        return self.decoder(self.encode(images)[0])
