"""A detector's scores of the frames of clips, from its scores of their windows."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from alpa.config import VideoConfig
from alpa.data.splits import Split
from alpa.data.stored import Images
from alpa.data.video import CHUNK, cuboid_rows, cut_cuboids
from alpa.detectors.detector import Detector

Scores = dict[str, NDArray[np.float32]]


def frame_scores(detector: Detector, split: Split, video: VideoConfig) -> Scores:
    """Return every score of every frame of a split, name -> (N,): the mean over its `top` highest windows.

    A window's score is averaged over the `span` frames around, at the same place and within the clip, before the
    highest are looked for. Frames are scored a few at a time, so that memory does not grow with the length of a clip.
    """
    found: dict[str, list[NDArray[np.float32]]] = {}
    for maps in heat_maps(detector, split, video):
        for name, places in maps.items():
            highest = np.sort(places.reshape(len(places), -1), axis=1)[:, -video.top :]
            found.setdefault(name, []).append(highest.mean(axis=1))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def heat_maps(detector: Detector, split: Split, video: VideoConfig) -> Iterator[Scores]:
    """Yield the scores of the windows of all frames in order, a few frames at a time, averaged over the span.

    Each is name -> (n, rows, columns).
    """
    rows = cuboid_rows(split.group, video.frames, video.step)
    for first, end in _bounds(split.group):
        for start in range(first, end, CHUNK):
            yield _averaged(detector, split.images, rows, video, (start, min(start + CHUNK, end)), (first, end))


def window_scores_of(detector: Detector, split: Split, row: int, video: VideoConfig) -> Scores:
    """Return the scores of the windows of one frame, name -> (rows, columns), averaged over the span."""
    first, end = np.searchsorted(split.group, [split.group[row], split.group[row] + 1])
    rows = cuboid_rows(split.group, video.frames, video.step)
    maps = _averaged(detector, split.images, rows, video, (row, row + 1), (int(first), int(end)))
    return {name: values[0] for name, values in maps.items()}


def smoothed(scores: NDArray, group: NDArray[np.int64], deviation: float) -> NDArray:
    """Smooth scores (n,) over time within each clip by a Gaussian of so many frames; 0 leaves them as they are."""
    if deviation == 0:
        return scores
    from scipy.ndimage import gaussian_filter1d  # only here, and slow to import

    result = np.empty_like(scores)
    for clip in np.unique(group):
        of_clip = group == clip
        result[of_clip] = gaussian_filter1d(scores[of_clip], deviation, mode="nearest")
    return result


def _bounds(group: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield the first row of each clip and the one after its last."""
    starts = np.searchsorted(group, np.unique(group))
    yield from zip(starts.tolist(), [*starts[1:].tolist(), len(group)], strict=True)


def _averaged(
    detector: Detector,
    images: Images,
    rows: NDArray[np.int64],
    video: VideoConfig,
    wanted: tuple[int, int],
    clip: tuple[int, int],
) -> Scores:
    """Return the scores of the windows of neighbouring frames, each averaged over the frames around within its clip."""
    before, after = video.span // 2, (video.span - 1) // 2
    low, high = max(clip[0], wanted[0] - before), min(clip[1], wanted[1] + after)
    maps = detector.window_scores(cut_cuboids(images, rows[low:high]), video.window, video.stride)
    frames = np.arange(*wanted)
    lowest, highest = np.maximum(frames - before, clip[0]) - low, np.minimum(frames + after + 1, clip[1]) - low
    return {name: _means(values, lowest, highest) for name, values in maps.items()}


def _means(maps: NDArray[np.float32], low: NDArray[np.int64], high: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return for each i the mean of maps[low[i]:high[i]]."""
    if np.all(high - low == 1):
        return maps[low]
    total = np.concatenate([np.zeros_like(maps[:1], np.float64), maps.cumsum(axis=0, dtype=np.float64)])
    return ((total[high] - total[low]) / (high - low)[:, None, None]).astype(np.float32)
