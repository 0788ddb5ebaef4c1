"""Distance to the mean image: what a user's own detector looks like, in the one file that it takes."""

from typing import ClassVar

import torch
from torch import Tensor

from alpa.config import PositiveFloat, TrainingConfig, settings
from alpa.data.batches import to_unit
from alpa.detectors.detector import Detector
from alpa.detectors.reconstruction import per_image
from alpa.runtime import Runtime


@settings
class DistanceConfig:
    """`power`: to which each pixel's difference is raised."""

    power: PositiveFloat = 2.0


class Distance(Detector):
    """The mean over the pixels of |x - mean|^power."""

    key = "distance"
    config_class: ClassVar[type] = DistanceConfig
    primary_score = "distance"

    def __init__(self, image_shape: tuple[int, ...], config: DistanceConfig, seed: int) -> None:
        super().__init__(image_shape, config, seed)
        self.register_buffer("mean", torch.zeros(image_shape))

    def learn(self, images: Tensor, training: TrainingConfig, runtime: Runtime) -> None:
        self.mean = to_unit(images).mean(0)

    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        return {"distance": per_image((images - self.mean).abs() ** self.config.power)}
