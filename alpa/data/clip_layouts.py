"""Where the clips of a video data set lie, by names alone, in three layouts.

UCSD's own (`Train/Train001/001.tif`, `Test/Test001_gt/`, `Test/UCSDped2.m`), the one in which others redistribute it
(`training/frames/01/000.jpg`, a .m file at the top), and a user's (`train/<clip>/` with frames or `train/<clip>.mp4`,
the same under `test`, labels.csv at the top).
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from alpa.data.clip_labels import LABELS_CSV, has_clip_header
from alpa.errors import DataError

Part = Literal["train", "test"]

FRAME_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg")
NOTE_SUFFIXES = (".m", ".txt", ".md", ".csv")  # may lie beside clips and frames; nothing else that is not read may
PART_NAMES: dict[Part, tuple[str, str]] = {"train": ("train", "training"), "test": ("test", "testing")}
SYSTEM_FILES = ("thumbs.db", "desktop.ini")
MASKS = "_gt"  # ends the name of the folder of a clip's masks, in UCSD's layout
UCSD_HOME = re.compile(r"ucsdped[12]", re.IGNORECASE)
UCSD_CLIP = re.compile(r"(train|test)[0-9]{3}", re.IGNORECASE)


@dataclass(frozen=True)
class Layout:
    """What a folder holds, by names: clips by part in natural order, masks by test clip, the file of labels."""

    home: Path
    clips: dict[Part, dict[str, Path]]
    masks: dict[str, Path]
    labels: Path | None


def is_clip_folder(folder: Path) -> bool:
    """Return whether the folder holds clips, not still images by class; nothing but names and a header is read.

    Still images have parts and subfolders too. Clips show by a labels.csv of clips, a .m file, a video file, a `frames`
    folder with one subfolder per clip, or UCSD's names of clips and masks.
    """
    return folder.is_dir() and any(_shows_clips(home) for home in _homes(folder))


def find_layout(folder: Path) -> Layout:
    """Find out by names what the folder holds; raise DataError as `alpa.data.clips.find_clips` says."""
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; name one that holds clips.")
    homes = _homes(folder)
    if len(homes) > 1:
        raise DataError(f"{folder} holds {' and '.join(home.name for home in homes)}; name one of them.")
    home = homes[0]
    places = {part: _part_place(home, part) for part in PART_NAMES}
    masks = _mask_folders(places["test"])
    clips = {part: _named_clips(place, masks if part == "test" else {}) for part, place in places.items()}
    for part, found in clips.items():
        if not found:
            raise DataError(f"{places[part]} holds no {part} clips; a clip is a folder of frames or a video file.")
    labels = _label_files(home)
    if len(labels) > 1:
        several = " and ".join(str(path.relative_to(home)) for path in labels)
        raise DataError(f"{home} holds labels in {several}; keep one of them.")
    return Layout(home, clips, masks, labels[0] if labels else None)


def frame_files(folder: Path) -> list[Path]:
    """Return the frames in a clip's folder in natural order; hidden and system files are no frames.

    Raises:
        DataError: the folder holds something else, which could be a frame that would be missed.
    """
    frames = []
    for path in _visible(folder):
        if path.suffix.lower() in FRAME_SUFFIXES and path.is_file():
            frames.append(path)
        elif path.is_dir() or path.suffix.lower() not in NOTE_SUFFIXES:
            raise DataError(f"{path} is not a frame (a PNG, JPEG, BMP or TIFF file); convert it or move it away.")
    return frames


def _natural(path: Path) -> tuple[list[str | int], str]:
    """Return the key that sorts frame2 before frame10; names that differ only in case or zeros keep one order too."""
    pieces = re.split(r"([0-9]+)", path.name.casefold())
    return [int(piece) if index % 2 else piece for index, piece in enumerate(pieces)], path.name


def _visible(folder: Path) -> list[Path]:
    """Return what the folder holds in natural order, without what systems leave behind."""
    names = [path for path in folder.iterdir() if not path.name.startswith(".")]
    return sorted((path for path in names if path.name.lower() not in SYSTEM_FILES), key=_natural)


def _part_folders(home: Path, part: Part) -> list[Path]:
    return [path for path in _visible(home) if path.name.lower() in PART_NAMES[part] and path.is_dir()]


def _has_parts(home: Path) -> bool:
    return any(_part_folders(home, part) for part in PART_NAMES)


def _homes(folder: Path) -> list[Path]:
    """Return the folder itself if it has parts, or those of UCSD's folders in it that do; at least one folder."""
    if _has_parts(folder):
        return [folder]
    inner = [path for path in _visible(folder) if UCSD_HOME.fullmatch(path.name) and path.is_dir()]
    return [path for path in inner if _has_parts(path)] or [folder]


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES and path.is_file()


def _clips_folder(part_folder: Path) -> Path:
    """Return where a part's clips lie: in its subfolder `frames` if that one holds clips, or in itself."""
    frames = part_folder / "frames"
    holds_clips = frames.is_dir() and any(path.is_dir() or _is_video(path) for path in _visible(frames))
    return frames if holds_clips else part_folder


def _mask_folders(clips_folder: Path) -> dict[str, Path]:
    """Map the names of clips to the folders of their masks, for those that have one."""
    folders = {path.name: path for path in _visible(clips_folder) if path.is_dir()}
    return {name: folders[name + MASKS] for name in folders if name + MASKS in folders}


def _label_files(home: Path) -> list[Path]:
    """Return all files that may hold the labels."""
    table = home / LABELS_CSV
    listings = [path for place in (home, *_part_folders(home, "test")) for path in _visible(place)]
    return [table] * table.is_file() + [path for path in listings if path.suffix.lower() == ".m" and path.is_file()]


def _shows_clips(home: Path) -> bool:
    table = home / LABELS_CSV
    if table.is_file() and has_clip_header(table):
        return True
    part_folders = [folder for part in PART_NAMES for folder in _part_folders(home, part)]
    places = [_clips_folder(folder) for folder in part_folders]
    if part_folders != places or any(_mask_folders(place) for place in places):
        return True
    if part_folders and any(path.suffix.lower() == ".m" for path in _label_files(home)):
        return True
    inner = [path for place in places for path in _visible(place)]
    return any(_is_video(path) or (UCSD_CLIP.fullmatch(path.name) and path.is_dir()) for path in inner)


def _part_place(home: Path, part: Part) -> Path:
    """Return the folder in which the clips of a part lie."""
    folders = _part_folders(home, part)
    if len(folders) != 1:
        found = " and ".join(path.name for path in folders) or f"no folder {part}"
        raise DataError(f"{home} holds {found}; put all {part} clips into one folder {part}.")
    return _clips_folder(folders[0])


def _named_clips(place: Path, masks: dict[str, Path]) -> dict[str, Path]:
    """Map the names of the clips in a folder to their paths, in natural order."""
    clips: dict[str, Path] = {}
    for path in _visible(place):
        if path.is_dir() or _is_video(path):
            name = path.name if path.is_dir() else path.stem
            if path in masks.values():
                continue
            if name in clips:
                raise DataError(f"{clips[name]} and {path.name} are both the clip {name}; rename one of them.")
            clips[name] = path
        elif path.suffix.lower() not in NOTE_SUFFIXES:
            kinds = ", ".join(suffix.removeprefix(".") for suffix in VIDEO_SUFFIXES)
            raise DataError(f"{path} is neither a folder of frames nor a video ({kinds}); convert it or move it away.")
    return clips
