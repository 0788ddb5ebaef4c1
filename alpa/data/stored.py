"""Images that are read when they are needed, so that a data set may be larger than memory.

A file is read with `preadv` and not mapped: pages of a mapped file count as the process's own memory.
"""

import copy
import hashlib
import math
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from alpa.errors import DataError

PIECE = 8 * 2**20  # bytes that are read at once where all images are gone through

Rows = NDArray[np.int64]


class LazyImages(ABC):
    """Images, uint8 (N, C, H, W), of which an index gives an array, as numpy's does, and `select` gives none yet.

    The index is that of images alone: a number, a slice, whole numbers or a mask.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, rows: Rows, image_shape: tuple[int, ...]) -> None:
        """Stand for `rows`, the places that these images have in their source, each (C, H, W)."""
        self.rows = rows
        self.image_shape = image_shape

    @abstractmethod
    def _read(self, rows: Rows) -> NDArray[np.uint8]:
        """Return the images at these places of the source, (n,), as an array of their own."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, C, H, W)."""
        return (len(self.rows), *self.image_shape)

    @property
    def nbytes(self) -> int:
        """How many bytes the images take as an array."""
        return math.prod(self.shape)

    def select(self, index: Any) -> Self:
        """Return some of the images, still unread."""
        some = copy.copy(self)
        some.rows = self.rows[index]
        return some

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> NDArray[np.uint8]:
        rows = self.rows[index]
        return self._read(np.ravel(rows)).reshape(*np.shape(rows), *self.image_shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return all of them as an array in memory, which is what `np.asarray` calls."""
        if copy is False:
            raise ValueError("Images that are not in memory cannot become an array without a copy.")
        return self[:].astype(dtype or self.dtype, copy=False)


class StoredImages(LazyImages):
    """Rows of an array file; pickled, it is the file's path, so that another process reads the images itself."""

    def __init__(
        self, path: Path, start: int, state: tuple[int, int], rows: Rows, image_shape: tuple[int, ...]
    ) -> None:
        """Stand for `rows` of the file at `path`, whose first image begins at byte `start`; use `of` instead."""
        super().__init__(rows, image_shape)
        self.path = path
        self.start = start
        self.state = state  # of the file: its size and when it was changed

    @classmethod
    def of(cls, mapped: np.memmap) -> "StoredImages":
        """Return all images of an array file that was mapped in order to read its header.

        Raises:
            DataError: the file does not hold images, uint8 (N, C, H, W), one after the other; the message is the start
                of a sentence.
        """
        path = Path(str(mapped.filename))
        if mapped.dtype != np.uint8 or mapped.ndim != 4 or not mapped.flags.c_contiguous:
            order = "" if mapped.flags.c_contiguous else " in Fortran's order"
            raise DataError(f"{path} holds {mapped.dtype} {mapped.shape}{order}, not uint8 (N, C, H, W) in C's order")
        rows = np.arange(len(mapped), dtype=np.int64)
        return cls(path, mapped.offset, _state(path.stat()), rows, mapped.shape[1:])

    def _read(self, rows: Rows) -> NDArray[np.uint8]:
        found = np.empty((len(rows), *self.image_shape), np.uint8)
        size = math.prod(self.image_shape)
        flat = found.reshape(-1).data
        # Neighbours in the file are read at once.
        ends = [*(np.flatnonzero(np.diff(rows) != 1) + 1).tolist(), len(rows)]
        with self._opened() as descriptor:
            for first, end in zip([0, *ends[:-1]], ends, strict=True):
                if first < end:
                    self._fill(flat[first * size : end * size], descriptor, self.start + int(rows[first]) * size)
        return found

    def _fill(self, target: memoryview, descriptor: int, start: int) -> None:
        """Read the bytes of the file from `start` on; one call to the system may give fewer than were asked for."""
        while len(target):
            count = os.preadv(descriptor, [target], start)
            if not count:
                raise self._changed()
            target, start = target[count:], start + count

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """Yield the file's descriptor, if it is still the file that it was."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY)
        except OSError as error:
            problem = f"{self.path} can no longer be read ({error.strerror})"
            raise DataError(f"{problem}; leave it in place until the run is over, and run again.") from None
        try:
            if _state(os.fstat(descriptor)) != self.state:
                raise self._changed()
            yield descriptor
        finally:
            os.close(descriptor)

    def _changed(self) -> DataError:
        return DataError(f"{self.path} was changed while it was in use; leave it as it is, and run again.")


class ChosenImages(LazyImages):
    """Rows of an array in memory that are not copied before they are needed."""

    def __init__(self, images: NDArray[np.uint8], rows: Rows) -> None:
        """Stand for `rows` of images, uint8 (N, C, H, W)."""
        super().__init__(rows, images.shape[1:])
        self.images = images

    def _read(self, rows: Rows) -> NDArray[np.uint8]:
        return self.images[rows]


Images = NDArray[np.uint8] | LazyImages  # (N, C, H, W)


def select(images: Images, index: NDArray[Any]) -> Images:
    """Return the images at an index, whole numbers (n,) or a mask (N,): of an array a copy, of others still unread."""
    return images.select(index) if isinstance(images, LazyImages) else images[index]


def in_pieces(array: NDArray[Any] | LazyImages) -> Iterator[NDArray[Any]]:
    """Yield all rows of an array or of images in order, about PIECE bytes at a time, contiguous in memory."""
    rows = max(1, PIECE * len(array) // max(1, array.nbytes))
    return (np.ascontiguousarray(array[start : start + rows]) for start in range(0, len(array), rows))


def digest(*arrays: NDArray[Any] | LazyImages) -> str:
    """Return the SHA-256 over the arrays' bytes, one after the other."""
    total = hashlib.sha256()
    for array in arrays:
        for piece in in_pieces(array):
            total.update(piece.data)
    return total.hexdigest()


def write_images(path: Path, images: Images) -> None:
    """Write an array file of images piece by piece: the bytes that `numpy.save` writes of an array in C's order."""
    with path.open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": tuple(images.shape)}
        np.lib.format.write_array_header_1_0(file, header)
        for piece in in_pieces(images):
            file.write(piece.data)


def _state(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns
