"""Images that are read when they are needed: numpy's answers, from the file that they were, and little to pickle."""

import hashlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alpa.data import stored as module
from alpa.data.images import read_npy
from alpa.data.stored import ChosenImages, LazyImages, StoredImages, digest, in_pieces, select, write_images
from alpa.errors import DataError

ARRAY = np.random.default_rng(0).integers(0, 256, (30, 3, 4, 5), dtype=np.uint8)


@pytest.fixture
def stored(tmp_path: Path) -> StoredImages:
    np.save(tmp_path / "images.npy", ARRAY)
    return StoredImages.of(read_npy(tmp_path / "images.npy"))


@pytest.fixture(params=["stored", "chosen"])
def lazy(request: pytest.FixtureRequest, stored: StoredImages) -> LazyImages:
    return stored if request.param == "stored" else ChosenImages(ARRAY, np.arange(30))


INDICES = {
    "number": 7,
    "last": -1,
    "slice": slice(3, 9),
    "past the end": slice(25, 99),
    "backwards": slice(None, None, -2),
    "nothing": slice(4, 4),
    "list": [5, 6, 7, 2],
    "twice": np.array([4, 4, 3, 29, 0]),
    "none": np.array([], dtype=np.int64),
    "table": np.array([[1, 2], [9, 8]]),
    "mask": ARRAY[:, 0, 0, 0] > 128,
}


@pytest.mark.parametrize("index", INDICES.values(), ids=list(INDICES))
def test_an_index_gives_the_array_that_numpy_gives(index: Any, lazy: LazyImages) -> None:
    found = lazy[index]
    assert type(found) is np.ndarray
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, ARRAY[index], strict=True)


@pytest.mark.parametrize("index", [30, -31, [0, 30]], ids=str)
def test_a_place_that_there_is_not_is_an_index_error(index: Any, lazy: LazyImages) -> None:
    with pytest.raises(IndexError):
        lazy[index]


def test_an_array_that_was_read_is_the_readers_own(lazy: LazyImages) -> None:
    found = lazy[[1, 2]]
    found[...] = 0
    np.testing.assert_array_equal(lazy[[1, 2]], ARRAY[[1, 2]])


def test_the_images_know_their_shape_unread(lazy: LazyImages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "preadv")
    monkeypatch.setattr(ChosenImages, "_read", None)
    some = lazy.select(ARRAY[:, 0, 0, 0] > 128).select(slice(2, 6)).select([3, 0])
    assert (lazy.shape, len(lazy), lazy.dtype, lazy.nbytes) == ((30, 3, 4, 5), 30, np.uint8, ARRAY.nbytes)
    assert (some.shape, len(some), some.nbytes) == ((2, 3, 4, 5), 2, 120)


def test_what_is_selected_of_a_selection_counts_its_own_rows(lazy: LazyImages) -> None:
    mask = ARRAY[:, 0, 0, 0] > 128
    np.testing.assert_array_equal(lazy.select(mask).select([3, 0])[:], ARRAY[mask][[3, 0]])


def test_selecting_copies_of_an_array_and_reads_nothing_of_other_images(lazy: LazyImages) -> None:
    rows = np.array([3, 1])
    assert isinstance(select(ARRAY, rows), np.ndarray)
    assert isinstance(select(lazy, rows), type(lazy))
    for images in (ARRAY, lazy):
        np.testing.assert_array_equal(np.asarray(select(images, rows)), ARRAY[rows])


def test_numpy_takes_them_as_an_array(lazy: LazyImages) -> None:
    np.testing.assert_array_equal(np.asarray(lazy), ARRAY, strict=True)
    np.testing.assert_array_equal(np.asarray(lazy, np.float32), ARRAY.astype(np.float32), strict=True)
    with pytest.raises(ValueError, match="without a copy"):
        np.array(lazy, copy=False)


def test_neighbours_are_read_at_once(stored: StoredImages, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def counting(descriptor: int, buffers: list[memoryview], start: int, preadv: Any = os.preadv) -> int:
        read.append(len(buffers[0]) // 60)
        return preadv(descriptor, buffers, start)

    monkeypatch.setattr(os, "preadv", counting)
    stored[[5, 6, 7, 2, 4, 3]]
    assert read == [3, 1, 1, 1]


def test_a_system_that_reads_a_few_bytes_at_a_time_is_asked_again(
    stored: StoredImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = os.preadv
    monkeypatch.setattr(os, "preadv", lambda descriptor, buffers, start: few(descriptor, [buffers[0][:7]], start))
    np.testing.assert_array_equal(stored[[5, 6, 2]], ARRAY[[5, 6, 2]])


def test_another_process_gets_the_path_and_not_the_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(1).integers(0, 256, (50, 1, 64, 64), dtype=np.uint8)
    monkeypatch.chdir(tmp_path)
    np.save("images.npy", images)
    content = pickle.dumps(StoredImages.of(read_npy(Path("images.npy"))).select([40, 3]))
    assert len(content) < 1000
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    np.testing.assert_array_equal(pickle.loads(content)[:], images[[40, 3]])


def rewrite(path: Path) -> None:
    np.save(path, ARRAY[::-1].copy())
    os.utime(path, ns=(0, 0))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "was changed while it was in use; leave it as it is"),
        (lambda path: np.save(path, ARRAY[:-1]), "was changed while it was in use; leave it as it is"),
        (rewrite, "was changed while it was in use; leave it as it is"),
        (lambda path: path.unlink(), r"can no longer be read \(No such file or directory\); leave it in place"),
    ],
    ids=["truncated", "shorter", "of the same size", "removed"],
)
def test_a_file_that_is_not_what_it_was_is_refused(
    change: Callable[[Path], Any], complaint: str, stored: StoredImages
) -> None:
    change(stored.path)
    with pytest.raises(DataError, match=rf"images\.npy {complaint}"):
        stored[0]


def test_a_file_that_ends_while_it_is_read_is_refused(stored: StoredImages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "preadv", lambda descriptor, buffers, start: 0)
    with pytest.raises(DataError, match="was changed while it was in use"):
        stored[0]


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (ARRAY.astype(np.float32), r"float32 \(30, 3, 4, 5\),"),
        (ARRAY[0], r"uint8 \(3, 4, 5\),"),
        (np.asfortranarray(ARRAY), r"uint8 \(30, 3, 4, 5\) in Fortran's order,"),
    ],
    ids=["float", "one image", "order"],
)
def test_a_file_of_something_else_is_refused(array: np.ndarray, found: str, tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", array)
    with pytest.raises(DataError, match=rf"images\.npy holds {found} not uint8 \(N, C, H, W\) in C's order$"):
        StoredImages.of(read_npy(tmp_path / "images.npy"))


@pytest.mark.parametrize("piece", [1, 130, 10**9])
def test_pieces_are_whole_images_in_order(piece: int, lazy: LazyImages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIECE", piece)
    for images in (lazy, ARRAY, np.asfortranarray(ARRAY)):
        pieces = list(in_pieces(images))
        assert max(len(part) for part in pieces) == {1: 1, 130: 2, 10**9: 30}[piece]  # an image has 60 bytes
        assert all(part.flags.c_contiguous for part in pieces)
        np.testing.assert_array_equal(np.concatenate(pieces), ARRAY)


@pytest.mark.parametrize("piece", [1, 130, 10**9])
def test_a_digest_is_over_all_bytes_however_they_lie_and_are_read(
    piece: int, lazy: LazyImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PIECE", piece)
    labels, nothing = np.arange(30), np.zeros(0, np.int64)
    expected = hashlib.sha256(ARRAY.tobytes() + labels.tobytes()).hexdigest()
    for images in (lazy, ARRAY, np.asfortranarray(ARRAY)):
        assert digest(images, labels, nothing) == expected


@pytest.mark.parametrize("piece", [1, 130, 10**9])
def test_images_are_written_as_numpy_writes_them(
    piece: int, lazy: LazyImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PIECE", piece)
    np.save(tmp_path / "expected.npy", ARRAY[::2])
    for images in (lazy.select(slice(None, None, 2)), ARRAY[::2], np.asfortranarray(ARRAY[::2])):
        write_images(tmp_path / "written.npy", images)
        assert (tmp_path / "written.npy").read_bytes() == (tmp_path / "expected.npy").read_bytes()
