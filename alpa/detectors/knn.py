"""Mean distance to the nearest training images, in pixels: the second line no deep method may fall below."""

from functools import cached_property
from typing import Any, ClassVar

import torch
from pydantic.dataclasses import dataclass
from torch import Tensor

from alpa.config import STRICT, PositiveInt, TrainingConfig
from alpa.detectors.detector import Detector
from alpa.runtime import Runtime


@dataclass(frozen=True, config=STRICT)
class KNNConfig:
    """`neighbours`: over how many the distance is averaged, at most as many as there are training images."""

    neighbours: PositiveInt = 5


class NearestNeighbours(Detector):
    """scikit-learn's exact search over the pixels of every training image."""

    key = "knn"
    config_class: ClassVar[type] = KNNConfig
    primary_score = "distance"
    uses = ("validation_fraction", "preparation")

    def __init__(self, image_shape: tuple[int, ...], config: KNNConfig, seed: int, predicted: int = 0) -> None:
        super().__init__(image_shape, config, seed, predicted)
        self.register_buffer("references", torch.zeros(0, dtype=torch.uint8))  # (N, C, H, W)

    def learn(self, images: Tensor, training: TrainingConfig, runtime: Runtime) -> None:
        self.references = images

    @cached_property
    def index(self) -> Any:
        """The search over the references, built once."""
        from sklearn.neighbors import NearestNeighbors  # as slow to import as torch, and only scoring needs it

        references = self.preparation(self.references).flatten(1).cpu().numpy()  # (N, C, H, W) -> (N, pixels)
        neighbours = min(self.config.neighbours, len(references))
        return NearestNeighbors(n_neighbors=neighbours, algorithm="brute").fit(references)

    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        distances, _ = self.index.kneighbors(images.flatten(1).cpu().numpy())
        return {"distance": torch.from_numpy(distances).mean(1).float()}
