"""Raw files to arrays: what is read, what is refused, and how an image becomes a square."""

import hashlib
import io
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from alpa.data.download import fetch, missing
from alpa.data.images import read_idx, read_npy, read_raw, to_square
from alpa.data.raw import TEST, TRAIN, UNDECIDED
from alpa.data.sources import SOURCES
from alpa.errors import DataError
from alpa.params import DataConfig
from tests.data.conftest import sha256
from tests.data.published import write_files

REAL_ROOT = os.environ.get("ALPA_DATA_ROOT")
TRAIN_IMAGES = "train-images-idx3-ubyte"
TRAIN_LABELS = "train-labels-idx1-ubyte"
HEADER = bytes.fromhex("00000803 00000002 00000001 00000003")  # two images of one row and three columns


@pytest.fixture
def raw_folder(known_tiny: dict[str, bytes], tmp_path: Path) -> Path:
    for name, content in known_tiny.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def refusal(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_raw("mnist", folder, 32)
    message = str(caught.value)
    assert message.endswith("; run `python -m pipeline.download mnist`.")
    assert "\n" not in message
    return message


def test_an_idx_file_is_read_in_row_order(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(HEADER + bytes([1, 2, 3, 4, 5, 6]))
    np.testing.assert_array_equal(read_idx(tmp_path / "file"), [[[1, 2, 3]], [[4, 5, 6]]])


@pytest.mark.parametrize("length", range(len(HEADER) + 6))
def test_an_idx_file_of_any_shorter_length_is_refused(length: int, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes((HEADER + bytes(6))[:length])
    with pytest.raises(DataError, match="truncated" if length >= 4 else "not an idx file"):
        read_idx(tmp_path / "file")


def test_an_idx_file_with_bytes_left_over_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(HEADER + bytes(7))
    with pytest.raises(DataError, match="too long: it has 23 bytes, its header promises 22"):
        read_idx(tmp_path / "file")


@pytest.mark.parametrize("magic", ["01000803", "00000d03", "00000800", "1f8b0800"])
def test_an_idx_file_with_another_magic_number_is_refused(magic: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes.fromhex(magic) + (HEADER + bytes(6))[4:])
    with pytest.raises(DataError, match="not an idx file of unsigned bytes"):
        read_idx(tmp_path / "file")


def test_a_header_that_promises_more_than_memory_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(HEADER[:4] + b"\xff" * 12)
    with pytest.raises(DataError, match="truncated"):
        read_idx(tmp_path / "file")


@pytest.mark.parametrize("length", [0, 4, 40, 127, 140])
def test_a_truncated_array_file_is_refused(length: int, tmp_path: Path) -> None:
    np.save(tmp_path / "array.npy", np.arange(10))
    content = (tmp_path / "array.npy").read_bytes()
    (tmp_path / "array.npy").write_bytes(content[:length])
    with pytest.raises(DataError, match="not a whole array file"):
        read_npy(tmp_path / "array.npy")


def test_pickled_images_of_different_sizes_are_never_loaded(tmp_path: Path) -> None:
    ragged = np.array([np.zeros((8, 8)), np.zeros((9, 9))], dtype=object)
    np.save(tmp_path / "array.npy", ragged, allow_pickle=True)
    with pytest.raises(DataError, match="not a whole array file"):
        read_npy(tmp_path / "array.npy")


def test_the_train_images_come_first_and_the_official_split_is_kept(raw_folder: Path) -> None:
    raw = read_raw("mnist", raw_folder, 32)
    assert raw.images.shape == (50, 1, 32, 32)
    assert raw.labels.dtype == np.int64
    assert raw.labels[:11].tolist() == [*range(10), 0]
    assert raw.part.dtype == np.int8
    assert raw.part.tolist() == [TRAIN] * 30 + [TEST] * 20


def test_digits_have_no_official_split(tmp_path: Path) -> None:
    fetch("digits", tmp_path / "digits", DataConfig())
    raw = read_raw("digits", tmp_path / "digits", 32)
    assert raw.images.shape == (1797, 1, 32, 32)
    assert set(raw.part.tolist()) == {UNDECIDED}


@pytest.mark.parametrize(
    ("name", "change", "complaint"),
    [
        (TRAIN_IMAGES, lambda content: content[:-5], "is truncated"),
        (TRAIN_IMAGES, lambda content: b"\x07" + content[1:], "is not an idx file"),
        (TRAIN_IMAGES, lambda content: content[:-1] + bytes([content[-1] ^ 1]), "is not the published file"),
        (TRAIN_LABELS, lambda content: content[:-1] + b"\x0a", "holds labels 0 to 10, not 0 to 9"),
        (
            TRAIN_LABELS,
            lambda content: bytes.fromhex("00000801 00000003") + bytes(3),
            "holds 30 images .* but 3 labels",
        ),
        (TRAIN_LABELS, lambda content: HEADER + bytes(6), "not whole numbers"),
        (TRAIN_IMAGES, lambda content: bytes.fromhex("00000801 0000001e") + bytes(30), "not uint8 images"),
        (
            TRAIN_IMAGES,
            lambda content: bytes.fromhex("00000803 0000001e 0000001d 0000001c") + bytes(30 * 29 * 28),
            r"images of different sizes \(29x28 to train, 28x28 to test\)",
        ),
    ],
)
def test_a_damaged_raw_file_is_refused(
    name: str, change: Callable[[bytes], bytes], complaint: str, raw_folder: Path
) -> None:
    path = raw_folder / name
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(DataError, match=complaint):
        read_raw("mnist", raw_folder, 32)
    refusal(raw_folder)


def test_an_empty_folder_is_refused(known_tiny: dict[str, bytes], tmp_path: Path) -> None:
    assert refusal(tmp_path).startswith(f"{tmp_path} does not hold {TRAIN_IMAGES}")


def test_mnist_lies_in_the_middle_of_black_margins_of_two_pixels() -> None:
    images = np.random.default_rng(0).integers(1, 256, (3, 28, 28)).astype(np.uint8)
    square = to_square(images, 32, SOURCES["mnist"])
    assert square.shape == (3, 1, 32, 32)
    assert square.dtype == np.uint8
    np.testing.assert_array_equal(square[:, 0, 2:30, 2:30], images)
    assert square.sum(dtype=int) == images.sum(dtype=int)


def test_digits_are_scaled_from_16_to_255_and_enlarged_smoothly() -> None:
    ramp = np.tile(np.array([0, 0, 16, 16, 16, 16, 16, 16], dtype=np.uint8), (8, 1))
    square = to_square(ramp[np.newaxis], 32, SOURCES["digits"])
    assert square.shape == (1, 1, 32, 32)
    # Each old pixel covers four new ones. Between the middles of columns 1 and 2, at new columns 5.5 and 9.5, the
    # value climbs by 255/4 a column, from an eighth: 255/8 = 31.9, 95.6, 159.4, 223.1.
    assert square[0, 0, 0, 4:12].tolist() == [0, 0, 32, 96, 159, 223, 255, 255]
    assert (square == square[:, :, :1]).all()


def test_every_digit_value_maps_to_its_nearest_byte() -> None:
    values = np.arange(17, dtype=np.uint8)[:, np.newaxis, np.newaxis] * np.ones((1, 8, 8), dtype=np.uint8)
    square = to_square(values, 32, SOURCES["digits"])
    assert square[:, 0, 0, 0].tolist() == [0, 16, 32, 48, 64, 80, 96, 112, 128, 143, 159, 175, 191, 207, 223, 239, 255]


def test_a_pixel_brighter_than_white_is_refused() -> None:
    with pytest.raises(DataError, match=r"^A pixel is 17, above 16"):
        to_square(np.full((1, 8, 8), 17, dtype=np.uint8), 32, SOURCES["digits"])


def test_a_larger_size_enlarges_the_padded_square_instead_of_its_margins() -> None:
    images = np.random.default_rng(0).integers(0, 256, (1, 28, 28)).astype(np.uint8)
    square = to_square(images, 32, SOURCES["mnist"])
    enlarged = Image.fromarray(square[0, 0]).resize((64, 64), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(to_square(images, 64, SOURCES["mnist"])[0, 0], np.asarray(enlarged))


@pytest.mark.parametrize("key", ["digits", "mnist", "cifar10"])
@pytest.mark.parametrize("size", [16, 17, 32, 48, 64, 256])
def test_every_size_keeps_flat_images_flat_and_the_channels_apart(key: str, size: int) -> None:
    side, channels = {"digits": (8, 1), "mnist": (32, 1), "cifar10": (32, 3)}[key]
    levels = np.array([4, 8, 16][:channels], dtype=np.uint8)
    images = np.ones((2, channels, side, side), dtype=np.uint8) * levels[:, np.newaxis, np.newaxis]
    square = to_square(images, size, SOURCES[key])
    assert (square.shape, square.dtype) == ((2, channels, size, size), np.uint8)
    white = SOURCES[key].white
    expected = [round(level * 255 / white) for level in levels.tolist()]
    assert [np.unique(square[:, channel]).tolist() for channel in range(channels)] == [[level] for level in expected]


def test_an_image_larger_than_32_is_padded_to_the_next_multiple() -> None:
    square = to_square(np.ones((1, 40, 28), dtype=np.uint8), 64, SOURCES["mnist"])[0, 0]
    assert np.flatnonzero(square.any(axis=1)).tolist() == list(range(12, 52))
    assert np.flatnonzero(square.any(axis=0)).tolist() == list(range(18, 46))


def test_a_video_is_not_read_as_still_images(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^ped2 is a video, not a set of still images; choose a protocol .* videos\.$"):
        read_raw("ped2", tmp_path, 32)


def test_a_margin_that_cannot_be_halved_is_one_larger_at_the_end() -> None:
    square = to_square(np.ones((1, 31, 30), dtype=np.uint8), 32, SOURCES["mnist"])[0, 0]
    assert np.flatnonzero(square.any(axis=1)).tolist() == list(range(31))
    assert np.flatnonzero(square.any(axis=0)).tolist() == list(range(1, 31))


def test_read_raw_checks_content_that_is_well_formed(raw_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = dict(SOURCES["mnist"].files) | {TRAIN_LABELS: hashlib.sha256(b"").hexdigest()}
    monkeypatch.setitem(SOURCES, "mnist", replace(SOURCES["mnist"], files=wrong))
    assert f"{TRAIN_LABELS} of mnist is not the published file" in refusal(raw_folder)


def mat(images: np.ndarray, labels: np.ndarray) -> bytes:
    """Return images (N, 3, H, W) and labels as a file of SVHN: compressed, with axes (H, W, C, N) and 10 for a 0."""
    content = io.BytesIO()
    savemat(content, {"X": images.transpose(2, 3, 1, 0), "y": labels[:, np.newaxis]}, do_compression=True)
    return content.getvalue()


def pretend(key: str, files: dict[str, bytes], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the files pass for the published ones, in data/raw and on the server, and write them to `folder`."""
    checksums = {name: sha256(content) for name, content in files.items()}
    downloads = {name: checksums[name.split("/")[-1]] for name in SOURCES[key].downloads}
    monkeypatch.setitem(SOURCES, key, replace(SOURCES[key], files=checksums, downloads=downloads))
    write_files(folder, files)


@pytest.fixture
def svhn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, np.ndarray]:
    """A local root with a tiny SVHN in torchvision's layout, and its train images."""
    images = np.random.default_rng(0).integers(0, 256, (20, 3, 32, 32)).astype(np.uint8)
    labels = (np.arange(20) % 10 + 1).astype(np.uint8)
    files = {"train_32x32.mat": mat(images, labels), "test_32x32.mat": mat(images[:10], labels[:10])}
    pretend("svhn", files, tmp_path / "root", monkeypatch)
    return tmp_path / "root", images


def test_svhn_counts_its_digits_from_0(svhn: tuple[Path, np.ndarray], tmp_path: Path) -> None:
    root, images = svhn
    fetch("svhn", tmp_path / "raw", DataConfig(root=str(root)))
    raw = read_raw("svhn", tmp_path / "raw", 32)
    np.testing.assert_array_equal(raw.images, np.concatenate([images, images[:10]]))
    assert raw.labels.tolist() == [*range(1, 10), 0] * 3
    assert raw.labels.dtype == np.int64
    assert raw.part.tolist() == [TRAIN] * 20 + [TEST] * 10


@pytest.mark.parametrize("folder", ["SVHN", "svhn"])
def test_svhn_may_lie_in_a_folder_of_its_own(folder: str, svhn: tuple[Path, np.ndarray], tmp_path: Path) -> None:
    svhn[0].rename(tmp_path / folder)
    fetch("svhn", tmp_path / "raw", DataConfig(root=str(tmp_path)))
    assert len(list((tmp_path / "raw").iterdir())) == 2


@pytest.mark.parametrize("kept", [0, 3, 100, 128, 132, 200, 5000])
def test_a_damaged_mat_file_is_refused(kept: int, svhn: tuple[Path, np.ndarray]) -> None:
    path = svhn[0] / "train_32x32.mat"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(
        DataError, match=r"^train_32x32.mat of svhn is not the published file .*pipeline.download svhn`"
    ):
        read_raw("svhn", svhn[0], 32)


def test_kmnist_stays_compressed_as_its_checksums_are_published(
    packed: dict[str, bytes], server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend("kmnist", packed, tmp_path / "root/KMNIST/raw", monkeypatch)
    server.content = {f"/kmnist/{name}": content for name, content in packed.items()}
    for name, config in (("root", DataConfig(root=str(tmp_path / "root"))), ("net", DataConfig(mirror=server.address))):
        fetch("kmnist", tmp_path / name / "raw", config)
        assert {path.name: path.read_bytes() for path in (tmp_path / name / "raw").iterdir()} == packed
        assert read_raw("kmnist", tmp_path / name / "raw", 32).images.shape == (50, 1, 32, 32)


@pytest.mark.parametrize("kept", [0, 5, 100])
def test_a_damaged_compressed_file_is_refused(
    kept: int, packed: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend("kmnist", packed, tmp_path, monkeypatch)
    (tmp_path / f"{TRAIN_IMAGES}.gz").write_bytes(packed[f"{TRAIN_IMAGES}.gz"][:kept])
    with pytest.raises(DataError, match=r"is damaged|begins with nothing"):
        read_raw("kmnist", tmp_path, 32)


def test_svhn_is_downloaded_under_its_own_names(svhn: tuple[Path, np.ndarray], server: Any, tmp_path: Path) -> None:
    server.content = {f"/{path.name}": path.read_bytes() for path in svhn[0].iterdir()}
    fetch("svhn", tmp_path / "raw", DataConfig(mirror=server.address))
    assert sorted(path.name for path in (tmp_path / "raw").iterdir()) == ["test_32x32.mat", "train_32x32.mat"]


@pytest.mark.skipif(REAL_ROOT is None, reason="ALPA_DATA_ROOT is not set")
@pytest.mark.parametrize(
    ("key", "channels", "train", "test"),
    [
        ("mnist", 1, 60_000, 10_000),
        ("fashion_mnist", 1, 60_000, 10_000),
        ("kmnist", 1, 60_000, 10_000),
        ("cifar10", 3, 50_000, 10_000),
        ("svhn", 3, 73_257, 26_032),
    ],
)
def test_the_published_files_pass_their_checksums_and_have_their_published_sizes(
    key: str, channels: int, train: int, test: int, tmp_path: Path
) -> None:
    config = DataConfig(root=REAL_ROOT)
    if sentence := missing(key, config, tmp_path):
        pytest.skip(sentence)
    fetch(key, tmp_path / key, config)
    raw = read_raw(key, tmp_path / key, 32)
    assert raw.images.shape == (train + test, channels, 32, 32)
    assert np.bincount(raw.part).tolist() == [train, test]
    assert set(raw.labels.tolist()) == set(range(10))
