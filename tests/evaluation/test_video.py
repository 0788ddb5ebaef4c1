"""Scores of frames: the highest windows, averaged over time within a clip, in memory that does not grow with clips."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from alpa.config import VideoConfig
from alpa.data.clip_splits import CLASS_NAMES
from alpa.data.splits import Split
from alpa.data.video import CHUNK
from alpa.evaluation.video import frame_scores, heat_maps, smoothed, window_scores_of

VIDEO = VideoConfig(frames=3, window=16, stride=8, span=1)


class Brightness:
    """Stands in for a detector: a window's score is the brightness of the last frame at the window's corner."""

    def __init__(self) -> None:
        self.given: list[int] = []

    def window_scores(self, frames: NDArray[np.uint8], side: int, stride: int) -> dict[str, NDArray[np.float32]]:
        self.given.append(len(frames))
        height, width = frames.shape[2] - side + 1, frames.shape[3] - side + 1
        corners = frames[:, :, :height:stride, :width:stride].astype(np.float32)
        return {"last": corners[:, -1], "first": corners[:, 0]}


def split_of(*lengths: int, images: NDArray[np.uint8] | None = None) -> Split:
    """Return a test split of clips of these lengths, noise of 24 x 32 pixels where no images are given."""
    n = sum(lengths)
    if images is None:
        images = np.random.default_rng(0).integers(0, 256, (n, 1, 24, 32), dtype=np.uint8)
    group = np.repeat(np.arange(len(lengths)), lengths)
    names = tuple(f"clip-{place}" for place in range(len(lengths)))
    shape = images.shape[1:]
    facts: Any = {"class_names": CLASS_NAMES, "image_shape": shape, "dataset": "toy", "protocol": "video"}
    facts |= {"part": "test", "digest": "", "targets": ("normal",), "clips": names}
    return Split(images, np.zeros(n, np.int64), group, **facts)


def scores(split: Split, **settings: Any) -> dict[str, NDArray[np.float32]]:
    detector: Any = Brightness()
    return frame_scores(detector, split, VideoConfig(**{"frames": 3, "window": 16, "stride": 8, "span": 1} | settings))


def at_corners(split: Split) -> NDArray[np.float32]:
    """Return what the stand-in finds in each frame, (N, windows)."""
    return split.images[:, 0, :9:8, :17:8].reshape(len(split.images), -1).astype(np.float32)


def test_a_frames_score_is_that_of_its_highest_window() -> None:
    split = split_of(5, 4)
    np.testing.assert_array_equal(scores(split)["last"], at_corners(split).max(1))


@pytest.mark.parametrize("top", [2, 3, 6])
def test_or_the_mean_over_its_highest_windows(top: int) -> None:
    split = split_of(5, 4)
    expected = np.sort(at_corners(split), axis=1)[:, -top:].mean(1)
    np.testing.assert_allclose(scores(split, top=top)["last"], expected, rtol=1e-6)


def test_more_windows_than_there_are_are_all_of_them() -> None:
    split = split_of(5)
    np.testing.assert_allclose(scores(split, top=99)["last"], at_corners(split).mean(1), rtol=1e-6)


def test_every_frame_of_every_clip_has_a_score_in_order() -> None:
    split = split_of(CHUNK + 3, 2, 2 * CHUNK)
    found = scores(split)
    assert {values.shape for values in found.values()} == {(3 * CHUNK + 5,)}
    np.testing.assert_array_equal(found["last"], at_corners(split).max(1))


def test_a_cuboid_begins_in_its_own_clip() -> None:
    split = split_of(4, 5)
    first = np.array([2, 1, 0, 1, 6, 5, 4, 5, 6])  # of each frame's cuboid of three, mirrored at a clip's start
    np.testing.assert_array_equal(scores(split)["first"], at_corners(split)[first].max(1))


@pytest.mark.parametrize("span", [2, 3, 9, 200])
@pytest.mark.parametrize("lengths", [(5, 4), (CHUNK + 7, 3), (2, 2 * CHUNK + 1)], ids=str)
def test_windows_are_averaged_over_the_frames_around_at_their_own_place_within_the_clip(
    span: int, lengths: tuple[int, ...]
) -> None:
    split = split_of(*lengths)
    places, expected = at_corners(split), []
    for row, clip in enumerate(split.group):
        low, high = row - span // 2, row + (span - 1) // 2
        around = [other for other in range(max(0, low), high + 1) if other < len(places) and split.group[other] == clip]
        expected.append(places[around].mean(0).max())
    np.testing.assert_allclose(scores(split, span=span)["last"], expected, rtol=1e-5)


def test_a_clips_scores_do_not_depend_on_the_other_clips() -> None:
    whole = split_of(6, CHUNK + 5, 4)
    alone = split_of(CHUNK + 5, images=whole.images[6 : CHUNK + 11])
    for name, values in scores(alone, span=5).items():
        np.testing.assert_allclose(scores(whole, span=5)[name][6 : CHUNK + 11], values, rtol=1e-6)


@pytest.mark.parametrize("span", [1, 3, 9])
def test_the_heat_map_of_one_frame_is_its_part_of_all(span: int) -> None:
    split, detector = split_of(6, CHUNK + 7, 4), Brightness()
    video = VideoConfig(frames=3, window=16, stride=8, span=span)
    every = np.concatenate([maps["last"] for maps in heat_maps(detector, split, video)])  # type: ignore[arg-type]
    assert every.shape == (CHUNK + 17, 2, 3)
    for row in (0, 5, 6, 6 + CHUNK, CHUNK + 16):
        alone = window_scores_of(detector, split, row, video)["last"]  # type: ignore[arg-type]
        np.testing.assert_allclose(alone, every[row], rtol=1e-6)


def test_memory_does_not_grow_with_the_length_of_a_clip(tmp_path: Path) -> None:
    peaks = []
    for number in (2 * CHUNK, 12 * CHUNK):
        path = tmp_path / f"{number}.npy"
        np.save(path, np.zeros((number, 1, 48, 64), np.uint8))
        split, detector = split_of(number, images=np.load(path, mmap_mode="r")), Brightness()
        tracemalloc.start()
        frame_scores(detector, split, VideoConfig(frames=5, window=16, span=9))  # type: ignore[arg-type]
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert max(detector.given) <= CHUNK + 8
    frames = 10 * CHUNK * 48 * 64  # by which the longer clip has more bytes
    assert peaks[1] - peaks[0] < frames / 5


@pytest.mark.parametrize("deviation", [0.5, 2.0])
def test_scores_are_smoothed_within_each_clip_alone(deviation: float) -> None:
    values = np.concatenate([np.zeros(6), np.full(5, 10.0), [0.0, 4.0, 0.0]]).astype(np.float32)
    group = np.repeat([0, 1, 2], [6, 5, 3])
    found = smoothed(values, group, deviation)
    np.testing.assert_allclose(found[:6], 0, atol=1e-6)
    np.testing.assert_allclose(found[6:11], 10, rtol=1e-5)
    np.testing.assert_allclose(found[11:], gaussian_filter1d(values[11:], deviation, mode="nearest"), rtol=1e-5)
    assert found[12] < 4
    assert found.dtype == np.float32
    assert values[12] == 4, "the scores themselves stay as they are"


def test_without_smoothing_scores_stay_as_they_are() -> None:
    values = np.random.default_rng(0).random(9)
    np.testing.assert_array_equal(smoothed(values, np.zeros(9, np.int64), 0), values)
