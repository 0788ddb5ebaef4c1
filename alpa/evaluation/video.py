"""A detector's scores of the frames of clips: from its scores of windows, or from its maps of whole frames."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from alpa.config import VideoConfig
from alpa.data.splits import Split
from alpa.data.video import cuboid_rows, cuboids
from alpa.detectors.detector import Detector

Scores = dict[str, NDArray[np.float32]]


def frame_scores(detector: Detector, split: Split, rows: NDArray[np.int64], video: VideoConfig) -> Scores:
    """Return every score of some frames of a split, name -> (n,): the mean over a frame's `top` highest windows.

    Frames are scored a few at a time, so that memory does not grow with the length of the clips, and a frame's score
    depends on its own cuboid alone.
    """
    cuboid = cuboid_rows(split.group, video.frames, video.step)[rows]
    found: dict[str, list[NDArray[np.float32]]] = {}
    for frames in cuboids(split.images, cuboid):
        for name, places in detector.window_scores(frames, video.window, video.stride).items():
            highest = np.sort(places.reshape(len(places), -1), axis=1)[:, -video.top :]
            found.setdefault(name, []).append(highest.mean(axis=1))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def smoothed(scores: NDArray, group: NDArray[np.int64], deviation: float) -> NDArray:
    """Smooth scores (n,) over time within each clip by a Gaussian of so many frames; 0 leaves them as they are."""
    if deviation == 0:
        return scores
    result = np.empty_like(scores)
    for clip in np.unique(group):
        of_clip = group == clip
        result[of_clip] = gaussian_filter1d(scores[of_clip], deviation, mode="nearest")
    return result
