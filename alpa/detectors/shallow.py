"""What detectors have in common that scikit-learn fits at once to pixels, or to the components of pixels."""

import math
from typing import ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor

from alpa.detectors.detector import Detector

MOST_BYTES = 256 * 2**20  # of the images that are fitted, as uint8; as float32 they take four times as much


class Sampled(Protocol):
    """Settings with `samples`: at most so many training images are fitted."""

    @property
    def samples(self) -> int: ...


class ShallowDetector(Detector):
    """A detector whose cost grows faster than its training set, of which it is therefore fitted to a seeded sample."""

    config: Sampled
    uses: ClassVar[tuple[str, ...]] = ("validation_fraction", "preparation")

    def sample(self, images: Tensor) -> Tensor:
        """Return uint8 images (N, C, H, W), or a `StreamedImages`, as a tensor: all, or a seeded sample in their order.

        It has `samples` images, fewer where these would take more than MOST_BYTES.
        """
        most = max(2, min(self.config.samples, MOST_BYTES // math.prod(self.image_shape)))
        rows = np.arange(len(images))
        if len(images) > most:
            rows = np.sort(np.random.default_rng(self.seed).permutation(len(images))[:most])
        return images[torch.from_numpy(rows)]

    def pixels(self, images: Tensor) -> np.ndarray:
        """Return uint8 images, prepared, as rows: (N, C, H, W) -> (N, pixels)."""
        return self.preparation(images).flatten(1).cpu().numpy()
