"""Raw files to arrays, and the one rule that makes every image a square of the same size.

Pixel values are first mapped to 0..255. Then, as the data set's `Source.resize` says:

- `pad` (all but digits): the image is put in the middle of black margins, up to the next square whose side is a
  multiple of 32: 28x28 in the middle of 32x32, while 32x32 stays as it is. If another size is asked for, that square is
  resized to it by bilinear interpolation, so an image is composed in the same way at every size.
- `bilinear` (digits): the image is resized to the size at once, since padding would leave 15 of 16 pixels black.
"""

import gzip
import math
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from alpa.data.raw import TEST, TRAIN, UNDECIDED, RawImages
from alpa.data.sources import Source, check_files, find_source
from alpa.data.stored import in_pieces
from alpa.errors import DataError
from alpa.files import require_file

UBYTE_MAGIC = b"\x00\x00\x08"  # of an idx file of unsigned bytes; the fourth byte is the number of dimensions
PADDED_TO = 32  # a padded side is a multiple of it

Pair = tuple[NDArray[Any], NDArray[Any]]  # images and their labels, as a file has them


def read_raw(key: str, folder: Path, size: int, source: Source | None = None) -> RawImages:
    """Read and check the raw files of the set of still images `key` in `folder`, with images of `size` x `size`.

    `source` is given for a set that is not ALPA's own.

    Raises:
        DataError: the set is a video, or a file is missing, truncated, not of its format, does not fit the others or is
            not the published one.
    """
    source = source or find_source(key)
    if source.kind == "video":
        raise DataError(f"{key} is a video, not a set of still images; choose a protocol that is made for videos.")
    remedy = f"run `python -m pipeline.download {key}`"
    for name in source.files:
        if not (folder / name).is_file():
            raise DataError(f"{folder} does not hold {name}; {remedy}.")
    if source.format == "mat":  # before scipy sees it, see `read_mat`
        check_files(key, folder, remedy, source)
    try:
        parts = _read_parts(source, folder)
    except DataError as error:
        raise DataError(f"{error}; {remedy}.") from None
    if source.format != "mat":
        check_files(key, folder, remedy, source)
    names = (UNDECIDED,) if len(parts) == 1 else (TRAIN, TEST)
    return RawImages(
        dataset=key,
        class_names=source.class_names,
        images=_squares([images for images, _ in parts], size, source),
        labels=np.concatenate([labels for _, labels in parts]).astype(np.int64),
        part=np.repeat(np.array(names, dtype=np.int8), [len(labels) for _, labels in parts]),
    )


def to_square(images: NDArray[np.uint8], size: int, source: Source) -> NDArray[np.uint8]:
    """Map images (N, H, W) or (N, C, H, W) with values from 0 to `source.white` to (N, C, size, size), 0 to 255.

    Raises:
        DataError: a pixel is above `source.white`.
    """
    full = images if source.white == 255 else _to_bytes(images, source.white)
    full = full[:, np.newaxis] if full.ndim == 3 else full
    if source.resize == "pad":
        height, width = full.shape[2:]
        side = PADDED_TO * math.ceil(max(height, width) / PADDED_TO)
        full = np.pad(full, ((0, 0), (0, 0), _margins(height, side), _margins(width, side)))
    if full.shape[2:] == (size, size):
        return full
    planes = full.reshape(-1, *full.shape[2:])  # (N, C, H, W) -> (N * C, H, W)
    squares = np.empty((len(planes), size, size), dtype=np.uint8)
    for plane, square in zip(planes, squares, strict=True):
        square[:] = np.asarray(Image.fromarray(plane).resize((size, size), Image.Resampling.BILINEAR))
    return squares.reshape(*full.shape[:2], size, size)


def read_npy(path: Path) -> np.memmap:
    """Memory-map an array file for reading.

    Raises:
        OSError: it is missing, or no file.
        DataError: the file is not a whole array of numbers; the message is the start of a sentence.
    """
    require_file(path)
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except (ValueError, SyntaxError, TokenError, EOFError, OverflowError) as error:
        raise DataError(f"{path} is not a whole array file ({_reason(error)})") from None


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read an idx file of unsigned bytes, MNIST's format (yann.lecun.com/exdb/mnist), compressed if it ends with .gz.

    Raises:
        DataError: the magic number or the size is not what it should be; the message is the start of a sentence.
    """
    content = path.read_bytes()
    if path.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(f"{path} is damaged ({error})") from None
    if len(content) < 4 or content[:3] != UBYTE_MAGIC or content[3] == 0:
        raise DataError(
            f"{path} is not an idx file of unsigned bytes: it begins with {content[:4].hex(' ') or 'nothing'}"
        )
    start = 4 + 4 * content[3]
    if len(content) < start:
        raise DataError(f"{path} is truncated within its header: it has {len(content)} bytes")
    shape = [int(length) for length in np.frombuffer(content[4:start], dtype=">u4")]
    expected = start + math.prod(shape)
    if len(content) != expected:
        state = "truncated" if len(content) < expected else "too long"
        raise DataError(f"{path} is {state}: it has {len(content)} bytes, its header promises {expected}")
    try:
        return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)
    except ValueError:  # none of 0 bytes, however large its other sides are, and none of more than 64 sides
        raise DataError(f"{path} is damaged: its header promises an array of {content[3]} sides") from None


def read_mat(path: Path) -> Pair:
    """Read a whole file of SVHN (ufldl.stanford.edu/housenumbers): images (N, 3, H, W), labels (N,) from 0 to 9.

    Its checksum has to be checked before: on a damaged file scipy raises whatever its parser meets, or crashes.
    """
    from scipy.io import loadmat

    content = loadmat(path, variable_names=["X", "y"])
    images, labels = content["X"].transpose(3, 2, 0, 1), content["y"].reshape(-1)  # (H, W, C, N) -> (N, C, H, W)
    return images, np.where(labels == 10, 0, labels)  # MATLAB counts from 1, so the digit 0 is the tenth class


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()).removesuffix(".") or type(error).__name__


def _read_parts(source: Source, folder: Path) -> list[Pair]:
    """Return the images and labels of each part of the set, all of one size."""
    if source.format == "mat":
        return check_parts(source, folder, (read_mat(folder / name) for name in source.files))
    read = read_idx if source.format == "idx" else read_npy
    return check_parts(source, folder, ((read(folder / first), read(folder / last)) for first, last in _files(source)))


def _files(source: Source) -> list[tuple[str, str]]:
    """Return of each part the file of its images and that of its labels, which may be the same."""
    names = list(source.files)
    return (
        list(zip(names, names, strict=True))
        if source.format == "mat"
        else list(zip(names[::2], names[1::2], strict=True))
    )


def check_parts(source: Source, folder: Path, parts: Iterable[Pair]) -> list[Pair]:
    """Return the parts of a set, read from its files in `folder`, if they are uint8 images of one size with labels.

    Raises:
        DataError: they are not; the message is the start of a sentence.
    """
    checked = [_checked(source, folder, files, pair) for files, pair in zip(_files(source), parts, strict=True)]
    sizes = [f"{images.shape[-2]}x{images.shape[-1]}" for images, _ in checked]
    if len(set(sizes)) > 1:
        raise DataError(f"{folder} holds images of different sizes ({sizes[0]} to train, {sizes[1]} to test)")
    return checked


def _squares(parts: Sequence[NDArray[np.uint8]], size: int, source: Source) -> NDArray[np.uint8]:
    """Return `to_square` of all parts' images, one after the other, without another copy of all of them in memory."""
    channels = 1 if parts[0].ndim == 3 else parts[0].shape[1]
    squares = np.empty((sum(map(len, parts)), channels, size, size), np.uint8)
    start = 0
    for images in parts:
        for piece in in_pieces(images):
            squares[start : start + len(piece)] = to_square(piece, size, source)
            start += len(piece)
    return squares


def _checked(source: Source, folder: Path, names: Sequence[str], pair: Pair) -> Pair:
    """Return the pair, read from the first and the last of the files, if it fits together and the class names."""
    images, labels = pair
    of_images, of_labels = folder / names[0], folder / names[-1]
    is_image = images.ndim == 3 or (images.ndim == 4 and images.shape[1] == 3)
    if images.dtype != np.uint8 or 0 in images.shape or not is_image:
        raise DataError(f"{of_images} holds {images.dtype} {images.shape}, not uint8 images (N, H, W) or (N, 3, H, W)")
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise DataError(f"{of_labels} holds {labels.dtype} {labels.shape}, not whole numbers (N,)")
    if len(images) != len(labels):
        raise DataError(f"{folder} holds {len(images)} images in {names[0]} but {len(labels)} labels for them")
    if not 0 <= labels.min() <= labels.max() < len(source.class_names):
        known = len(source.class_names)
        raise DataError(f"{of_labels} holds labels {labels.min()} to {labels.max()}, not 0 to {known - 1}")
    return images, labels


def _to_bytes(images: NDArray[np.uint8], white: int) -> NDArray[np.uint8]:
    """Map 0..white to 0..255, rounded to the nearest value in whole numbers so that every machine agrees."""
    if images.max(initial=0) > white:
        raise DataError(f"A pixel is {images.max()}, above {white}, the value of white; check the raw files.")
    return ((images.astype(np.uint32) * 255 + white // 2) // white).astype(np.uint8)


def _margins(length: int, size: int) -> tuple[int, int]:
    """Return how many pixels to add before and after `length` to reach `size`."""
    before = (size - length) // 2
    return before, size - length - before
