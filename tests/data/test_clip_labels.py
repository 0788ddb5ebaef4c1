"""Labels of test clips: the table, UCSD's list and the masks, and every way in which they can be wrong."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alpa.data.clip_labels import has_clip_header, read_csv, read_m, read_masks
from alpa.errors import DataError

CLIPS = ["door-1", "door-2", "door-3"]
COMPLETE = "door-1,1,1\ndoor-2,,\ndoor-3,5,9\n"
START = "TestVideoFile = {};\n"


def refusal(read: Callable[[], object]) -> str:
    with pytest.raises(DataError) as caught:
        read()
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    return message


def m_clip(ranges: str) -> str:
    return f"TestVideoFile{{end+1}}.gt_frame = [{ranges}];\n"


def test_a_table_gives_ranges_from_0_that_exclude_their_end(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("clip,first,last\ndoor-3,61,180\ndoor-1,,\ndoor-3,5,9\n\ndoor-2,1,1\n")
    assert read_csv(path, CLIPS) == {"door-1": (), "door-2": ((0, 1),), "door-3": ((4, 9), (60, 180))}


def test_a_table_from_a_spreadsheet_is_read(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(b"\xef\xbb\xbfclip, first, last\r\n" + COMPLETE.replace("\n", "\r\n").encode() + b",,\r\n")
    assert read_csv(path, CLIPS) == {"door-1": ((0, 1),), "door-2": (), "door-3": ((4, 9),)}


def test_ranges_that_touch_do_not_overlap(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("clip,first,last\ndoor-1,6,9\ndoor-1,1,5\n")
    assert read_csv(path, ["door-1"]) == {"door-1": ((0, 5), (5, 9))}


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ("door-1,1,1\ndoor-3,5,9\n", r"^Test clip door-2 has no row in .*labels\.csv; add one .* or `door-2,,`"),
        ("", "^Test clip door-1 has no row"),
        (COMPLETE + "door-4,1,2\n", r"^Line 5 of .* names door-4, which is not a test clip; correct or remove"),
        (COMPLETE + "door-1,4,6\ndoor-1,2,4\n", "^door-1 in .* has the ranges 2 to 4 and 4 to 6, which overlap; join"),
        (COMPLETE + "door-1,1,1\n", "has the ranges 1 to 1 and 1 to 1, which overlap"),
        (COMPLETE + "door-1,6,4\n", "^Line 5 of .* begins at frame 6, after its end at 4; exchange"),
        (COMPLETE + "door-1,0,4\n", "^Line 5 of .* begins at frame 0; the first frame of a clip is 1"),
        (COMPLETE + "door-1,-3,4\n", "begins at frame -3; the first frame"),
        (COMPLETE + "door-1,two,4\n", "^Line 5 of .* has 'two' for a frame; write first and last as whole numbers"),
        (COMPLETE + "door-1,2.0,4\n", "has '2.0' for a frame"),
        (COMPLETE + "door-1,2,1e3\n", "has '1e3' for a frame"),
        (COMPLETE + f"door-1,2,{'9' * 5000}\n", "for a frame; write first and last as whole numbers"),
        (COMPLETE + "door-1,2,\n", "has 'nothing' for a frame"),
        (COMPLETE + "door-1,2\n", "^Line 5 of .* has 2 cells instead of 3"),
        (COMPLETE + "door-1,2,3,\n", "has 4 cells instead of 3"),
        (COMPLETE + "door-2,2,3\n", "^Line 5 of .* contradicts or repeats another row of door-2"),
        (COMPLETE + "door-2,,\n", "contradicts or repeats another row of door-2"),
        (COMPLETE + "door-3,,\n", "contradicts or repeats another row of door-3"),
        (COMPLETE + '"door-1\n', r"labels\.csv is not a table in UTF-8"),
    ],
)
def test_a_wrong_row_is_refused(rows: str, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("clip,first,last\n" + rows)
    message = refusal(lambda: read_csv(path, CLIPS))
    with pytest.raises(DataError, match=complaint):
        raise DataError(message)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "labels.csv is empty; save it as CSV with the header clip,first,last."),
        (b"\n\n", "labels.csv is empty; save it"),
        (b"\x89PNG\r\n\x1a\n\xff\x00", "labels.csv is not a table in UTF-8"),
        ("clip,first,last\n".encode("utf-16"), "labels.csv is not a table in UTF-8"),
        (b"clip;first;last\ndoor-1;1;2\n", "labels.csv begins with 'clip;first;last'; save it as CSV with the header"),
        (b"door-1,1,1\n", "labels.csv begins with 'door-1,1,1'; save it"),
        (b"clip,last,first\n", "begins with 'clip,last,first'"),
    ],
)
def test_what_is_no_such_table_is_refused(content: bytes, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(content)
    assert complaint in refusal(lambda: read_csv(path, CLIPS))


@pytest.mark.parametrize(
    ("content", "is_of_clips"),
    [
        (b"clip,first,last\n", True),
        (b"\xef\xbb\xbfclip,first,last", True),
        (b"clip;first;last\n", True),  # read_csv then tells what is wrong with it
        (b"", True),
        (b"\xff\xfec\x00l\x00", True),
        (b"file,label\n", False),
    ],
)
def test_a_header_tells_whether_a_table_is_of_clips(content: bytes, is_of_clips: bool, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes(content)
    assert has_clip_header(tmp_path / "labels.csv") == is_of_clips


def test_a_list_as_ucsd_publishes_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "UCSDped1.m"
    path.write_text(START + m_clip("61:180") + m_clip("5:90, 140:200") + m_clip("1:200"))
    assert read_m(path, CLIPS) == {"door-1": ((60, 180),), "door-2": ((4, 90), (139, 200)), "door-3": ((0, 200),)}


def test_a_list_may_have_comments_gaps_single_frames_and_normal_clips(tmp_path: Path) -> None:
    path = tmp_path / "labels.m"
    text = (
        f"% ground truth\r\n{START}\r\n" + m_clip("3, 5 : 6 9").replace(";", " ; % cars") + m_clip("") + m_clip(" 1:2 ")
    )
    path.write_text(text)
    assert read_m(path, CLIPS) == {"door-1": ((2, 3), (4, 6), (8, 9)), "door-2": (), "door-3": ((0, 2),)}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (START + m_clip("1:2") * 2, "has lines for 2 clips, but there are 3 test clips; give each one"),
        (START + m_clip("1:2") * 4, "has lines for 4 clips, but there are 3 test clips"),
        ("", "has lines for 0 clips"),
        (START + m_clip("1:2:9"), "Line 2 of "),
        (START + m_clip("1:end"), "gt_frame = [1:end];'; write `TestVideoFile{end+1}.gt_frame = [5:90, 140:200];`"),
        (START + m_clip("-1:4"), "Line 2 of "),
        (START + m_clip("1:2 3:"), "Line 2 of "),
        (START + "system('touch ran');\n", "is \"system('touch ran');\"; write"),
        (START + "TestVideoFile{end+1}.gt_frame = [1:2]; x = 1;\n", "Line 2 of "),
        ("\0\1\2", "Line 1 of "),
        (START + m_clip("0:4"), "Line 2 of"),
        (START + m_clip("9:4"), "begins at frame 9, after its end at 4"),
        (START + m_clip("1:9, 8:12"), "has the ranges 1 to 9 and 8 to 12, which overlap"),
    ],
)
def test_a_wrong_list_is_refused(text: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "labels.m").write_text(text)
    message = refusal(lambda: read_m(tmp_path / "labels.m", CLIPS))
    assert "labels.m" in message
    assert complaint in message


def write_masks(folder: Path, marked: str) -> list[Path]:
    """Write a mask per character; those of an x have one pixel that is not black."""
    folder.mkdir()
    for index, mark in enumerate(marked):
        mask = np.zeros((4, 5), dtype=np.uint8)
        mask[2, 3] = 255 if mark == "x" else 0
        Image.fromarray(mask).save(folder / f"{index:03}.bmp")
    return sorted(folder.iterdir())


def test_frames_are_anomalous_where_their_mask_is_not_black(tmp_path: Path) -> None:
    masks = {marked: write_masks(tmp_path / marked, marked) for marked in ("..xx.x", "....", "xxx", "x..x")}
    assert read_masks(masks) == {
        "..xx.x": ((2, 4), (5, 6)),
        "....": (),
        "xxx": ((0, 3),),
        "x..x": ((0, 1), (3, 4)),
    }


def test_a_damaged_mask_is_refused(tmp_path: Path) -> None:
    masks = write_masks(tmp_path / "masks", "..")
    masks[1].write_bytes(masks[1].read_bytes()[:-10])
    assert "001.bmp is damaged" in refusal(lambda: read_masks({"01": masks}))
