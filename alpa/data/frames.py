"""The frames of one clip, decoded in order, a few ahead and never the whole clip.

A frame is read as any picture is, see alpa.data.pictures, and resized as a whole to its height and width.
"""

import contextlib
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from alpa.data.clips import AT_LEAST_TWO, Clip, frame_files
from alpa.data.pictures import GREY, open_picture, whole_picture
from alpa.data.videos import decode_video, is_grey_video, to_picture
from alpa.errors import DataError

THREADS = min(4, os.cpu_count() or 1)
AHEAD = 2 * THREADS  # how many frames may be decoded before they are asked for

REMEDY = "get a fresh copy of it or remove it"

Item = TypeVar("Item")


class _Frame(NamedTuple):
    """A frame in its final size, with its name and what (height, width) it had."""

    name: str
    was: tuple[int, int]
    pixels: NDArray[np.uint8]


def read_frames(clip: Clip, size: tuple[int, int], channels: int) -> Iterator[NDArray[np.uint8]]:
    """Yield each frame of the clip in order, (channels, H, W) where `size` is (H, W).

    With one channel, a colour frame becomes its luma; with three, a grey frame is repeated. Memory does not grow with
    the clip: at most AHEAD frames are decoded ahead.

    Raises:
        DataError: a frame or the video is damaged or of another format, frames differ in size, or there are less
            than two.
    """
    assert channels in (1, 3)
    if clip.path.is_dir():
        frames = _ahead(lambda path: _read_frame(path, size, channels), frame_files(clip.path))
    else:
        numbered = enumerate(decode_video(clip.path), start=1)
        frames = _ahead(lambda pair: _finish(f"frame {pair[0]}", to_picture(pair[1]), size, channels), numbered)
    count, first = 0, None
    with contextlib.closing(frames):
        for frame in frames:
            count += 1
            first = first or (frame.name, frame.was)
            if frame.was != first[1]:
                sizes = f"{_written(frame.was)}, {first[0]} is {_written(first[1])}"
                raise DataError(f"In clip {clip.path}, {frame.name} is {sizes}; give all its frames one size.")
            yield frame.pixels
    if count < 2:
        raise DataError(f"Clip {clip.path} has {'one frame' if count else 'no frames'}; {AT_LEAST_TWO}.")


def count_channels(clips: Iterable[Clip]) -> int:
    """Return 1 if the first frame of every clip is grey, 3 otherwise; a video is grey by its pixel format.

    Raises:
        DataError: a first frame or a video cannot be opened.
    """
    return 1 if all(_begins_grey(clip.path) for clip in clips) else 3


def _begins_grey(path: Path) -> bool:
    if not path.is_dir():
        return is_grey_video(path)
    frames = frame_files(path)
    if not frames:
        raise DataError(f"Clip {path} has no frames; {AT_LEAST_TWO}.")
    return _opened(frames[0]).mode in GREY


def _ahead(function: Callable[[Item], _Frame], items: Iterable[Item]) -> Generator[_Frame, None, None]:
    """Yield the function's value of each item, in order, with AHEAD values at work in threads."""
    waiting: deque[Future[_Frame]] = deque()
    with ThreadPoolExecutor(THREADS) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _read_frame(path: Path, size: tuple[int, int], channels: int) -> _Frame:
    picture = _opened(path)
    if (pages := getattr(picture, "n_frames", 1)) > 1:
        raise DataError(f"{path} holds {pages} pictures; save each frame in a file of its own.")
    try:
        whole = whole_picture(picture, str(path))
    except DataError as error:
        raise DataError(f"{error}; {REMEDY}.") from None
    return _finish(path.name, whole, size, channels)


def _opened(path: Path) -> Image.Image:
    """Read the header of a frame's file."""
    try:
        return open_picture(path.read_bytes(), str(path))
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); {REMEDY}.") from None
    except DataError as error:
        raise DataError(f"{error}; {REMEDY}.") from None


def _finish(name: str, picture: Image.Image, size: tuple[int, int], channels: int) -> _Frame:
    """Return a picture in mode L or RGB as a frame of the wanted size and channels."""
    height, width = size
    wanted = picture.convert("L") if channels == 1 else picture  # a grey frame is repeated when it is small
    pixels = np.asarray(
        wanted.resize((width, height), Image.Resampling.BILINEAR).convert("RGB" if channels == 3 else "L")
    )
    planes = pixels[np.newaxis] if channels == 1 else pixels.transpose(2, 0, 1)  # (H, W) or (H, W, C) -> (C, H, W)
    return _Frame(name, (picture.height, picture.width), np.ascontiguousarray(planes))


def _written(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
