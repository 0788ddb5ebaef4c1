"""CIFAR-10 from every form to the same bytes, with pickles that are read and never run."""

import os
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alpa.data.cifar10 import read_binary_batch, read_image_folder, read_pickled_batch, write_cifar10
from alpa.data.download import fetch
from alpa.data.images import read_raw
from alpa.data.raw import TEST, TRAIN
from alpa.data.sources import SOURCES
from alpa.errors import DataError
from alpa.params import DataConfig
from tests.data.conftest import sha256
from tests.data.published import (
    CIFAR_NAMES,
    binary_batch,
    cifar_batches,
    cifar_files,
    cifar_pngs,
    encode,
    pickled_batch,
    tar_gz,
    write_files,
)

BATCHES = cifar_batches()
IMAGES, LABELS = BATCHES["data_batch_1"]
ARCHIVES = {
    "cifar-10-binary.tar.gz": tar_gz(cifar_files("binary", BATCHES)),
    "cifar-10-python.tar.gz": tar_gz(cifar_files("python", BATCHES)),
}


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The four files that the tiny set becomes; they and the tiny archives pass for the published ones."""
    write_files(tmp_path / "made", cifar_files("binary", BATCHES))
    (tmp_path / "made/out").mkdir()
    write_cifar10(tmp_path / "made/cifar-10-batches-bin", CIFAR_NAMES, tmp_path / "made/out")
    files = {path.name: path.read_bytes() for path in (tmp_path / "made/out").iterdir()}
    source = SOURCES["cifar10"]
    checksums = {name: sha256(ARCHIVES[name]) for name in ARCHIVES}
    changed = replace(
        source,
        files={name: sha256(files[name]) for name in source.files},
        downloads={name: checksums[name] for name in source.downloads},
        archives={name: checksums[name] for name in source.archives},
    )
    monkeypatch.setitem(SOURCES, "cifar10", changed)
    return files


FORMS: dict[str, Callable[[], dict[str, bytes]]] = {
    "cifar-10-binary.tar.gz": lambda: {"cifar-10-binary.tar.gz": ARCHIVES["cifar-10-binary.tar.gz"]},
    "cifar-10-python.tar.gz": lambda: {"cifar-10-python.tar.gz": ARCHIVES["cifar-10-python.tar.gz"]},
    "cifar-10-batches-bin": lambda: cifar_files("binary", BATCHES),
    "cifar-10-batches-py": lambda: cifar_files("python", BATCHES),
    **{
        name: lambda name=name: {f"{name}/{path}": content for path, content in cifar_pngs(BATCHES).items()}
        for name in ("CIFAR10", "cifar10", "CIFAR-10", "cifar-10")
    },
}


def content_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_in_a_local_root_gives_the_same_files(
    form: str, published: dict[str, bytes], tmp_path: Path
) -> None:
    write_files(tmp_path / "root", FORMS[form]())
    fetch("cifar10", tmp_path / "raw/cifar10", DataConfig(root=str(tmp_path / "root")))
    assert content_of(tmp_path / "raw/cifar10") == published
    assert [path.name for path in (tmp_path / "raw").iterdir()] == ["cifar10"]


@pytest.mark.parametrize("folder", ["/cifar10", ""])
def test_a_download_gives_the_same_files(
    folder: str, published: dict[str, bytes], server: Any, downloads: Path, tmp_path: Path
) -> None:
    server.content = {f"{folder}/cifar-10-binary.tar.gz": ARCHIVES["cifar-10-binary.tar.gz"]}
    fetch("cifar10", tmp_path / "raw/cifar10", DataConfig(mirror=server.address))
    assert content_of(tmp_path / "raw/cifar10") == published
    assert not (downloads / "cifar-10-binary.tar.gz").exists()


def test_the_images_are_sorted_by_label_and_then_by_their_bytes(published: dict[str, bytes], tmp_path: Path) -> None:
    folder = tmp_path / "made/out"
    images, labels = np.load(folder / "train-images.npy"), np.load(folder / "train-labels.npy")
    assert (images.shape, images.dtype) == ((60, 3, 32, 32), np.uint8)
    assert (labels.shape, labels.dtype) == ((60,), np.int64)
    rows = [(label, image.tobytes()) for label, image in zip(labels.tolist(), images, strict=True)]
    assert rows == sorted(rows)
    assert np.load(folder / "test-images.npy").shape == (12, 3, 32, 32)


def test_the_published_split_and_the_colours_reach_the_reader(published: dict[str, bytes], tmp_path: Path) -> None:
    raw = read_raw("cifar10", tmp_path / "made/out", 32)
    assert raw.images.shape == (72, 3, 32, 32)
    assert raw.part.tolist() == [TRAIN] * 60 + [TEST] * 12
    first, label = BATCHES["test_batch"][0][0], BATCHES["test_batch"][1][0]
    found = [row for row in range(60, 72) if (raw.images[row].reshape(-1) == first).all()]
    assert [raw.labels[row] for row in found] == [label]
    assert read_raw("cifar10", tmp_path / "made/out", 48).images.shape == (72, 3, 48, 48)


@pytest.mark.parametrize("name", ["cifar-10-binary.tar.gz", "cifar-10-python.tar.gz"])
def test_an_archive_that_is_not_the_published_one_is_refused(
    name: str, published: dict[str, bytes], tmp_path: Path
) -> None:
    write_files(tmp_path / "root", {name: ARCHIVES[name][:-1]})
    with pytest.raises(DataError, match=rf"^\S*{name} is not the published file"):
        fetch("cifar10", tmp_path / "raw/cifar10", DataConfig(root=str(tmp_path / "root")))
    assert list((tmp_path / "raw").iterdir()) == []


def test_an_image_that_is_missing_or_changed_is_found(published: dict[str, bytes], tmp_path: Path) -> None:
    files = FORMS["CIFAR10"]()
    files.pop(next(name for name in files if name.startswith("CIFAR10/train/cat/")))
    write_files(tmp_path / "root", files)
    with pytest.raises(DataError, match=r"^train-images.npy of cifar10 is not the published file .*root/CIFAR10\.$"):
        fetch("cifar10", tmp_path / "raw/cifar10", DataConfig(root=str(tmp_path / "root")))


def test_a_root_without_the_set_names_all_forms(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"does not hold cifar-10-batches-bin, .*cifar-10-python\.tar\.gz, .*cifar-10;"):
        fetch("cifar10", tmp_path / "raw/cifar10", DataConfig(root=str(tmp_path)))


@pytest.mark.parametrize(
    "content", [b"", binary_batch(IMAGES, LABELS)[:-1], binary_batch(IMAGES, LABELS) + b"\0", b"\x0a" + bytes(3072)]
)
def test_a_binary_batch_of_another_form_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "batch").write_bytes(content)
    with pytest.raises(DataError, match=r"batch is not a batch of CIFAR-10 \("):
        read_binary_batch(tmp_path / "batch")


def refusal_of_pickle(content: bytes, folder: Path) -> str:
    (folder / "batch").write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_pickled_batch(folder / "batch")
    message = str(caught.value)
    assert message.startswith(f"{folder / 'batch'} is not a batch of CIFAR-10 (")
    assert message.endswith("; get a fresh copy of it.")
    assert "\n" not in message
    return message


def test_a_pickled_batch_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "batch").write_bytes(pickled_batch(IMAGES, LABELS))
    images, labels = read_pickled_batch(tmp_path / "batch")
    np.testing.assert_array_equal(images.reshape(-1, 3072), IMAGES)
    np.testing.assert_array_equal(labels, LABELS)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_a_batch_that_runs_something_is_refused_and_runs_nothing(protocol: int, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "ran"),)

    message = refusal_of_pickle(pickle.dumps({"labels": [0], "data": bytes(3072), "x": Evil()}, protocol), tmp_path)
    assert "it would call" in message
    assert not (tmp_path / "ran").exists()


def test_a_batch_that_runs_something_before_it_breaks_off_runs_nothing(tmp_path: Path) -> None:
    target = str(tmp_path / "ran").encode()
    whole = pickled_batch(IMAGES, LABELS)
    evil = b"\x80\x02cposix\nmkdir\n(X" + len(target).to_bytes(4, "little") + target + b"tR0"
    assert "it would call posix mkdir" in refusal_of_pickle(evil + whole[2:], tmp_path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", [b"cbuiltins\neval\n", b"cnumpyx\nload\n", b"c_codecs\ndecode\n", b"cos\nsystem\n"])
def test_only_what_numpy_needs_may_be_imported(name: bytes, tmp_path: Path) -> None:
    content = pickled_batch(IMAGES, LABELS).replace(b"cnumpy\nndarray\n", name)
    assert "it would call" in refusal_of_pickle(content, tmp_path)


@pytest.mark.parametrize("kept", [0, 1, 2, 20, 80, 1000, 30_000, len(pickled_batch(IMAGES, LABELS)) - 1])
def test_a_truncated_pickle_is_refused(kept: int, tmp_path: Path) -> None:
    refusal_of_pickle(pickled_batch(IMAGES, LABELS)[:kept], tmp_path)


def test_a_pickle_of_something_else_is_refused(tmp_path: Path) -> None:
    assert "it holds 0 labels and no bytes" in refusal_of_pickle(pickle.dumps({"a": 1}, 2), tmp_path)
    more = pickle.dumps({"labels": [1, 2], "data": "x" * 3072}, 2)
    assert "it holds 2 labels and 3072 bytes" in refusal_of_pickle(more, tmp_path)
    two = pickle.dumps({"labels": [1], "data": "x" * 3072, "more": "y" * 3072}, 2)
    assert "3072 and 3072 bytes" in refusal_of_pickle(two, tmp_path)
    assert "labels 10 to 10" in refusal_of_pickle(pickle.dumps({"labels": [10], "data": "x" * 3072}, 2), tmp_path)
    assert "is not a batch" in refusal_of_pickle(b"no pickle at all", tmp_path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (encode(np.zeros((32, 32), np.uint8), "PNG"), "is 32x32 L, not 32x32 RGB"),
        (encode(np.zeros((32, 31, 3), np.uint8), "PNG"), "is 31x32 RGB, not 32x32 RGB"),
        (encode(np.zeros((32, 32, 3), np.uint8), "JPEG"), "is not a whole PNG image"),
        (encode(IMAGES[0].reshape(32, 32, 3), "PNG")[:-100], "is not a whole PNG image"),
        (b"", "is not a whole PNG image"),
    ],
)
def test_an_image_of_another_kind_is_named(content: bytes, complaint: str, tmp_path: Path) -> None:
    write_files(tmp_path, {"cat/1.png": content})
    with pytest.raises(DataError, match=rf"^\S*cat/1\.png {complaint}.*; get a fresh copy of it\.$"):
        read_image_folder(tmp_path, CIFAR_NAMES)


def test_an_empty_image_folder_is_refused(published: dict[str, bytes], tmp_path: Path) -> None:
    for part in ("train", "test"):
        for name in CIFAR_NAMES:
            (tmp_path / f"root/CIFAR10/{part}/{name}").mkdir(parents=True)
    with pytest.raises(DataError, match="holds no images"):
        fetch("cifar10", tmp_path / "raw/cifar10", DataConfig(root=str(tmp_path / "root")))
