"""Anomalies made from normal clips alone, so that a detector can be tuned on video where nobody has seen an anomaly.

Every family breaks one property of normal motion and keeps how a single frame looks: its speed, the order of its
moments, or what moves where. None needs a label or an anomalous clip.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alpa.config import VideoConfig
from alpa.data.stored import Images
from alpa.data.video import Windows, cuboid_rows, cut_windows

SPEED_UP = 2
MOVER_SIDE = (0.25, 0.5)  # least and most, of a window's side
MOVER_SPEED = (1.0, 3.0)  # least and most, in pixels from frame to frame

Samples = NDArray[np.uint8]  # (M, frames * C, side, side)


@dataclass(frozen=True, eq=False)
class NormalWindows:
    """Normal windows of clips: all `images` (N, C, H, W) with the clip of each, and where the windows lie."""

    images: Images
    group: NDArray[np.int64]
    windows: Windows
    video: VideoConfig

    def cut(self, step: int) -> Samples:
        """Return the windows as samples whose frames are `step` apart."""
        rows = cuboid_rows(self.group, self.video.frames, step)
        return cut_windows(self.images, rows, self.windows, self.video.window)


def faster(normals: NormalWindows, rng: np.random.Generator) -> Samples:
    """Let the clip run at twice its speed, at the same place and moment."""
    return normals.cut(SPEED_UP * normals.video.step)


def reordered(normals: NormalWindows, rng: np.random.Generator) -> Samples:
    """Put the frames of every cuboid into another order, whose last one is another frame: motion that jumps."""
    samples = _by_frame(normals.cut(normals.video.step), normals)
    frames = samples.shape[1]
    for sample in samples:
        last = rng.integers(frames - 1)
        others = rng.permutation(np.delete(np.arange(frames), last))
        sample[:] = sample[[*others, last]]
    return samples.reshape(len(samples), -1, *samples.shape[3:])


def mover(normals: NormalWindows, rng: np.random.Generator) -> Samples:
    """Let a piece of another window cross this one at a speed and in a direction of its own."""
    samples = _by_frame(normals.cut(normals.video.step), normals)
    n, frames, _, side, _ = samples.shape
    others = samples[(np.arange(n) + rng.integers(1, max(2, n), size=n)) % n].copy()
    for sample, other in zip(samples, others, strict=True):
        size = round(side * rng.uniform(*MOVER_SIDE))
        from_top, from_left = rng.integers(side - size + 1, size=2)
        speed, angle = rng.uniform(*MOVER_SPEED), rng.uniform(0, 2 * np.pi)
        way = speed * normals.video.step * np.array([np.sin(angle), np.cos(angle)])
        start = rng.uniform(0, side - size, size=2) - way * (frames - 1) / 2
        for place in range(frames):
            top, left = np.clip(np.rint(start + place * way), 0, side - size).astype(int)
            piece = other[place, :, from_top : from_top + size, from_left : from_left + size]
            sample[place, :, top : top + size, left : left + size] = piece
    return samples.reshape(n, -1, side, side)


def _by_frame(samples: Samples, normals: NormalWindows) -> Samples:
    """Return samples as (M, frames, C, side, side)."""
    return samples.reshape(len(samples), normals.video.frames, -1, *samples.shape[2:])


VIDEO_FAMILIES: dict[str, Callable[[NormalWindows, np.random.Generator], Samples]] = {
    function.__name__: function for function in (faster, reordered, mover)
}
