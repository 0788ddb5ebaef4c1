"""Principal components of the pixels, scored by what they cannot reconstruct: a line no deep method may fall below."""

from typing import ClassVar

import numpy as np
import torch
from pydantic.dataclasses import dataclass
from torch import Tensor

from alpa.config import STRICT, PositiveInt, TrainingConfig
from alpa.detectors.reconstruction import ReconstructingDetector, per_image
from alpa.runtime import Runtime


@dataclass(frozen=True, config=STRICT)
class PCAConfig:
    """`components`: how many are kept, fewer than there are training images."""

    components: PositiveInt = 32


class PrincipalComponents(ReconstructingDetector):
    """scikit-learn's PCA on prepared pixels."""

    key = "pca"
    config_class: ClassVar[type] = PCAConfig
    primary_score = "reconstruction"
    uses = ("validation_fraction", "preparation")

    def __init__(self, image_shape: tuple[int, ...], config: PCAConfig, seed: int, predicted: int = 0) -> None:
        super().__init__(image_shape, config, seed, predicted)
        self.register_buffer("mean", torch.zeros(0))  # (pixels,)
        self.register_buffer("components", torch.zeros(0))  # (components, pixels)

    def learn(self, images: Tensor, training: TrainingConfig, runtime: Runtime) -> None:
        from sklearn.decomposition import PCA  # as slow to import as torch, and only fitting needs it

        pixels = self.preparation(images).flatten(1).cpu().numpy()  # (N, C, H, W) -> (N, pixels)
        # Around their mean, N images span N - 1 dimensions; a component beyond them would be rounding noise.
        kept = min(self.config.components, len(pixels) - 1, pixels.shape[1])
        with runtime.limited_threads():  # once more, since sklearn has just brought its own linear algebra
            fitted = PCA(kept, svd_solver="full", random_state=self.seed).fit(pixels)
        self.mean = torch.from_numpy(fitted.mean_).to(images.device)
        self.components = torch.from_numpy(np.ascontiguousarray(fitted.components_)).to(images.device)

    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        return {"reconstruction": per_image((images - self.reconstruct_batch(images)).square())}

    def reconstruct_batch(self, images: Tensor) -> Tensor:
        centred = images.flatten(1) - self.mean
        return (centred @ self.components.T @ self.components + self.mean).view(images.shape)
