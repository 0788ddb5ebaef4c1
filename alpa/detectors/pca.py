"""Principal components of the pixels, scored by what they cannot reconstruct: a line no deep method may fall below."""

import math
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from alpa.config import PositiveInt, TrainingConfig, settings
from alpa.data.batches import are_many
from alpa.data.preparation import BATCH
from alpa.detectors.reconstruction import ReconstructingDetector, per_image
from alpa.runtime import Runtime


@settings
class PCAConfig:
    """`components`: how many are kept, fewer than there are training images."""

    components: PositiveInt = 32


class PrincipalComponents(ReconstructingDetector):
    """scikit-learn's PCA on prepared pixels.

    Of too many images for memory (`are_many`), the components are those that its IncrementalPCA finds part by part,
    which are close to the exact ones.
    """

    key = "pca"
    config_class: ClassVar[type] = PCAConfig
    primary_score = "reconstruction"
    uses = ("validation_fraction", "preparation")

    def __init__(self, image_shape: tuple[int, ...], config: PCAConfig, seed: int, predicted: int = 0) -> None:
        super().__init__(image_shape, config, seed, predicted)
        self.register_buffer("mean", torch.zeros(0))  # (pixels,)
        self.register_buffer("components", torch.zeros(0))  # (components, pixels)

    def learn(self, images: Tensor, training: TrainingConfig, runtime: Runtime) -> None:
        from sklearn.decomposition import PCA, IncrementalPCA  # as slow to import as torch, and only fitting needs them

        # Around their mean, N images span N - 1 dimensions; a component beyond them would be rounding noise.
        kept = min(self.config.components, len(images) - 1, math.prod(self.image_shape))
        with runtime.limited_threads():  # once more, since sklearn has just brought its own linear algebra
            if are_many(images):
                fitted = IncrementalPCA(kept)
                for part in images.split(max(BATCH, 2 * kept)):
                    fitted.partial_fit(self._pixels(part))
            else:
                fitted = PCA(kept, svd_solver="full", random_state=self.seed).fit(self._pixels(images))
        self.mean = torch.from_numpy(fitted.mean_.astype(np.float32)).to(images.device)
        self.components = torch.from_numpy(np.ascontiguousarray(fitted.components_, np.float32)).to(images.device)

    def _pixels(self, images: Tensor) -> np.ndarray:
        """Return prepared images as rows: (N, C, H, W) -> (N, pixels)."""
        return self.preparation(images).flatten(1).cpu().numpy()

    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        return {"reconstruction": per_image((images - self.reconstruct_batch(images)).square())}

    def reconstruct_batch(self, images: Tensor) -> Tensor:
        centred = images.flatten(1) - self.mean
        return (centred @ self.components.T @ self.components + self.mean).view(images.shape)
