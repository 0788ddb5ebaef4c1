"""Splits of clips: every frame once, in order, with its label and its clip; both parts or neither."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alpa.data import clip_splits
from alpa.data.clip_splits import write_clip_splits
from alpa.data.clips import Clip
from alpa.data.frames import read_frames
from alpa.data.splits import digest, load_split
from alpa.errors import DataError

LENGTHS = {"train/b2": 3, "train/b10": 300, "test/a": 4, "test/c": 2}
ANOMALOUS = {"a": ((1, 3),), "c": ()}


def write_frames(folder: Path, number: int, mode: str = "L", seed: int = 0) -> None:
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    for place in range(number):
        pixels = random.integers(0, 256, (10, 12, 3), dtype=np.uint8)
        Image.fromarray(pixels).convert(mode).save(folder / f"{place:03}.png")


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    found = []
    for number, (name, length) in enumerate(LENGTHS.items()):
        part, clip = name.split("/")
        write_frames(tmp_path / name, length, seed=number)
        found.append(Clip(clip, part, tmp_path / name, ANOMALOUS.get(clip, ())))  # type: ignore[arg-type]
    return found


def split(clips: list[Clip], folder: Path, size: tuple[int, int] = (10, 12)) -> tuple[int, int]:
    return write_clip_splits(folder, "toy", "video", clips, size)


def test_a_split_holds_every_frame_once_in_the_order_of_the_clips(clips: list[Clip], tmp_path: Path) -> None:
    assert split(clips, tmp_path / "splits", (6, 8)) == (303, 6)
    for part, lengths in (("train", [3, 300]), ("test", [4, 2])):
        loaded = load_split(tmp_path / "splits" / part)
        own = [clip for clip in clips if clip.part == part]
        assert loaded.images.shape == (sum(lengths), 1, 6, 8)
        assert loaded.clips == tuple(clip.name for clip in own)
        assert np.bincount(loaded.group).tolist() == lengths
        frames = [frame for clip in own for frame in read_frames(clip, (6, 8), 1)]
        np.testing.assert_array_equal(loaded.images, frames)


def test_frames_that_are_in_a_training_and_a_test_clip_are_counted(clips: list[Clip], tmp_path: Path) -> None:
    shutil.copy(tmp_path / "train/b2/001.png", tmp_path / "test/c/000.png")
    split(clips, tmp_path / "splits")
    assert [load_split(tmp_path / "splits" / part).shared for part in ("train", "test")] == [1, 1]


def test_a_frame_is_labelled_by_the_ranges_of_its_clip(clips: list[Clip], tmp_path: Path) -> None:
    split(clips, tmp_path / "splits")
    assert load_split(tmp_path / "splits/test").labels.tolist() == [0, 1, 1, 0, 0, 0]
    assert not load_split(tmp_path / "splits/train").labels.any()


def test_what_describes_a_split_of_clips(clips: list[Clip], tmp_path: Path) -> None:
    split(clips, tmp_path / "splits")
    loaded = load_split(tmp_path / "splits/train", in_memory=True)
    assert (loaded.class_names, loaded.targets) == (("normal", "anomalous"), ("normal",))
    assert (loaded.dataset, loaded.protocol, loaded.part) == ("toy", "video", "train")
    assert loaded.digest == digest(loaded.images, loaded.labels, loaded.group)
    assert json.loads((tmp_path / "splits/train/split.json").read_text())["n"] == 303


def test_equal_clips_give_equal_bytes(clips: list[Clip], tmp_path: Path) -> None:
    contents = []
    for name in ("first", "second"):
        split(clips, tmp_path / name)
        contents.append({path.name: path.read_bytes() for path in sorted((tmp_path / name).rglob("*.*"))})
    assert contents[0] == contents[1]
    assert set(contents[0]) == {"images.npy", "labels.npy", "group.npy", "split.json"}


def test_one_clip_in_colour_makes_all_frames_colour(clips: list[Clip], tmp_path: Path) -> None:
    write_frames(tmp_path / "test/z", 2, "RGB")
    coloured = [*clips, Clip("z", "test", tmp_path / "test/z", ())]
    split(coloured, tmp_path / "splits")
    assert load_split(tmp_path / "splits/train").images.shape == (303, 3, 10, 12)
    frames = load_split(tmp_path / "splits/test", in_memory=True).images
    assert (frames[:6, 0] == frames[:6, 2]).all()
    assert not (frames[6:, 0] == frames[6:, 2]).all()


@pytest.mark.parametrize(("ranges", "state"), [((), "normal"), (((0, 4),), "anomalous")])
def test_a_test_part_of_one_kind_is_refused_and_no_part_is_left(
    ranges: tuple[tuple[int, int], ...], state: str, clips: list[Clip], tmp_path: Path
) -> None:
    one_kind = [*clips[:2], Clip("a", "test", tmp_path / "test/a", ranges)]
    with pytest.raises(DataError) as caught:
        split(one_kind, tmp_path / "splits")
    assert str(caught.value) == f"All test frames of toy are labelled {state}; a test needs both kinds."
    assert list((tmp_path / "splits").iterdir()) == []


def test_a_bad_frame_keeps_the_split_that_was_there(clips: list[Clip], tmp_path: Path) -> None:
    split(clips, tmp_path / "splits")
    before = {path: path.read_bytes() for path in (tmp_path / "splits").rglob("*.*")}
    (tmp_path / "test/c/001.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"test/c/001\.png is not a "):
        split(clips, tmp_path / "splits", (6, 8))
    assert {path: path.read_bytes() for path in (tmp_path / "splits").rglob("*.*")} == before


def test_frames_are_written_as_they_come(clips: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []

    def watched(clip: Clip, size: tuple[int, int], channels: int) -> Iterator[np.ndarray]:
        for frame in read_frames(clip, size, channels):
            held.extend(path.stat().st_size for path in (tmp_path / "splits").rglob("images.npy"))
            yield frame

    monkeypatch.setattr(clip_splits, "read_frames", watched)
    split(clips, tmp_path / "splits")
    assert len(set(held)) > 3, "the file grows while frames come"
