"""Mean distance to the nearest training images, in pixels: the second line no deep method may fall below."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from alpa.config import PositiveInt, TrainingConfig, settings
from alpa.data.batches import StreamedImages, are_many
from alpa.detectors.detector import Detector
from alpa.runtime import Runtime

PART = 64 * 2**20  # bytes of references that are searched at once; prepared, they take four times as much


@settings
class KNNConfig:
    """`neighbours`: over how many the distance is averaged, at most as many as there are training images."""

    neighbours: PositiveInt = 5


class NearestNeighbours(Detector):
    """scikit-learn's exact search over the pixels of every training image.

    They stay with the detector, a byte per value of a pixel. Of very many (`are_many`), parts are searched one after
    the other, so that only a part at a time is prepared: slower, and the same neighbours.
    """

    key = "knn"
    config_class: ClassVar[type] = KNNConfig
    primary_score = "distance"
    uses = ("validation_fraction", "preparation")

    def __init__(self, image_shape: tuple[int, ...], config: KNNConfig, seed: int, predicted: int = 0) -> None:
        super().__init__(image_shape, config, seed, predicted)
        self.register_buffer("references", torch.zeros(0, dtype=torch.uint8))  # (N, C, H, W)

    def learn(self, images: Tensor, training: TrainingConfig, runtime: Runtime) -> None:
        self.references = images.load() if isinstance(images, StreamedImages) else images

    @cached_property
    def index(self) -> Any:
        """The search over all references, built once."""
        return self._index_of(self.references)

    def _index_of(self, references: Tensor) -> Any:
        from sklearn.neighbors import NearestNeighbors  # as slow to import as torch, and only scoring needs it

        pixels = self.preparation(references).flatten(1).cpu().numpy()  # (N, C, H, W) -> (N, pixels)
        return NearestNeighbors(n_neighbors=min(self.config.neighbours, len(pixels)), algorithm="brute").fit(pixels)

    def _indices(self) -> Iterator[Any]:
        """Return searches that together cover all references: of very many, one over each part, built when needed."""
        if not are_many(self.references):
            return iter([self.index])
        return map(self._index_of, self.references.split(max(1, PART // self.references[0].numel())))

    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        pixels = images.flatten(1).cpu().numpy()
        found = np.concatenate([index.kneighbors(pixels)[0] for index in self._indices()], axis=1)
        distances = np.sort(found, axis=1)[:, : self.config.neighbours]
        return {"distance": torch.from_numpy(distances).mean(1).float()}
