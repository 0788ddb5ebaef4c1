"""Memorizing Normality to Detect Anomaly: Memory-augmented Deep Autoencoder (MemAE).

D. Gong et al., ICCV 2019, arXiv:1904.02639. Checked against the authors' repository, donggong1/memae-anomaly-detection
(MIT licence), which has the form for video: the memory, its shrinkage, the losses and their weight are theirs.

Deviation: the convolutional networks of `autoencoder`, with a larger latent, since here the memory is the bottleneck.
Deviation: an item's similarity to a latent is their inner product, as in the authors' code; the paper's cosine cannot
tell items apart sharply.
Deviation: where a frame is predicted, which the paper does not do, each place of the latent map reads the memory, as
each place does in their form for video, and the decoder also sees feature maps that did not go through it.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alpa.config import NonNegativeFloat, PositiveInt, settings
from alpa.detectors.autoencoder import Autoencoder, AutoencoderConfig
from alpa.detectors.reconstruction import mean_squared
from alpa.runtime import seeded

MEMORY_SEED = 4_000_003
TINY = 1e-12  # the authors' guard against a division by zero and the logarithm of zero


@settings
class MemAEConfig(AutoencoderConfig):
    """`items`: of the memory: 100 for MNIST, 500 for CIFAR-10 and 2000 for video in the paper.

    `shrinkage`: weights below this multiple of 1 / items are set to zero; from 1 to 3 in the paper.
    `entropy_weight`: of the mean entropy of the weights in the loss.
    """

    latent: PositiveInt = 64
    items: PositiveInt = 100
    shrinkage: NonNegativeFloat = 1.0
    entropy_weight: NonNegativeFloat = 0.0002


class Memory(nn.Module):
    """Replaces a latent by a sparse mean of prototypes of normal latents."""

    def __init__(self, items: int, width: int, threshold: float) -> None:
        super().__init__()
        self.items = nn.Parameter(torch.empty(items, width).uniform_(-(width**-0.5), width**-0.5))
        self.threshold = threshold

    def forward(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """Return what is read for latents (B, latent) or maps (B, latent, H, W), and the weights, (..., items)."""
        similarity = F.linear(latent.movedim(1, -1), self.items)  # (..., latent) -> (..., items)
        weights = similarity.float().softmax(-1)
        above = weights - self.threshold
        kept = F.normalize(above.relu() * weights / (above.abs() + TINY), p=1, dim=-1)
        return F.linear(kept, self.items.T).movedim(-1, 1), kept


class MemAE(Autoencoder):
    """D sees what the memory makes of E's latent, so that an anomaly is reconstructed of what is normal."""

    key = "memae"
    config_class: ClassVar[type] = MemAEConfig
    primary_score = "reconstruction"
    config: MemAEConfig

    def __init__(self, image_shape: tuple[int, ...], config: MemAEConfig, seed: int, predicted: int = 0) -> None:
        super().__init__(image_shape, config, seed, predicted)
        with seeded(seed + MEMORY_SEED):
            self.memory = Memory(config.items, config.latent, config.shrinkage / config.items)

    def losses(self, images: Tensor) -> dict[str, Tensor]:
        given, wanted = self.parts(images)
        latent, features = self.encode(given)
        read, weights = self.memory(latent)
        made = super().decode(read, features)
        entropy = -(weights * (weights + TINY).log()).sum(-1).mean()
        return {"reconstruction": mean_squared(made.float() - wanted), "entropy": entropy}

    def total(self, losses: dict[str, Tensor]) -> Tensor:
        return losses["reconstruction"] + self.config.entropy_weight * losses["entropy"]

    def decode(self, latent: Tensor, features: list[Tensor], n_clean: int | None = None) -> Tensor:
        return super().decode(self.memory(latent)[0], features, n_clean)
