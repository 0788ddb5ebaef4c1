"""Folders of a user's own clips whose frames or labels do not fit."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.bad_input.case import Case, Damage, folder, instead, make, mode, pipe, remove, several, truncate, write
from tests.bad_input.pictures import picture
from tests.pipeline.own import DOORS

AGAIN = "run `python -m pipeline.folder doors`."
REPLACE = "; get a fresh copy of it or remove it."


def splitting(damage: Damage, *says: str, params: Mapping[str, Any] | None = None, **options: Any) -> Case:
    """Return the case of clips that were listed as they are and cannot be split."""
    return Case("split doors", says, params or {}, damage, DOORS, after=("folder doors",), **options)


def labelled(table: str, *says: str) -> Case:
    """Return the case of a labels.csv that does not fit the clips."""
    return splitting(write("labels.csv", table), *says)


def in_matlab(code: str, *says: str) -> Case:
    """Return the case of a .m file of labels that does not fit the clips."""
    return splitting(several(remove("labels.csv"), write("test/doors.m", code)), *says)


def one_frame(place: Path) -> None:
    """Leave the first frame of a clip alone."""
    for path in sorted((place / "train/hall-2").iterdir())[1:]:
        path.unlink()


def nothing(place: Path) -> None:
    """Leave all as it is: the settings are wrong."""


FRAMES = {
    "a clip of one frame": splitting(one_frame, "doors/train/hall-2 has one frame; a clip needs at least two frames."),
    "frames of different size": splitting(
        picture("test/gate-2/003.png", 41, 28),
        "doors/test/gate-2, 003.png is 28x41, 001.png is 28x40; give all its frames one size.",
    ),
    "a truncated frame": splitting(truncate("test/gate-2/008.png"), "doors/test/gate-2/008.png is damaged (", REPLACE),
    "an empty frame": splitting(
        write("test/gate-2/008.png", ""), "doors/test/gate-2/008.png is empty (0 bytes)", REPLACE
    ),
    "a text among the frames": splitting(
        write("test/gate-2/008.png", "no frame"), "doors/test/gate-2/008.png is not a PNG, JPEG, ", REPLACE
    ),
    "a file among the frames that is none": splitting(
        write("test/gate-2/008.raw", "no frame"),
        "doors/test/gate-2/008.raw is not a frame (a PNG, JPEG, BMP or TIFF file); convert it or move it away.",
    ),
    "no train clips": splitting(
        instead("train", folder),
        "doors/train holds no train clips; a clip is a folder of frames or a video file.",
    ),
    "a text named .mp4": splitting(
        write("train/hall-3.mp4", "no video"),
        "doors/train/hall-3.mp4 cannot be read as a whole video (",
        "); get a fresh copy of it or convert it again.",
    ),
    "two clips of one name": splitting(
        write("train/hall-1.mp4", "no video"), "hall-1", "are both the clip hall-1; rename one of them."
    ),
    "clips under one_vs_rest": splitting(
        nothing,
        "doors holds clips, which have no single pictures to read; choose a protocol for clips.",
        params={"benchmarks.doors.protocol": "one_vs_rest", "benchmarks.doors.image_size": 32},
    ),
    "frames smaller than a window": Case(
        "train doors pca",
        ("Frames of 24 pixels a side do not hold windows of 32; set video.window lower.",),
        {"video.window": 32},
        base=DOORS,
        before=("folder doors", "split doors", "tune doors pca"),
    ),
    "clips prepared by their own contrast": splitting(
        nothing,
        "benchmarks.doors.training.preparation is gcn, ",
        "; choose unit or scaled.",
        params={"training.preparation": "gcn"},
    ),
    "a clip that is a pipe": Case(
        "folder doors",
        ("test/gate-3.mp4 in ../doors is neither a file nor a folder; remove it.",),
        damage=make("test/gate-3.mp4", pipe),
        base=DOORS,
        as_command=True,
    ),
}
LABELS = {
    "no labels": Case(
        "split doors",
        ("labels.csv in ../doors cannot be read (No such file or directory); bring it back, or ", AGAIN),
        damage=remove("labels.csv"),
        base=DOORS,
        before=("folder doors",),
    ),
    "no labels at all": splitting(remove("labels.csv"), "doors", "; "),
    "labels without permission": Case(
        "folder doors",
        ("../doors/labels.csv cannot be read (Permission denied); give yourself the permission",),
        damage=mode("labels.csv", 0),
        base=DOORS,
        unprivileged=True,
    ),
    "an unlabelled clip": labelled(
        "clip,first,last\ngate-1,4,7\n", "Test clip gate-2 has no row in ../doors/labels.csv; add one"
    ),
    "a label of no clip": labelled(
        "clip,first,last\ngate-7,4,7\n",
        "Line 2 of ../doors/labels.csv names gate-7, which is not a test clip; correct or remove the row.",
    ),
    "a range past the end of its clip": labelled(
        "clip,first,last\ngate-1,4,8\ngate-2,,\n",
        "Clip gate-1 (",
        "has 7 frames, but its labels have a range from 4 to 8; correct them.",
    ),
    "overlapping ranges": labelled(
        "clip,first,last\ngate-1,2,5\ngate-1,5,6\ngate-2,,\n",
        "gate-1 in ",
        "doors/labels.csv has the ranges 2 to 5 and 5 to 6, which overlap; join them.",
    ),
    "a range upside down": labelled(
        "clip,first,last\ngate-1,5,2\ngate-2,,\n",
        "Line 2 of ",
        "begins at frame 5, after its end at 2; exchange or correct",
    ),
    "a frame before the first": labelled(
        "clip,first,last\ngate-1,0,2\ngate-2,,\n", "Line 2 of ", "begins at frame 0; the first frame of a clip is 1."
    ),
    "a word for a frame": labelled(
        "clip,first,last\ngate-1,two,3\ngate-2,,\n",
        "Line 2 of ",
        "has 'two' for a frame; write first and last as whole",
    ),
    "two cells in a row": labelled(
        "clip,first,last\ngate-1,2\n", "Line 2 of ", "has 2 cells instead of 3; write clip,first,last."
    ),
    "an empty row beside another": labelled(
        "clip,first,last\ngate-1,2,3\ngate-1,,\ngate-2,,\n",
        "Line 3 of ",
        "contradicts or repeats another row of gate-1",
    ),
    "labels of one kind alone": labelled(
        "clip,first,last\ngate-1,,\ngate-2,,\n",
        "All test frames of doors are labelled normal; a test needs both kinds.",
    ),
    "labels of nothing": labelled("", "doors/labels.csv is empty; save it as CSV with the header clip,first,last."),
    "labels without a header": labelled(
        "clips\ngate-1,2,3\n", "doors/labels.csv begins with 'clips'; save it as CSV with the header clip,first,last."
    ),
    "labels that are no text": splitting(
        write("labels.csv", b"clip,first,last\n\xff\xfe,1,2\n"),
        "doors/labels.csv is not a table in UTF-8 (",
        "; save it as CSV with the header clip,first,last.",
    ),
    "a .m file that would run a program": in_matlab(
        "TestVideoFile = {};\nsystem('true');\n",
        "Line 2 of ",
        "is \"system('true');\"; write `TestVideoFile{end+1}.gt_frame = [5:90, 140:200];`",
    ),
    "a .m file of one clip": in_matlab(
        "TestVideoFile{end+1}.gt_frame = [2:4];\n", "has lines for 1 clips, but there are 2 test clips; give each one."
    ),
    "labels of two kinds": splitting(
        write("test/doors.m", "TestVideoFile{end+1}.gt_frame = [2:4];\n"),
        "../doors holds labels in labels.csv and test/doors.m; keep one of them.",
    ),
}
CASES = {"frames": FRAMES, "labels of frames": LABELS}
