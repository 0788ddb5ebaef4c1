"""Folders of clips: the three layouts, what tells them from still images, and what is refused."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alpa.data.clips import Clip, clip_files, find_clips, frame_files, frame_labels, is_clip_folder
from alpa.data.frames import count_channels, read_frames
from alpa.errors import DataError

REAL_PED2 = Path(os.environ.get("ALPA_DATA_ROOT", "/nonexistent"), "ped2")  # read before the tests' fixture hides it


def write_frames(folder: Path, count: int, name: str = "{:03}.png", value: int = 90) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(1, count + 1):
        Image.new("L", (6, 4), value).save(folder / name.format(index))


@pytest.fixture
def ucsd(tmp_path: Path) -> Path:
    """A folder as UCSD publishes it: 2 train clips of 3 frames, 2 test clips of 4, the masks of one, a list."""
    home = tmp_path / "UCSDped2"
    for name in ("Train/Train001", "Train/Train002"):
        write_frames(home / name, 3, "{:03}.tif")
    for name in ("Test/Test001", "Test/Test002"):
        write_frames(home / name, 4, "{:03}.tif")
    write_frames(home / "Test/Test001_gt", 4, "{:03}.bmp", value=0)
    lines = "".join(f"TestVideoFile{{end+1}}.gt_frame = [{ranges}];\n" for ranges in ("3:4", "1:1, 3:3"))
    (home / "Test/UCSDped2.m").write_text("TestVideoFile = {};\n" + lines)
    for name in (
        ".DS_Store",
        "Test/.DS_Store",
        "Test/Test001/._001.tif",
        "Test/Test001/Thumbs.db",
        "Test/._UCSDped2.m",
    ):
        (home / name).write_bytes(b"\0")
    return home


@pytest.fixture
def community(tmp_path: Path) -> Path:
    """The same as others redistribute it: frames from 000.jpg, the list at the top."""
    home = tmp_path / "ped2"
    for name, count in (("training/frames/01", 2), ("training/frames/02", 2), ("testing/frames/01", 3)):
        write_frames(home / name, count, "{:03}.jpg")
    (home / "ped2.m").write_text("TestVideoFile = {};\nTestVideoFile{end+1}.gt_frame = [2:3];\n")
    return home


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A user's folder: five clips of different lengths, as frames of different kinds."""
    home = tmp_path / "doors"
    write_frames(home / "train/door-10", 5, "frame{}.png")
    write_frames(home / "train/door-9", 2, "frame{}.JPG")
    write_frames(home / "train/hall", 11, "{}.bmp")
    write_frames(home / "test/door-1", 7, "f{}.tiff")
    write_frames(home / "test/door-3", 3)
    (home / "labels.csv").write_text("clip,first,last\ndoor-3,2,3\ndoor-1,,\n")
    return home


def refusal(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        find_clips(folder)
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    return message


def names(clips: list[Clip]) -> list[str]:
    return [f"{clip.part}/{clip.name}" for clip in clips]


def test_clips_as_ucsd_publishes_them_are_found(ucsd: Path) -> None:
    clips = find_clips(ucsd)
    assert names(clips) == ["train/Train001", "train/Train002", "test/Test001", "test/Test002"]
    assert [clip.anomalous for clip in clips] == [(), (), ((2, 4),), ((0, 1), (2, 3))]
    assert clips[2].path == ucsd / "Test/Test001"


def test_the_folder_that_holds_ucsds_folder_will_do(ucsd: Path) -> None:
    assert is_clip_folder(ucsd.parent)
    assert find_clips(ucsd.parent) == find_clips(ucsd)


def test_a_folder_that_holds_both_of_ucsds_sets_is_refused(ucsd: Path) -> None:
    write_frames(ucsd.parent / "UCSDped1/Train/Train001", 2)
    assert is_clip_folder(ucsd.parent)
    assert "holds UCSDped1 and UCSDped2; name one of them" in refusal(ucsd.parent)


def test_without_a_list_the_masks_decide(ucsd: Path) -> None:
    (ucsd / "Test/UCSDped2.m").unlink()
    write_frames(ucsd / "Test/Test002_gt", 4, "{:03}.bmp", value=0)
    Image.new("L", (6, 4), 255).save(ucsd / "Test/Test002_gt/002.bmp")
    assert is_clip_folder(ucsd)
    assert [clip.anomalous for clip in find_clips(ucsd)] == [(), (), (), ((1, 2),)]


def test_without_a_list_every_test_clip_needs_masks(ucsd: Path) -> None:
    (ucsd / "Test/UCSDped2.m").unlink()
    message = refusal(ucsd)
    assert message.startswith("Test clip Test002 has no folder ")
    assert "Test002_gt; add its masks" in message


def test_every_frame_needs_a_mask(ucsd: Path) -> None:
    (ucsd / "Test/UCSDped2.m").unlink()
    write_frames(ucsd / "Test/Test002_gt", 3, "{:03}.bmp")
    assert "Test002_gt holds 3 masks for 4 frames; give every frame one mask" in refusal(ucsd)


def test_clips_as_others_redistribute_them_are_found(community: Path) -> None:
    clips = find_clips(community)
    assert names(clips) == ["train/01", "train/02", "test/01"]
    assert clips[2].anomalous == ((1, 3),)
    assert clips[2].path == community / "testing/frames/01"


def test_a_table_may_stand_for_the_list(community: Path) -> None:
    (community / "ped2.m").unlink()
    assert is_clip_folder(community)
    (community / "labels.csv").write_text("clip,first,last\n01,1,1\n")
    assert find_clips(community)[2].anomalous == ((0, 1),)


def test_five_clips_of_ones_own_are_found_and_read(own: Path) -> None:
    clips = find_clips(own)
    assert names(clips) == ["train/door-9", "train/door-10", "train/hall", "test/door-1", "test/door-3"]
    assert count_channels(clips) == 1
    lengths = [len(list(read_frames(clip, (4, 6), 1))) for clip in clips]
    assert lengths == [2, 5, 11, 7, 3]
    labels = [frame_labels(clip, length).tolist() for clip, length in zip(clips, lengths, strict=True)]
    assert labels[3:] == [[False] * 7, [False, True, True]]


def test_parts_may_be_called_training_and_testing(own: Path) -> None:
    expected = names(find_clips(own))
    (own / "train").rename(own / "training")
    (own / "test").rename(own / "Testing")
    assert names(find_clips(own)) == expected


def test_a_clip_may_be_called_frames(own: Path) -> None:
    (own / "train/hall").rename(own / "train/frames")
    assert names(find_clips(own))[:3] == ["train/door-9", "train/door-10", "train/frames"]


def test_video_files_are_clips_by_their_name(own: Path) -> None:
    (own / "train/yard.MP4").touch()
    (own / "test/door-2.avi").touch()
    (own / "labels.csv").write_text("clip,first,last\ndoor-3,2,3\ndoor-1,,\ndoor-2,1,900\n")
    clips = find_clips(own)
    assert names(clips)[3:6] == ["train/yard", "test/door-1", "test/door-2"]
    assert clips[5] == Clip("door-2", "test", own / "test/door-2.avi", ((0, 900),))


def test_the_files_that_decide_the_data_are_listed(ucsd: Path, own: Path) -> None:
    assert len(clip_files(ucsd)) == 2 * 3 + 2 * 4 + 1
    assert clip_files(ucsd)[-1] == ucsd / "Test/UCSDped2.m"
    (own / "train/yard.mp4").touch()
    (own / "notes.txt").touch()
    listed = clip_files(own)
    assert len(listed) == len(set(listed)) == 5 + 2 + 11 + 1 + 7 + 3 + 1
    assert {own / "labels.csv", own / "train/yard.mp4", own / "train/door-9/frame1.JPG"} < set(listed)
    (ucsd / "Test/UCSDped2.m").unlink()
    assert ucsd / "Test/Test001_gt/001.bmp" in clip_files(ucsd)


def test_each_layout_is_a_clip_folder(ucsd: Path, community: Path, own: Path) -> None:
    assert is_clip_folder(ucsd)
    assert is_clip_folder(community)
    assert is_clip_folder(own)


def test_still_images_by_class_are_not_clips(tmp_path: Path) -> None:
    for name in ("train/cat", "train/frames", "test/cat"):
        write_frames(tmp_path / name, 2)
    assert not is_clip_folder(tmp_path)
    (tmp_path / "labels.csv").write_text("file,label\n")
    assert not is_clip_folder(tmp_path)


@pytest.mark.parametrize("evidence", ["labels.csv", "ped2.m", "test/labels.m", "train/yard.mov"])
def test_labels_or_a_video_tell_clips_from_still_images(evidence: str, tmp_path: Path) -> None:
    for name in ("train/cat", "test/cat"):
        write_frames(tmp_path / name, 2)
    (tmp_path / evidence).write_text("clip,first,last\n")
    assert is_clip_folder(tmp_path)


def test_what_holds_neither_part_nor_table_is_no_clip_folder(tmp_path: Path) -> None:
    assert not is_clip_folder(tmp_path)
    assert not is_clip_folder(tmp_path / "missing")
    (tmp_path / "script.m").touch()
    assert not is_clip_folder(tmp_path)


def add_file(name: str, content: str = "") -> Callable[[Path], None]:
    def change(home: Path) -> None:
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).write_text(content)

    return change


def remove(*patterns: str) -> Callable[[Path], None]:
    """Return what removes files, and a folder that is left empty only if it is named."""

    def change(home: Path) -> None:
        for pattern in patterns:
            for path in sorted(home.glob(pattern), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()

    return change


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            remove("train/hall/[!1]*", "train/hall/1?.bmp"),
            "train/hall has one frame; a clip needs at least two frames.",
        ),
        (remove("train/hall/*"), "train/hall has no frames; a clip needs at least two frames."),
        (remove("train/*/*", "train/*"), "train holds no train clips; a clip is a folder of frames or a video file."),
        (remove("train/*/*", "train/*", "train"), "doors holds no folder train; put all train clips into one folder"),
        (remove("test/*/*", "test/*"), "test holds no test clips; a clip is"),
        (add_file("training/notes.txt"), "doors holds train and training; put all train clips into one folder train."),
        (remove("labels.csv"), "doors has no labels; add labels.csv with the header clip,first,last"),
        (add_file("test/ped2.m"), "doors holds labels in labels.csv and test/ped2.m; keep one of them."),
        (add_file("test/door-1.mkv"), "test/door-1 and door-1.mkv are both the clip door-1; rename one of them."),
        (add_file("train/yard.wmv"), "train/yard.wmv is neither a folder of frames nor a video (mp4, avi, mov, mkv"),
        (add_file("train/001.png"), "train/001.png is neither a folder of frames nor a video"),
        (add_file("train/hall/12.gif"), "train/hall/12.gif is not a frame (a PNG, JPEG, BMP or TIFF file); convert it"),
        (add_file("train/hall/inner/1.png"), "train/hall/inner is not a frame"),
        (add_file("labels.csv", "clip,first,last\ndoor-1,,\n"), "Test clip door-3 has no row in "),
        (
            add_file("labels.csv", "clip,first,last\ndoor-1,,\ndoor-3,3,4\n"),
            "test/door-3) has 3 frames, but its labels have a range from 3 to 4; correct them.",
        ),
    ],
)
def test_what_is_wrong_with_a_folder_is_said(change: Callable[[Path], None], complaint: str, own: Path) -> None:
    change(own)
    assert complaint in refusal(own)


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "missing").endswith("missing is not a folder; name one that holds clips.")


def test_frame_labels_refuse_a_range_past_the_end() -> None:
    clip = Clip("door-3", "test", Path("test/door-3.mp4"), ((2, 4), (7, 9)))
    assert np.flatnonzero(frame_labels(clip, 9)).tolist() == [2, 3, 7, 8]
    with pytest.raises(DataError, match=r"^Clip door-3 \(test/door-3.mp4\) has 8 frames, .* range from 8 to 9"):
        frame_labels(clip, 8)


@pytest.mark.skipif(not REAL_PED2.is_dir(), reason="ALPA_DATA_ROOT does not hold ped2")
def test_the_real_ped2_has_the_published_clips_and_labels() -> None:
    assert is_clip_folder(REAL_PED2)
    clips = find_clips(REAL_PED2)
    counts = {clip: len(frame_files(clip.path)) for clip in clips}
    train = [count for clip, count in counts.items() if clip.part == "train"]
    test = {clip: count for clip, count in counts.items() if clip.part == "test"}
    assert (len(train), sum(train), len(test), sum(test.values())) == (16, 2550, 12, 2010)
    assert sum(int(frame_labels(clip, count).sum()) for clip, count in test.items()) == 1648
    assert next(read_frames(clips[0], (120, 180), count_channels(clips))).shape == (1, 120, 180)
