"""Local outlier factor on pixels: how much sparser an image's neighbourhood is than those of its neighbours.

M. M. Breunig et al., LOF: Identifying Density-Based Local Outliers, SIGMOD 2000; by scikit-learn, as novelty detection.

Deviation: of more images than `samples`, a seeded sample is fitted: the cost grows with the square of their number.
"""

from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor

from alpa.config import PositiveInt, TrainingConfig, settings
from alpa.detectors.shallow import ShallowDetector
from alpa.runtime import Runtime


@settings
class LOFConfig:
    """`neighbours`: whose densities are compared, fewer than there are images. `samples`: at most so many are kept."""

    neighbours: PositiveInt = 20
    samples: PositiveInt = 10000


class LocalOutlierFactor(ShallowDetector):
    """The factor of an image among the training images, which stay with the detector, a byte per value of a pixel.

    Their densities follow from them, and are worked out anew wherever the detector is to score.
    """

    key = "lof"
    config_class: ClassVar[type] = LOFConfig
    primary_score = "factor"
    config: LOFConfig

    def __init__(self, image_shape: tuple[int, ...], config: LOFConfig, seed: int, predicted: int = 0) -> None:
        super().__init__(image_shape, config, seed, predicted)
        self.register_buffer("references", torch.zeros(0, dtype=torch.uint8))  # (N, C, H, W)

    def learn(self, images: Tensor, training: TrainingConfig, runtime: Runtime) -> None:
        self.references = self.sample(images)

    @cached_property
    def factors(self) -> Any:
        """The search over all references and their densities, built once."""
        from sklearn.neighbors import LocalOutlierFactor  # as slow to import as torch, and only scoring needs it

        pixels = self.pixels(self.references)
        neighbours = min(self.config.neighbours, len(pixels) - 1)
        return LocalOutlierFactor(n_neighbors=neighbours, algorithm="brute", novelty=True).fit(pixels)

    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        factors = -self.factors.score_samples(images.flatten(1).cpu().numpy())
        return {"factor": torch.from_numpy(factors).to(images.device).float()}
