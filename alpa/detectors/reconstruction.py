"""What all detectors that reconstruct have in common, so that tables compare training and score apart."""

from functools import reduce
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from alpa.data.stored import Images
from alpa.detectors.detector import Detector
from alpa.training.collapse import require_informative


class ReconstructingDetector(Detector):
    """A detector that can also show what it makes of an image."""

    opposed: ClassVar[tuple[str, ...]] = ()  # the losses that another player, or noise, raises

    def reconstruct_batch(self, images: Tensor) -> Tensor:
        """Return the reconstructions of prepared images (B, C, H, W), or the predictions of their last channels."""
        raise NotImplementedError

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """Return the reconstructions of uint8 images (N, C, H, W), or the predicted channels: float32 in [0, 1]."""
        rebuilt = self._map(images, lambda batch: {"images": self.reconstruct_batch(batch)})["images"]
        pixels = self.preparation.undo(torch.from_numpy(rebuilt), torch.from_numpy(np.ascontiguousarray(images)))
        return pixels.numpy().clip(0, 1)

    def compared(self, images: Tensor) -> dict[str, Tensor]:
        """Return what is made of prepared images, by the name of the loss that compares it with them in training."""
        return {}

    def _require_learned(self, images: Images) -> None:
        if not self.history:  # fitted in closed form
            return
        found = self._map(images, lambda batch: {"wanted": self.parts(batch)[1]} | self.compared(batch))
        for loss, made in found.items():
            if loss != "wanted":
                require_informative(self, loss, made, found["wanted"], loss in self.opposed)

    def parts(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the detector is given of (B, C, H, W) and what it is to make: both all of it, or frames."""
        if not self.predicted:
            return images, images
        return images[:, : -self.predicted], images[:, -self.predicted :]

    def moved_on(self, images: Tensor, last: Tensor) -> Tensor:
        """Return what is given one frame later, (B, given, H, W), when the last frame is this one; `last` if all is."""
        if not self.predicted:
            return last
        return torch.cat([images[:, self.predicted : -self.predicted], last], dim=1)


def mean_squared(difference: Tensor) -> Tensor:
    """Return the mean square; torch's mse_loss would turn its gradient, and all that follow, to channels first."""
    return difference.square().mean()


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
