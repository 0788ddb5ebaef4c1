"""Pseudo-anomalies of video: each breaks one property of normal motion and leaves single frames as they look."""

import numpy as np
import pytest
from numpy.typing import NDArray

from alpa.config import VideoConfig
from alpa.data.video import Windows, cuboid_rows, cut_windows
from alpa.data.video_pseudo_anomalies import VIDEO_FAMILIES, NormalWindows

VIDEO = VideoConfig(frames=4, window=16, stride=8)
N = 6


def moving(channels: int = 1) -> NormalWindows:
    """Return windows of two clips in which a bright bar moves to the right by one pixel from frame to frame."""
    images = np.zeros((40, channels, 32, 48), np.uint8)
    for row, image in enumerate(images):
        image[:, :, row % 20 + 4 : row % 20 + 8] = 200
    group = np.repeat([0, 1], 20)
    windows = Windows(np.arange(10, 10 + N), np.arange(N), np.full(N, 8))
    return NormalWindows(images, group, windows, VIDEO)


def by_frame(samples: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return samples as (M, frames, C, side, side)."""
    return samples.reshape(N, VIDEO.frames, -1, VIDEO.window, VIDEO.window)


def made(family: str, normals: NormalWindows, seed: int = 0) -> NDArray[np.uint8]:
    return VIDEO_FAMILIES[family](normals, np.random.default_rng(seed))


@pytest.mark.parametrize("family", VIDEO_FAMILIES)
@pytest.mark.parametrize("channels", [1, 3])
def test_anomalies_have_the_shape_of_samples_and_differ_from_them(family: str, channels: int) -> None:
    normals = moving(channels)
    usual, strange = normals.cut(VIDEO.step), made(family, normals)
    assert strange.shape == usual.shape == (N, 4 * channels, 16, 16)
    assert strange.dtype == np.uint8
    assert all(not np.array_equal(one, other) for one, other in zip(usual, strange, strict=True))


@pytest.mark.parametrize("family", VIDEO_FAMILIES)
def test_they_depend_on_the_seed_alone_and_leave_the_clips_as_they_were(family: str) -> None:
    normals = moving()
    before = normals.images.copy()
    first = made(family, normals)
    assert np.array_equal(first, made(family, normals))
    assert np.array_equal(normals.images, before)
    if family != "faster":  # which draws nothing
        assert not np.array_equal(first, made(family, normals, seed=1))


def test_faster_shows_the_same_moment_and_the_frames_before_it_twice_as_far_apart() -> None:
    normals = moving()
    usual, strange = by_frame(normals.cut(1)), by_frame(made("faster", normals))
    assert np.array_equal(strange[:, -1], usual[:, -1])
    rows = cuboid_rows(normals.group, VIDEO.frames, 2)
    assert np.array_equal(strange, by_frame(cut_windows(normals.images, rows, normals.windows, VIDEO.window)))
    assert np.array_equal(strange[:, -2], usual[:, -3])


def test_reordered_keeps_all_frames_and_ends_in_another_one() -> None:
    normals = moving()
    for usual, strange in zip(by_frame(normals.cut(1)), by_frame(made("reordered", normals)), strict=True):
        assert sorted(frame.tobytes() for frame in strange) == sorted(frame.tobytes() for frame in usual)
        assert not np.array_equal(strange[-1], usual[-1])


def test_a_mover_changes_a_part_of_each_frame_that_is_elsewhere_in_the_next() -> None:
    normals = moving()
    normals.images[...] = np.random.default_rng(0).integers(0, 256, normals.images.shape, dtype=np.uint8)
    changed = by_frame(normals.cut(1)) != by_frame(made("mover", normals))
    share = changed.mean(axis=(1, 2, 3, 4))
    assert (share > 0.04).all()
    assert (share < 0.3).all()  # at most half of each side
    assert any(not np.array_equal(frames[0], frames[-1]) for frames in changed)
