"""Images as people have them, in files, folders and clips, to what detectors take: uint8 (N, C, H, W)."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from alpa.arrays import CHANNELS, Pixels
from alpa.data.clip_layouts import VIDEO_SUFFIXES, find_layout, frame_files, is_clip_folder
from alpa.data.clips import Clip
from alpa.data.frames import count_channels, read_frames
from alpa.data.layouts import MASKS, SLIPS, Tree, is_sidecar, shown, walk
from alpa.data.pictures import check_size, decode, in_threads, open_picture, stack, whole_picture
from alpa.errors import DataError
from alpa.files import require_file

CHUNK = 128  # pictures or frames in memory at once

Item = TypeVar("Item")


class Shot(NamedTuple):
    """Where an image comes from: a picture file, or a frame of a video, counted from 1."""

    path: Path
    frame: int | None = None


@dataclass(frozen=True)
class Normal:
    """The normal pictures and videos of a folder; `says` is a sentence on which they are, `clips` whether of clips."""

    files: tuple[Path, ...]
    says: str
    clips: bool = False


def find_normal(folder: Path) -> Normal:
    """Find the normal training images of a folder: all of a flat one, `train/<class>` or `normal` of a data set.

    Of a data set of clips they are the clips of its training part.

    Raises:
        DataError: it is no folder, holds nothing to train on, or several classes, of which it does not say which one
            is normal.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; name one with images of what is normal.")
    if is_clip_folder(folder):
        clips = tuple(find_layout(folder).clips["train"].values())
        files = tuple(itertools.chain.from_iterable(frame_files(clip) if clip.is_dir() else [clip] for clip in clips))
        return Normal(files, f"Using the {len(clips)} training clips of {folder} alone.", clips=True)
    tree = walk(folder)
    below = _normal_folder(folder, tree)
    files = tuple(folder / path for path in tree.files if path.startswith(below) and not is_sidecar(path))
    if not files:
        raise DataError(f"{folder / below} holds no images; put some there, or name another folder.")
    videos = any(map(is_video, files))
    alone = f", those in {below} alone" if below else ""
    return Normal(files, f"Using {len(files)} {'files' if videos else 'images'} of {folder} as normal{alone}.", videos)


def _normal_folder(folder: Path, tree: Tree) -> str:
    """Return the path of the folder with the normal images, which ends in a slash; empty for the folder itself."""
    tops = [path for path in tree.folders if "/" not in path]
    if not tops:
        return ""
    for top in tops:
        classes = [path for path in tree.folders if path.startswith(f"{top}/") and path.count("/") == 1]
        if SLIPS.get(top.lower(), top.lower()) == "normal":
            return f"{top}/"
        if SLIPS.get(top.lower(), top.lower()) == "train":
            if len(classes) > 1:
                raise _several(folder, classes)
            return f"{classes[0]}/" if classes else f"{top}/"
    raise _several(folder, tops)


def _several(folder: Path, names: Sequence[str]) -> DataError:
    first = ", ".join(f"{shown(name)}/" for name in names[:5])
    problem = f"{folder} holds {first}{' and more' if len(names) > 5 else ''}, of which none is called normal"
    return DataError(f"{problem}; name the folder of normal images, such as {folder / names[0]}.")


def find_files(paths: Iterable[Path | str]) -> list[Path]:
    """Return picture and video files, and those in folders, in natural order folder by folder, as they are named.

    Raises:
        DataError: there is none, or a path is not there.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            files = [file for file in walk(path).files if not is_sidecar(file)]
            found += [path / file for file in files if not file.startswith(f"{MASKS}/")]
        elif path.exists():
            found.append(path)
        else:
            raise DataError(f"{path} does not exist; name an image, a video, or a folder of them.")
    if not found:
        raise DataError("There are no images there; name an image, a video, or a folder of them.")
    return found


def is_video(path: Path) -> bool:
    """Tell whether a file is a video, by its name."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def read_all(normal: Normal, size: int) -> tuple[Pixels, NDArray[np.int64] | None]:
    """Read pictures and videos as uint8 (N, C, size, size), grey if all of them are grey, RGB otherwise.

    Returns:
        The images, and (N,) the clip of each, a video or a folder of frames; None where they are no clips.

    Raises:
        ConfigError: the size is out of range.
        DataError: a file is not a whole picture or video.
    """
    check_size(size)
    if not normal.clips:
        pictures = in_threads(lambda path: _decoded(path, size), normal.files, "read")
        return stack(pictures, len(normal.files), size), None
    homes = list(dict.fromkeys(_home(path) for path in normal.files))
    channels = count_channels([Clip(home.name, "train", home, ()) for home in homes])
    pairs = list(read_each(normal.files, (channels, size, size)))
    groups = np.array([homes.index(_home(shot.path)) for shot, _ in pairs])
    return np.stack([pixels for _, pixels in pairs]), groups


def read_each(files: Iterable[Path], shape: tuple[int, ...]) -> Iterator[tuple[Shot, Pixels]]:
    """Yield every picture, and every frame of every video, in order, as uint8 of this (C, H, W), a few at a time.

    Raises:
        DataError: a file is not a whole picture or video, or no picture has so many channels.
    """
    channels, size = shape[0], (shape[1], shape[2])
    if channels not in CHANNELS:
        raise DataError(f"The model takes images of {channels} channels, which no picture has; give it arrays.")
    for video, group in itertools.groupby(files, is_video):
        if video:
            for path in group:
                frames = read_frames(Clip(path.stem, "test", path, ()), size, channels)
                yield from ((Shot(path, number), pixels) for number, pixels in enumerate(frames, start=1))
        else:
            for some in in_chunks(group):
                pictures = in_threads(lambda path: _resized(path, channels, size), some, "read")
                yield from zip(map(Shot, some), pictures, strict=True)


def in_chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Yield items in lists of CHUNK, the last one with what is left."""
    rest = iter(items)
    while some := list(itertools.islice(rest, CHUNK)):
        yield some


def open_whole(path: Path) -> Image.Image:
    """Return a picture file at its full size, in mode L if it is grey and RGB otherwise.

    Raises:
        DataError: it is not a whole picture.
    """
    try:
        return whole_picture(open_picture(_content(path), str(path)), str(path))
    except DataError as error:
        raise _ended(error) from None


def _decoded(path: Path, size: int) -> Pixels:
    try:
        return decode(_content(path), str(path), size)
    except DataError as error:
        raise _ended(error) from None


def _resized(path: Path, channels: int, size: tuple[int, int]) -> Pixels:
    """Return a picture as uint8 (C, H, W): what `decode` returns of it where the size is that of a square."""
    whole = open_whole(path).convert("L" if channels == 1 else "RGB")
    pixels = np.asarray(whole.resize((size[1], size[0]), Image.Resampling.BILINEAR))
    return np.ascontiguousarray(np.atleast_3d(pixels).transpose(2, 0, 1))  # (H, W) or (H, W, 3) -> (C, H, W)


def _content(path: Path) -> bytes:
    try:
        require_file(path)
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror})") from None


def _ended(error: DataError) -> DataError:
    """Return the error whose message was the start of a sentence, with the end of it."""
    return DataError(f"{error}; replace or remove it.")


def _home(path: Path) -> Path:
    return path if is_video(path) else path.parent
