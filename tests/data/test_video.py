"""Clips as samples: what a cuboid and a window hold, and where training windows are drawn."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from alpa.config import VideoConfig
from alpa.data import video as module
from alpa.data.video import Windows, all_windows, corners, cuboid_rows, cut_cuboids, cut_windows, draw_windows
from alpa.errors import DataError


def clips(*lengths: int) -> NDArray[np.int64]:
    """Return the clip of each frame, where clips have these lengths."""
    return np.repeat(np.arange(len(lengths)), lengths)


def frames(n: int, channels: int = 1, height: int = 20, width: int = 28, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (n, channels, height, width), dtype=np.uint8)


def test_a_cuboid_ends_in_its_frame() -> None:
    rows = cuboid_rows(clips(9), 3, 1)
    assert rows.shape == (9, 3)
    assert rows[:, -1].tolist() == list(range(9))
    assert rows[5].tolist() == [3, 4, 5]
    assert cuboid_rows(clips(9), 3, 2)[5].tolist() == [1, 3, 5]


def test_at_the_start_of_a_clip_the_frames_are_mirrored() -> None:
    assert cuboid_rows(clips(2, 6), 4, 1)[2:5].tolist() == [[5, 4, 3, 2], [4, 3, 2, 3], [3, 2, 3, 4]]


@pytest.mark.parametrize("lengths", [(1,), (2,), (3, 1, 4), (2, 9, 2), (30, 5)], ids=str)
@pytest.mark.parametrize(("number", "step"), [(2, 1), (5, 1), (5, 3), (8, 2)])
def test_a_cuboid_is_its_clip_mirrored_at_both_ends(lengths: tuple[int, ...], number: int, step: int) -> None:
    rows = cuboid_rows(clips(*lengths), number, step)
    reach = step * (number - 1)
    expected = []
    for clip, length in enumerate(lengths):
        mirrored = np.pad(sum(lengths[:clip]) + np.arange(length), (reach, 0), mode="reflect")
        expected += [mirrored[place : place + reach + 1 : step] for place in range(length)]
    np.testing.assert_array_equal(rows, expected)


@pytest.mark.parametrize("lengths", [(1, 1), (2, 5, 1, 7), (4, 40)], ids=str)
def test_a_cuboid_never_holds_a_frame_of_another_clip(lengths: tuple[int, ...]) -> None:
    group = clips(*lengths)
    for number, step in ((2, 1), (5, 1), (5, 4), (32, 3)):
        assert (group[cuboid_rows(group, number, step)] == group[:, None]).all()


@pytest.mark.parametrize("length", [16, 17, 20, 32, 45, 180])
@pytest.mark.parametrize("stride", [1, 4, 16, 40])
def test_windows_reach_both_ends_of_a_side_and_come_every_stride(length: int, stride: int) -> None:
    found = corners(length, 16, stride)
    assert found[0] == 0
    assert found[-1] == length - 16
    assert (np.diff(found) > 0).all()
    assert (np.diff(found)[:-1] == stride).all()
    assert (np.diff(found) <= stride).all()


def test_corners_by_hand() -> None:
    assert corners(45, 32, 8).tolist() == [0, 8, 13]
    assert corners(32, 32, 8).tolist() == [0]


def test_a_side_shorter_than_a_window_is_one_sentence() -> None:
    with pytest.raises(DataError) as caught:
        corners(30, 32, 8)
    assert str(caught.value) == "Frames of 30 pixels a side do not hold windows of 32; set video.window lower."


@pytest.mark.parametrize("channels", [1, 3])
def test_a_cut_window_is_the_slice_of_each_frame_of_its_cuboid(channels: int) -> None:
    images, rows = frames(7, channels), cuboid_rows(clips(3, 4), 3, 1)
    windows = Windows(np.array([0, 4, 6]), np.array([0, 2, 4]), np.array([12, 5, 0]))
    cut = cut_windows(images, rows, windows, 16)
    assert cut.shape == (3, 3 * channels, 16, 16)
    for sample, frame, top, left in zip(cut, windows.frame, windows.top, windows.left, strict=True):
        expected = [images[row, :, top : top + 16, left : left + 16] for row in rows[frame]]
        np.testing.assert_array_equal(sample, np.concatenate(expected))


def test_all_windows_are_the_slices_of_the_grid_row_by_row() -> None:
    cuboid = frames(2, 3)
    windows, grid = all_windows(cuboid, 16, 8)
    places = [(top, left) for top in (0, 4) for left in (0, 8, 12)]  # of 20 x 28 pixels
    assert grid == (2, 3)
    assert windows.flags.c_contiguous
    expected = [frame[:, top : top + 16, left : left + 16] for frame in cuboid for top, left in places]
    np.testing.assert_array_equal(windows, expected)


def test_what_is_cut_to_train_and_what_is_cut_to_test_agree() -> None:
    images, rows = frames(5), cuboid_rows(clips(5), 3, 1)
    whole = cut_cuboids(images, rows)
    tested, (_, columns) = all_windows(whole, 16, 4)
    tops, lefts = corners(20, 16, 4), corners(28, 16, 4)
    frame, row, column = np.unravel_index(np.arange(len(tested)), (5, len(tops), columns))
    trained = cut_windows(images, rows, Windows(frame, tops[row], lefts[column]), 16)
    np.testing.assert_array_equal(tested, trained)


@pytest.mark.parametrize("channels", [1, 3])
def test_whole_cuboids_have_their_frames_as_channels(channels: int) -> None:
    images, rows = frames(10, channels), cuboid_rows(clips(4, 6), 3, 2)
    expected = images[rows[3:8]].reshape(5, 3 * channels, 20, 28)  # (n, frames, C, H, W) -> (n, frames * C, H, W)
    np.testing.assert_array_equal(cut_cuboids(images, rows[3:8]), expected)


VIDEO = VideoConfig(window=16, stride=8, training_windows=60)


def with_a_mover(n: int = 20, height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    """Return frames of a still scene in which the upper left corner of 16 x 16 pixels flickers."""
    images = np.repeat(frames(1, 1, height, width), n, axis=0)
    images[:, :, :16, :16] = frames(n, 1, 16, 16, seed=1)
    return images


def as_set(windows: Windows) -> set[tuple[int, ...]]:
    columns = (windows.frame.tolist(), windows.top.tolist(), windows.left.tolist())
    return set(zip(*columns, strict=True))


def test_the_seed_alone_decides_which_windows_are_drawn() -> None:
    images, group = with_a_mover(), clips(20)
    first, again, other = (as_set(draw_windows(images, group, VIDEO, seed)) for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_no_window_is_drawn_twice_and_they_come_in_the_order_of_their_frames() -> None:
    windows = draw_windows(with_a_mover(), clips(20), VIDEO, 0)
    assert len(windows.frame) == len(as_set(windows)) == 60
    assert (np.diff(windows.frame) >= 0).all()


def test_windows_begin_at_a_quarter_of_the_stride_and_lie_within_the_frame() -> None:
    windows = draw_windows(frames(6, 1, 21, 30), clips(6), VIDEO, 0)
    assert set(windows.top.tolist()) == {0, 2, 4, 5}
    assert set(windows.left.tolist()) == {0, 2, 4, 6, 8, 10, 12, 14}


def test_places_where_something_moves_are_drawn_far_more_often_than_still_ones() -> None:
    windows = draw_windows(with_a_mover(40), clips(40), VIDEO, 0)
    moving = (windows.top < 16) & (windows.left < 16)
    # 8 * 8 of the 17 * 25 places of a frame touch the mover: 15 %.
    assert 0.75 < moving.mean() < 1


def test_a_mover_counts_in_its_clip_alone() -> None:
    still = np.full((10, 1, 32, 32), 40, np.uint8)
    images = np.concatenate([still, still + 100])
    windows = draw_windows(images, clips(10, 10), VIDEO, 0)
    assert (windows.frame >= 10).sum() not in (0, 60), "the cut from clip to clip is no motion"
    cut = draw_windows(images, clips(20), VIDEO, 0)
    assert (cut.frame == 10).mean() > 0.4


def test_clips_in_which_nothing_moves_are_drawn_from_everywhere() -> None:
    windows = draw_windows(np.full((10, 1, 48, 48), 7, np.uint8), clips(4, 6), VIDEO, 0)
    assert len(as_set(windows)) == 60
    assert len(set(windows.frame.tolist())) == 10


def test_where_there_are_fewer_windows_than_wanted_all_are_drawn() -> None:
    windows = draw_windows(frames(3, 1, 16, 18), clips(3), VIDEO, 0)
    assert as_set(windows) == {(frame, 0, left) for frame in range(3) for left in (0, 2)}


def test_the_motion_of_a_window_is_the_mean_absolute_difference_to_the_frame_before() -> None:
    images = frames(4, 3)
    tops, lefts = corners(20, 16, 2), corners(28, 16, 2)
    found = module._motion(images, cuboid_rows(clips(4), 2, 1), 16, tops, lefts)
    for frame, before in enumerate((1, 0, 1, 2)):  # the first frame is compared with the one after it
        difference = np.abs(images[frame].astype(int) - images[before])
        for row, top in enumerate(tops):
            for column, left in enumerate(lefts):
                expected = difference[:, top : top + 16, left : left + 16].mean()
                assert found[frame, row, column] == pytest.approx(expected, rel=1e-4)


def test_frames_smaller_than_a_window_are_one_sentence() -> None:
    with pytest.raises(DataError, match=r"^Frames of 12 pixels a side do not hold windows of 16; set video\.window "):
        draw_windows(frames(4, 1, 12, 40), clips(4), VIDEO, 0)


def test_frames_may_lie_in_a_file_that_is_only_read(tmp_path: Path) -> None:
    images, group = with_a_mover(8), clips(8)
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    windows = draw_windows(mapped, group, VIDEO, 0)
    assert as_set(windows) == as_set(draw_windows(images, group, VIDEO, 0))
    rows = cuboid_rows(group, 3, 1)
    np.testing.assert_array_equal(cut_windows(mapped, rows, windows, 16), cut_windows(images, rows, windows, 16))
