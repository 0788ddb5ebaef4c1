"""Raw files to arrays, and the one rule that makes every image a square of the same size.

Pixel values are first mapped to 0..255. Then, as the data set's `Source.resize` says, an image is either padded with
black on all sides (`pad`: MNIST and Fashion-MNIST, 28x28 in the middle of 32x32) or resized by bilinear interpolation
(`bilinear`: digits, 8x8 to 32x32, since padding would leave 15 of 16 pixels black).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from alpa.data.sources import Source, check_files, find_source
from alpa.errors import DataError

UBYTE_MAGIC = b"\x00\x00\x08"  # of an idx file of unsigned bytes; the fourth byte is the number of dimensions


@dataclass(frozen=True, eq=False)
class RawImages:
    """A data set as published.

    `images` is uint8 (N, H, W), `labels` int64 (N,) with indices into `class_names`, `is_test` bool (N,) the official
    split or None where there is none.
    """

    dataset: str
    class_names: tuple[str, ...]
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    is_test: NDArray[np.bool_] | None


def read_raw(key: str, folder: Path) -> RawImages:
    """Read and check the raw files of the data set `key` that lie in `folder`.

    Raises:
        DataError: a file is missing, truncated, not of its format, does not fit the others or is not the published one.
    """
    source = find_source(key)
    remedy = f"run `python -m pipeline.download {key}`"
    for name in source.files:
        if not (folder / name).is_file():
            raise DataError(f"{folder} does not hold {name}; {remedy}.")
    try:
        raw = _read_digits(key, source, folder) if source.torchvision is None else _read_mnist(key, source, folder)
    except DataError as error:
        raise DataError(f"{error}; {remedy}.") from None
    check_files(key, folder, remedy)
    return raw


def to_square(images: NDArray[np.uint8], size: int, source: Source) -> NDArray[np.uint8]:
    """Map grey images (N, H, W) with values from 0 to `source.white` to (N, 1, size, size) with values 0 to 255.

    Raises:
        DataError: the images are to be padded and are larger than `size`.
    """
    height, width = images.shape[1:]
    full = images if source.white == 255 else _to_bytes(images, source.white)
    if source.resize == "bilinear":
        shape = (size, size)
        squares = [np.asarray(Image.fromarray(image).resize(shape, Image.Resampling.BILINEAR)) for image in full]
        return np.stack(squares)[:, np.newaxis]
    if max(height, width) > size:
        raise DataError(
            f"Images of {source.title} are {height}x{width}, too large to pad to {size}x{size}; resize them."
        )
    rows, columns = _margins(height, size), _margins(width, size)
    return np.pad(full, ((0, 0), rows, columns))[:, np.newaxis]  # (N, H, W) -> (N, 1, size, size)


def read_npy(path: Path) -> NDArray[Any]:
    """Memory-map an array file for reading.

    Raises:
        DataError: the file is not a whole array of numbers; the message is the start of a sentence.
    """
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except (ValueError, SyntaxError, TokenError, EOFError, OverflowError) as error:
        reason = " ".join(str(error).split()).removesuffix(".")
        raise DataError(f"{path} is not a whole array file ({reason})") from None


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read an uncompressed idx file of unsigned bytes, MNIST's format (yann.lecun.com/exdb/mnist).

    Raises:
        DataError: the magic number or the size is not what it should be; the message is the start of a sentence.
    """
    content = path.read_bytes()
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
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)


def _read_digits(key: str, source: Source, folder: Path) -> RawImages:
    """Return digits, which has no official split."""
    images, labels = _pair(source, folder, "images.npy", "labels.npy", read_npy)
    return RawImages(key, source.class_names, images, labels, is_test=None)


def _read_mnist(key: str, source: Source, folder: Path) -> RawImages:
    """Return a data set in MNIST's four files."""
    train, train_labels = _pair(source, folder, "train-images-idx3-ubyte", "train-labels-idx1-ubyte", read_idx)
    test, test_labels = _pair(source, folder, "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", read_idx)
    sizes = [f"{height}x{width}" for _, height, width in (train.shape, test.shape)]
    if sizes[0] != sizes[1]:
        raise DataError(f"{folder} holds images of different sizes ({sizes[0]} to train, {sizes[1]} to test)")
    labels = np.concatenate([train_labels, test_labels])
    is_test = np.arange(len(labels)) >= len(train)
    return RawImages(key, source.class_names, np.concatenate([train, test]), labels, is_test)


def _pair(
    source: Source, folder: Path, images_name: str, labels_name: str, read: Callable[[Path], NDArray[Any]]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Read a file of images and its file of labels, and check that they fit each other and the class names."""
    images, labels = read(folder / images_name), read(folder / labels_name)
    if images.ndim != 3 or images.dtype != np.uint8 or 0 in images.shape[1:]:
        raise DataError(f"{folder / images_name} holds {images.dtype} {images.shape}, not uint8 images (N, H, W)")
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise DataError(f"{folder / labels_name} holds {labels.dtype} {labels.shape}, not whole numbers (N,)")
    if len(images) != len(labels):
        raise DataError(f"{folder} holds {len(images)} images in {images_name} but {len(labels)} labels for them")
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(source.class_names):
        known = len(source.class_names)
        raise DataError(f"{folder / labels_name} holds labels {labels.min()} to {labels.max()}, not 0 to {known - 1}")
    return images, labels.astype(np.int64)


def _to_bytes(images: NDArray[np.uint8], white: int) -> NDArray[np.uint8]:
    """Map 0..white to 0..255, rounded to the nearest value in whole numbers so that every machine agrees."""
    if images.max(initial=0) > white:
        raise DataError(f"A pixel is {images.max()}, above {white}, the value of white; check the raw files.")
    return ((images.astype(np.uint32) * 255 + white // 2) // white).astype(np.uint8)


def _margins(length: int, size: int) -> tuple[int, int]:
    """Return how many pixels to add before and after `length` to reach `size`."""
    before = (size - length) // 2
    return before, size - length - before
