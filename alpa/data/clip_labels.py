"""Which frames of the test clips are anomalous: a labels.csv, UCSD's .m file, or ground-truth masks.

People count frames from 1 and include the last one; what is returned counts from 0 and excludes it.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise
from pathlib import Path

from alpa.data.pictures import open_picture, whole_picture
from alpa.errors import DataError

Ranges = tuple[tuple[int, int], ...]  # half-open, counted from 0, in order

LABELS_CSV = "labels.csv"
HEADER = ["clip", "first", "last"]

# As published: TestVideoFile{end+1}.gt_frame = [5:90, 140:200];
_M_START = re.compile(r"\w+\s*=\s*\{\s*\}\s*;?")
_M_CLIP = re.compile(r"\w+\s*\{\s*end\s*\+\s*1\s*\}\s*\.\s*gt_frame\s*=\s*\[([^\[\]]*)\]\s*;?")
_M_RANGE = re.compile(r"([0-9]{1,9})(?::([0-9]{1,9}))?")
_NUMBER = re.compile(r"-?[0-9]{1,9}")


def has_clip_header(path: Path) -> bool:
    """Return whether a labels.csv is one of clips: its header begins with `clip`, or nobody could read any header.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            start = stream.read(256)
    except OSError as error:
        remedy = "give yourself the permission to read it, or remove it"
        raise DataError(f"{path} cannot be read ({error.strerror}); {remedy}.") from None
    try:
        line = start.split(b"\n")[0].decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        return True
    return line == "" or "\0" in line or line.lower().startswith(HEADER[0])


def read_csv(path: Path, clips: Sequence[str]) -> dict[str, Ranges]:
    """Map each test clip in `clips` to the ranges that the file lists for it.

    The header is `clip,first,last`; each row is a range of frames, counted from 1 and with its last frame, and a clip
    without anomalies has one row whose first and last are empty.

    Raises:
        DataError: the file is not such a table, a clip has no row, or a row names no clip or no range.
    """
    found: dict[str, list[tuple[int, int]]] = {}
    normal: set[str] = set()
    for line, cells in _rows(path):
        where = f"Line {line} of {path}"
        if len(cells) != len(HEADER):
            raise DataError(f"{where} has {len(cells)} cells instead of 3; write clip,first,last.")
        clip, first, last = cells
        if clip not in clips:
            raise DataError(f"{where} names {clip or 'nothing'}, which is not a test clip; correct or remove the row.")
        if clip in normal or (clip in found and first == last == ""):
            raise DataError(f"{where} contradicts or repeats another row of {clip}, one of them empty; keep one.")
        if first == last == "":
            normal.add(clip)
        found.setdefault(clip, []).extend([] if clip in normal else [_range(where, first, last)])
    for clip in clips:
        if clip not in found:
            rows = f"add one for its anomalous frames, or `{clip},,` if it has none"
            raise DataError(f"Test clip {clip} has no row in {path}; {rows}.")
    return {clip: _in_order(f"{clip} in {path}", ranges) for clip, ranges in found.items()}


def read_m(path: Path, clips: Sequence[str]) -> dict[str, Ranges]:
    """Map each test clip in `clips` to the ranges in its line of UCSD's .m file, which is read, never run.

    Raises:
        DataError: a line is neither empty, a comment, the start of the list nor a clip's, or there are not as many
            clips' lines as clips.
    """
    found = []
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    for number, line in enumerate(lines, start=1):
        code = line.split("%")[0].strip()
        if code == "" or _M_START.fullmatch(code):
            continue
        where = f"Line {number} of {path}"
        match = _M_CLIP.fullmatch(code)
        ranges = [_M_RANGE.fullmatch(part) for part in _parts(match[1])] if match else [None]
        if None in ranges:
            raise DataError(
                f"{where} is {code[:60]!r}; write `TestVideoFile{{end+1}}.gt_frame = [5:90, 140:200];` for a clip."
            )
        found.append(_in_order(where, [_range(where, m[1], m[2] or m[1]) for m in ranges if m]))
    if len(found) != len(clips):
        raise DataError(
            f"{path} has lines for {len(found)} clips, but there are {len(clips)} test clips; give each one."
        )
    return dict(zip(clips, found, strict=True))


def read_masks(masks: Mapping[str, Sequence[Path]]) -> dict[str, Ranges]:
    """Map each test clip to the ranges of frames whose mask, one picture per frame, has a pixel that is not black.

    Raises:
        DataError: a mask is damaged.
    """
    found = {}
    for clip, paths in masks.items():
        anomalous = [index for index, path in enumerate(paths) if _is_marked(path)]
        runs = [list(run) for _, run in groupby(enumerate(anomalous), key=lambda pair: pair[1] - pair[0])]
        found[clip] = tuple((run[0][1], run[-1][1] + 1) for run in runs)
    return found


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Return the numbers and the stripped cells of all rows that are not empty, without the header."""
    remedy = "save it as CSV with the header clip,first,last"
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is not a table in UTF-8 ({error}); {remedy}.") from None
    rows = [(line, cells) for line, cells in rows if any(cells)]
    if not rows:
        raise DataError(f"{path} is empty; {remedy}.")
    if rows[0][1] != HEADER:
        raise DataError(f"{path} begins with {','.join(rows[0][1])[:60]!r}; {remedy}.")
    return rows[1:]


def _range(where: str, first: str, last: str) -> tuple[int, int]:
    """Return the half-open range, counted from 0, of what was written counted from 1."""
    for value in (first, last):
        if not _NUMBER.fullmatch(value):
            raise DataError(f"{where} has {value or 'nothing'!r} for a frame; write first and last as whole numbers.")
    if int(first) < 1:
        raise DataError(f"{where} begins at frame {first}; the first frame of a clip is 1.")
    if int(first) > int(last):
        raise DataError(f"{where} begins at frame {first}, after its end at {last}; exchange or correct them.")
    return int(first) - 1, int(last)


def _in_order(where: str, ranges: list[tuple[int, int]]) -> Ranges:
    """Return the ranges sorted; raise DataError if two overlap."""
    ordered = tuple(sorted(ranges))
    for (first, last), (other, end) in pairwise(ordered):
        if other < last:
            raise DataError(
                f"{where} has the ranges {first + 1} to {last} and {other + 1} to {end}, which overlap; join them."
            )
    return ordered


def _parts(ranges: str) -> list[str]:
    """Return the elements of a .m file's list, such as 5:90 and 140:200."""
    return re.sub(r"\s*:\s*", ":", ranges).replace(",", " ").split()


def _is_marked(path: Path) -> bool:
    try:
        mask = whole_picture(open_picture(path.read_bytes(), f"Mask {path}"), f"Mask {path}")
    except OSError as error:
        raise DataError(f"Mask {path} cannot be read ({error.strerror}); get a fresh copy of it.") from None
    except DataError as error:
        raise DataError(f"{error}; get a fresh copy of it.") from None
    return mask.getbbox() is not None
