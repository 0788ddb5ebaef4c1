"""What all detectors that reconstruct have in common, so that tables compare training and score apart."""

from functools import reduce

import numpy as np
import torch
from torch import Tensor

from alpa.detectors.detector import Detector


class ReconstructingDetector(Detector):
    """A detector that can also show what it makes of an image."""

    def reconstruct_batch(self, images: Tensor) -> Tensor:
        """Return the reconstructions of float32 images (B, C, H, W) in [0, 1], in the same shape and range."""
        raise NotImplementedError

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """Return the reconstructions of uint8 images (N, C, H, W): float32 of the same shape, in [0, 1]."""
        reconstructions = self._map(images, lambda batch: {"images": self.reconstruct_batch(batch)})
        return reconstructions["images"].clip(0, 1)


def per_image(values: Tensor) -> Tensor:
    """Return the mean over all but the batch dimension: (B, ...) -> (B,)."""
    return values.float().flatten(1).mean(1)


def reconstruction_scores(
    images: Tensor,
    reconstructions: Tensor,
    latents: tuple[Tensor, Tensor],
    features: tuple[list[Tensor], list[Tensor]],
) -> dict[str, Tensor]:
    """Return `reconstruction`, `latent` and `feature`, each (B,), higher = more anomalous.

    Args:
        images: the input x in [0, 1], (B, C, H, W).
        reconstructions: D(E(x)), in [0, 1] too.
        latents: E(x) and E(D(E(x))), each (B, ...).
        features: the encoder's feature maps of x and of D(E(x)).
    """
    latent, latent_again = latents
    gaps = [per_image((before - after).square()) for before, after in zip(*features, strict=True)]
    return {
        "reconstruction": per_image((images - reconstructions).square()),
        "latent": (latent - latent_again).float().square().flatten(1).sum(1),
        "feature": reduce(torch.add, gaps) / len(gaps),
    }
