"""Heat maps: the scores of a frame's windows, painted where the windows lie."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from alpa.config import VideoConfig
from alpa.data.splits import Split
from alpa.data.video import corners
from alpa.detectors.detector import Detector
from alpa.evaluation.video import window_scores_of

HEAT = (213, 94, 0)  # vermilion, told from grey without colour vision
STRONGEST = 0.7  # of the colour over the frame

Frame = NDArray[np.uint8]  # (C, H, W)
Map = NDArray[np.float32]  # (H, W)


def frame_heat(detector: Detector, score: str, split: Split, rows: NDArray[np.int64], video: VideoConfig) -> list[Map]:
    """Return a map of the score for each of some frames of a split: at each pixel the highest window that covers it."""
    size = split.image_shape[1:]
    grids = [window_scores_of(detector, split, int(row), video)[score] for row in rows]
    return [painted(grid, size, video.window, video.stride) for grid in grids]


def painted(grid: NDArray[np.float32], size: tuple[int, ...], side: int, stride: int) -> Map:
    """Paint the scores of windows (rows, columns) over a frame of `size` (H, W); the highest of a pixel's windows wins.

    >>> painted(np.array([[1, 2, 3]], np.float32), (2, 5), 2, 2).tolist()
    [[1.0, 1.0, 2.0, 3.0, 3.0], [1.0, 1.0, 2.0, 3.0, 3.0]]
    """
    tops, lefts = (places(length, side, stride, n) for length, n in zip(size, grid.shape, strict=True))
    heat = np.full(size, grid.min(), np.float32)
    for top, values in zip(tops, grid, strict=True):
        for left, value in zip(lefts, values, strict=True):
            window = heat[top : top + side, left : left + side]
            np.maximum(window, value, out=window)
    return heat


def places(length: int, side: int, stride: int, n: int) -> NDArray[np.int64]:
    """Return where `n` windows begin along a side: `stride` apart and at the end, or finer if there are more of them.

    >>> places(11, 4, 2, 5).tolist(), places(11, 4, 2, 8).tolist()
    ([0, 2, 4, 6, 7], [0, 1, 2, 3, 4, 5, 6, 7])
    """
    usual = corners(length, side, stride)
    return usual if len(usual) == n else np.arange(n) * max(1, (length - side) // max(1, n - 1))


def overlaid(frame: Frame, heat: Map | None, scale: tuple[float, float]) -> NDArray[np.uint8]:
    """Return a frame in grey, (H, W, 3), under a colour that grows from none to full over the `scale` of the heat."""
    grey = np.repeat(frame.mean(0)[..., None], 3, axis=2)
    if heat is not None:
        low, high = scale
        share = STRONGEST * np.clip((heat - low) / (high - low), 0, 1)[..., None]
        grey = (1 - share) * grey + share * np.array(HEAT)
    return np.rint(grey).astype(np.uint8)


def at_most(picture: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """Return a picture (H, W, 3) that is no wider than `width` pixels, smaller by averages."""
    height, was = picture.shape[:2]
    if was <= width:
        return picture
    size = (width, max(1, round(height * width / was)))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))
