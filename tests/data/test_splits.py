"""Split files: the same bytes on every run and from every origin, whole, and refused when damaged."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alpa.data import stored
from alpa.data.download import fetch
from alpa.data.images import read_raw
from alpa.data.raw import TEST, TRAIN
from alpa.data.sources import SOURCES
from alpa.data.splits import Split, load_split, make_splits, with_shared, write_split
from alpa.data.stored import ChosenImages, StoredImages
from alpa.errors import DataError
from alpa.params import DataConfig
from pipeline.split import main as split_stage

PARAMS = Path(__file__).parents[2] / "params.yaml"

# What digits must be on every machine: scikit-learn's draw and Pillow's interpolation decide it.
DIGITS_TRAIN_DIGEST = "f37d9960435f8fc2a0865e1b7f69f856ac86542b055eea71c814e202fcc3c293"
DIGITS_TEST_DIGEST = "04a0a38b7a8944da34db3c935ea83edbc3628e02ea5aae07ac3c673e25e7abd3"


@pytest.fixture
def splits(local_root: Path, tmp_path: Path) -> tuple[Split, Split]:
    return splits_from(DataConfig(root=str(local_root)), tmp_path / "raw/mnist")


@pytest.fixture
def folder(splits: tuple[Split, Split], tmp_path: Path) -> Path:
    """A written test split in a benchmark's folder."""
    folder = tmp_path / "splits/mnist/test"
    write_split(folder, splits[1])
    return folder


def splits_from(config: DataConfig, raw: Path, key: str = "mnist") -> tuple[Split, Split]:
    fetch(key, raw, config)
    return make_splits(read_raw(key, raw, 32), "one_vs_rest", seed=0)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_both_origins_give_the_same_bytes(local_root: Path, server: Any, tmp_path: Path) -> None:
    written = []
    for name, config in (("root", DataConfig(root=str(local_root))), ("net", DataConfig(mirror=server.address))):
        parts = splits_from(config, tmp_path / name / "mnist")
        for split in parts:
            write_split(tmp_path / name / split.part, split)
        written.append([contents(tmp_path / name / folder) for folder in ("mnist", "train", "test")])
    assert written[0] == written[1]
    assert set(written[0][1]) == {"images.npy", "labels.npy", "group.npy", "split.json"}


def test_digits_are_the_same_on_every_machine(tmp_path: Path) -> None:
    train, test = splits_from(DataConfig(), tmp_path / "digits", "digits")
    assert (train.images.shape, test.images.shape) == ((1437, 1, 32, 32), (360, 1, 32, 32))
    assert (train.digest, test.digest) == (DIGITS_TRAIN_DIGEST, DIGITS_TEST_DIGEST)


def test_a_written_split_is_read_back_as_it_was(splits: tuple[Split, Split], folder: Path) -> None:
    for in_memory in (True, False):
        loaded = load_split(folder, in_memory=in_memory)
        assert type(loaded.images) is (np.ndarray if in_memory else StoredImages)
        for name in ("images", "labels", "group"):
            np.testing.assert_array_equal(getattr(loaded, name), getattr(splits[1], name))
        for name in (
            "class_names",
            "image_shape",
            "dataset",
            "protocol",
            "part",
            "digest",
            "targets",
            "clips",
            "shared",
        ):
            assert getattr(loaded, name) == getattr(splits[1], name)


def test_a_split_is_made_and_written_without_a_copy_of_the_raw_images(
    local_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch("mnist", tmp_path / "mnist", DataConfig(root=str(local_root)))
    raw = read_raw("mnist", tmp_path / "mnist", 32)
    monkeypatch.setattr(stored, "PIECE", 3 * 32 * 32)
    parts, read = make_splits(raw, "one_vs_rest", seed=0), []
    monkeypatch.setattr(ChosenImages, "_read", lambda self, rows: (read.append(len(rows)), self.images[rows])[1])
    for split, part in zip(parts, (TRAIN, TEST), strict=True):
        assert np.shares_memory(split.images.images, raw.images)
        write_split(tmp_path / split.part, split)
        np.save(tmp_path / "expected.npy", raw.images[raw.part == part])
        assert (tmp_path / split.part / "images.npy").read_bytes() == (tmp_path / "expected.npy").read_bytes()
    assert max(read) == 3


def test_still_images_belong_to_no_clip(folder: Path) -> None:
    split = load_split(folder)
    assert split.group.tolist() == [-1] * 20
    assert split.group.dtype == np.int64


def test_split_json_describes_the_split(folder: Path) -> None:
    facts = json.loads((folder / "split.json").read_text())
    assert facts | {"digest": ""} == {
        "class_names": list("0123456789"),
        "clips": [],
        "dataset": "mnist",
        "digest": "",
        "image_shape": [1, 32, 32],
        "n": 20,
        "part": "test",
        "protocol": "one_vs_rest",
        "shared": 0,
        "targets": list("0123456789"),
    }


def test_images_that_are_in_both_parts_are_counted_on_either_side(splits: tuple[Split, Split]) -> None:
    train, test = splits
    assert (train.shared, test.shared) == (0, 0)
    images = np.array(test.images)
    images[[0, 5]] = train.images[7]
    images[1, 0, 0, 0] ^= 1  # all but equal is not equal
    train, test = with_shared(train, replace(test, images=images))
    assert (train.shared, test.shared) == (1, 2)


def test_an_unknown_protocol_is_refused(local_root: Path, tmp_path: Path) -> None:
    fetch("mnist", tmp_path / "mnist", DataConfig(root=str(local_root)))
    with pytest.raises(DataError, match=r"^Protocol k_fold is unknown"):
        make_splits(read_raw("mnist", tmp_path / "mnist", 32), "k_fold", seed=0)


def test_a_full_disk_keeps_the_old_split(
    splits: tuple[Split, Split], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(folder)

    def no_space(path: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", no_space)
    with pytest.raises(OSError, match="No space left"):
        write_split(folder, splits[0])
    assert contents(folder) == before
    assert [path.name for path in folder.parent.iterdir()] == ["test"]


def change_json(key: str, value: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        facts = json.loads((folder / "split.json").read_text())
        facts[key] = value
        (folder / "split.json").write_text(json.dumps(facts))

    return change


def change_array(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], None]:
    return lambda folder: np.save(folder / name, change(np.load(folder / name)))


def flip_last_bit(folder: Path) -> None:
    content = (folder / "images.npy").read_bytes()
    (folder / "images.npy").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda folder: (folder / "split.json").unlink(), "split.json does not exist"),
        (lambda folder: (folder / "images.npy").unlink(), "images.npy does not exist"),
        (lambda folder: (folder / "split.json").write_text("{"), "split.json is damaged"),
        (lambda folder: (folder / "split.json").write_text("[]"), "split.json is damaged"),
        (lambda folder: (folder / "split.json").write_text("{}"), "split.json is damaged"),
        (lambda folder: (folder / "images.npy").write_bytes(b""), "images.npy is not a whole array file"),
        (change_json("image_shape", [1, 32]), "split.json is damaged"),
        (change_json("targets", None), "split.json is damaged"),
        (change_json("clips", 3), "split.json is damaged"),
        (change_json("shared", "some"), "split.json is damaged"),
        (change_json("n", 19), r"images is uint8 \(20, 1, 32, 32\), split.json says uint8 \(19, 1, 32, 32\)"),
        (change_json("class_names", ["0", "1"]), "labels run from 0 to 9 with 2 class names"),
        (change_json("digest", "0" * 64), "do not have the digest"),
        (flip_last_bit, "do not have the digest"),
        (change_array("labels.npy", lambda labels: labels[::-1].copy()), "do not have the digest"),
        (change_array("labels.npy", lambda labels: labels.astype(np.float32)), "labels is float32"),
        (change_array("group.npy", lambda group: group[1:]), "group is int64"),
        (change_array("images.npy", lambda images: images.astype(np.float32)), "images.npy holds float32"),
        (change_array("images.npy", np.asfortranarray), "in Fortran's order"),
    ],
)
def test_a_damaged_split_is_refused(damage: Callable[[Path], None], complaint: str, folder: Path) -> None:
    damage(folder)
    with pytest.raises(DataError, match=complaint) as caught:
        load_split(folder)
    assert str(caught.value).endswith("; run `python -m pipeline.split mnist`.")
    assert "\n" not in str(caught.value)


def test_the_stage_says_how_many_test_images_are_also_train_images(
    known_tiny: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    header, first_image = 16, 28 * 28
    train, test = known_tiny["train-images-idx3-ubyte"], known_tiny["t10k-images-idx3-ubyte"]
    shared = test[:header] + train[header : header + first_image] + test[header + first_image :]
    files = known_tiny | {"t10k-images-idx3-ubyte": shared}
    checksums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    monkeypatch.setitem(SOURCES, "mnist", replace(SOURCES["mnist"], files=checksums))
    (tmp_path / "data/raw/mnist").mkdir(parents=True)
    for name, content in files.items():
        (tmp_path / "data/raw/mnist" / name).write_bytes(content)
    shutil.copy(PARAMS, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["split", "mnist"])

    split_stage()

    assert capsys.readouterr().err == "mnist: 1 of 20 test images also occur in the train split.\n"
    train, test = (load_split(tmp_path / "data/splits/mnist" / part) for part in ("train", "test"))
    assert (train.images.shape, train.shared) == ((30, 1, 32, 32), 1)
    assert (test.images.shape, test.shared) == ((20, 1, 32, 32), 1)
