"""A detector's scores of the frames of clips, from its scores of their windows."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from alpa.config import VideoConfig
from alpa.data.splits import Split
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
        starts = range(first, end, CHUNK)
        parts = (_window_scores(detector, split, rows[start : min(start + CHUNK, end)], video) for start in starts)
        yield from _averaged(parts, end - first, video.span)


def window_scores_of(detector: Detector, split: Split, row: int, video: VideoConfig) -> Scores:
    """Return the scores of the windows of one frame, name -> (rows, columns), averaged over the span."""
    first, end = np.searchsorted(split.group, [split.group[row], split.group[row] + 1])
    before, after = _reach(video.span)
    rows = cuboid_rows(split.group, video.frames, video.step)[max(first, row - before) : min(end, row + after + 1)]
    maps = _window_scores(detector, split, rows, video)
    return {name: values.mean(0, dtype=np.float64).astype(np.float32) for name, values in maps.items()}


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


def _window_scores(detector: Detector, split: Split, rows: NDArray[np.int64], video: VideoConfig) -> Scores:
    return detector.window_scores(cut_cuboids(split.images, rows), video.window, video.stride)


def _reach(span: int) -> tuple[int, int]:
    """Return how many frames before and after one are averaged with it."""
    return span // 2, (span - 1) // 2


def _averaged(parts: Iterator[Scores], length: int, span: int) -> Iterator[Scores]:
    """Average the maps of a clip of so many frames, which come in parts; those that later frames need are kept."""
    before, after = _reach(span)
    kept: Scores = {}
    first = done = 0  # of the clip's frames: the first one kept, and how many were averaged
    for part in parts:
        kept = {name: np.concatenate([kept[name], values]) if kept else values for name, values in part.items()}
        known = first + len(next(iter(kept.values())))
        frames = np.arange(done, length if known == length else known - after)
        if len(frames) == 0:
            continue
        low, high = np.maximum(frames - before, 0) - first, np.minimum(frames + after + 1, length) - first
        yield {name: _means(values, low, high) for name, values in kept.items()}
        done = int(frames[-1]) + 1
        unused = max(0, done - before) - first
        kept, first = {name: values[unused:] for name, values in kept.items()}, first + unused


def _means(maps: NDArray[np.float32], low: NDArray[np.int64], high: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return for each i the mean of maps[low[i]:high[i]]."""
    if np.all(high - low == 1):
        return maps[low]
    total = np.concatenate([np.zeros_like(maps[:1], np.float64), maps.cumsum(axis=0, dtype=np.float64)])
    return ((total[high] - total[low]) / (high - low)[:, None, None]).astype(np.float32)
