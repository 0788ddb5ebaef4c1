"""A labelled data set of still images, of whatever origin, before a protocol splits it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TRAIN, TEST, UNDECIDED = 0, 1, -1  # values of RawImages.part


@dataclass(frozen=True, eq=False)
class RawImages:
    """Images of one size with their labels.

    `images` is uint8 (N, C, H, W), C = 1 (grey) or 3 (RGB), `labels` int64 (N,) with indices into `class_names`, `part`
    int8 (N,) the published part of each image: TRAIN, TEST, or UNDECIDED where a protocol has to split.
    """

    dataset: str
    class_names: tuple[str, ...]
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    part: NDArray[np.int8]
