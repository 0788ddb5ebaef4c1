"""Clips as samples: cuboids of a few frames, their windows, and which of them to train on.

A cuboid ends in the frame that it is the sample of. At a clip's start the frames before it are missing; they are
mirrored, so that time runs backwards there, and no frame is dropped.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alpa.config import VideoConfig
from alpa.data.stored import Images
from alpa.errors import DataError

UNIFORM_SHARE = 0.1  # of the training windows, drawn anywhere; the others are drawn where something moves
FINER = 4  # training windows may begin at a quarter of the stride
CHUNK = 64  # frames held at once
MOST_FRAMES = 5000  # among which training windows are looked for, whatever the length of the clips

Frames = NDArray[np.uint8]  # (N, C, H, W)
Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Windows:
    """Where windows lie, each (M,): the row of their frame among all frames, and their upper left corner in pixels."""

    frame: Rows
    top: Rows
    left: Rows

    def __getitem__(self, chosen: NDArray) -> "Windows":
        return Windows(self.frame[chosen], self.top[chosen], self.left[chosen])


def cuboid_rows(group: Rows, frames: int, step: int) -> Rows:
    """Return for each of N frames the rows of its cuboid, (N, frames), itself last.

    Args:
        group: (N,) the clip of each frame; the frames of a clip are neighbours, in order.
        frames: of a cuboid.
        step: the way from each to the next, in frames.

    >>> cuboid_rows(np.array([0, 0, 0, 1, 1]), 3, 1).tolist()
    [[2, 1, 0], [1, 0, 1], [0, 1, 2], [3, 4, 3], [4, 3, 4]]
    """
    starts = np.searchsorted(group, group)
    lengths = np.searchsorted(group, group, side="right") - starts
    before = step * np.arange(frames - 1, -1, -1)
    place = (np.arange(len(group)) - starts)[:, None] - before
    period = 2 * np.maximum(lengths[:, None] - 1, 1)
    place = np.abs(place) % period  # mirrored at the start, and again at the end where a clip is shorter than a cuboid
    return starts[:, None] + np.minimum(np.minimum(place, period - place), lengths[:, None] - 1)


def corners(length: int, window: int, stride: int) -> Rows:
    """Return where windows begin along a side of so many pixels: every `stride`, and at the end.

    Raises:
        DataError: the side is shorter than a window.
    """
    if length < window:
        raise DataError(f"Frames of {length} pixels a side do not hold windows of {window}; set video.window lower.")
    return np.unique(np.append(np.arange(0, length - window + 1, stride), length - window))


def cut_windows(images: Images, rows: Rows, windows: Windows, side: int) -> Frames:
    """Return the windows as samples, uint8 (M, frames * C, side, side), the frames one after the other.

    Args:
        images: all frames.
        rows: the cuboid of each, from `cuboid_rows`.
        windows: which to cut.
        side: of a window, in pixels.
    """
    m, frames, channels = len(windows.frame), rows.shape[1], images.shape[1]
    cut = np.empty((m, frames, channels, side, side), np.uint8)
    last = None
    for place, (frame, top, left) in enumerate(zip(windows.frame, windows.top, windows.left, strict=True)):
        if frame != last:  # windows of one frame are mostly neighbours, and its cuboid is read once for all of them
            cuboid, last = images[rows[frame]], frame
        cut[place] = cuboid[:, :, top : top + side, left : left + side]
    return cut.reshape(m, frames * channels, side, side)


def draw_windows(images: Images, group: Rows, video: VideoConfig, seed: int) -> Windows:
    """Draw training windows, most of them in proportion to the motion they hold, so that no background drowns movers.

    Motion is the mean absolute difference between a frame and the one `step` before it. No window is drawn twice, and
    they come in the order of their frames. Of more than MOST_FRAMES frames, so many are drawn first.

    Raises:
        DataError: the frames are smaller than a window.
    """
    height, width = images.shape[2:]
    tops, lefts = (corners(length, video.window, max(1, video.stride // FINER)) for length in (height, width))
    rng = np.random.default_rng(seed)
    looked_at = np.arange(len(images))
    if len(images) > MOST_FRAMES:
        looked_at = np.sort(rng.choice(len(images), MOST_FRAMES, replace=False))
    motion = _motion(images, cuboid_rows(group, 2, video.step)[looked_at], video.window, tops, lefts)
    flat = motion.ravel().astype(np.float64)
    share = np.full(len(flat), 1 / len(flat))
    if flat.sum() > 0:
        share = UNIFORM_SHARE * share + (1 - UNIFORM_SHARE) * flat / flat.sum()
    number = min(video.training_windows, len(flat))
    drawn = np.sort(rng.choice(len(flat), number, replace=False, p=share / share.sum()))
    frame, top, left = np.unravel_index(drawn, motion.shape)
    return Windows(looked_at[frame], tops[top], lefts[left])


def cut_cuboids(images: Images, rows: Rows) -> Frames:
    """Return cuboids as whole frames, uint8 (n, frames * C, H, W); `rows` (n, frames) are those of `cuboid_rows`."""
    needed, place = np.unique(rows, return_inverse=True)
    return images[needed][place.reshape(rows.shape)].reshape(len(rows), -1, *images.shape[2:])


def all_windows(cuboid: Frames, side: int, stride: int) -> tuple[Frames, tuple[int, int]]:
    """Cut whole frames (n, C, H, W) into every window of the grid.

    Returns:
        uint8 (n * rows * columns, C, side, side), and the grid's rows and columns.
    """
    tops, lefts = (corners(length, side, stride) for length in cuboid.shape[2:])
    views = np.lib.stride_tricks.sliding_window_view(cuboid, (side, side), axis=(2, 3))[:, :, tops[:, None], lefts]
    windows = views.transpose(0, 2, 3, 1, 4, 5)  # (n, C, rows, columns, side, side) -> (n, rows, columns, C, ...)
    return np.ascontiguousarray(windows).reshape(-1, cuboid.shape[1], side, side), (len(tops), len(lefts))


def _motion(images: Images, pairs: Rows, side: int, tops: Rows, lefts: Rows) -> NDArray[np.float32]:
    """Return the mean absolute difference within each window of each pair of frames, (N, tops, lefts)."""
    found = np.empty((len(pairs), len(tops), len(lefts)), np.float32)
    for place, (before, now) in enumerate(pairs):
        difference = np.abs(images[now].astype(np.int16) - images[before]).mean(0)  # (C, H, W) -> (H, W)
        total = np.pad(difference.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
        low, right = tops[:, None] + side, lefts + side
        sums = total[low, right] - total[tops[:, None], right] - total[low, lefts] + total[tops[:, None], lefts]
        found[place] = sums / side**2
    return found.clip(min=0)
