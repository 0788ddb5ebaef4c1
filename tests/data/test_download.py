"""Both origins of a data set, and every way in which one can fail."""

import gzip
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alpa.data import transfer
from alpa.data.download import fetch, missing
from alpa.data.sources import SOURCES
from alpa.errors import DataError
from alpa.params import DataConfig

Change = Callable[[bytes], bytes]

TRAIN_IMAGES = "train-images-idx3-ubyte"


def assert_one_sentence(message: str) -> None:
    assert "\n" not in message
    assert message.endswith(".")
    assert not message.endswith("..")


def assert_holds(folder: Path, files: dict[str, bytes]) -> None:
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == files
    assert [path.name for path in folder.parent.iterdir()] == [folder.name], "a temporary folder was left"


def failure(key: str, raw: Path, config: DataConfig) -> str:
    """Fetch, which must fail and leave nothing, and return the message."""
    with pytest.raises(DataError) as caught:
        fetch(key, raw / key, config)
    assert not raw.exists() or list(raw.iterdir()) == []
    assert_one_sentence(str(caught.value))
    return str(caught.value)


def test_digits_come_from_scikit_learn_and_pass_their_checksums(tmp_path: Path) -> None:
    fetch("digits", tmp_path / "digits", DataConfig())
    images, labels = (np.load(tmp_path / "digits" / name) for name in ("images.npy", "labels.npy"))
    assert (images.shape, images.dtype, images.max()) == ((1797, 8, 8), np.uint8, 16)
    assert (labels.shape, labels.dtype) == ((1797,), np.int64)


def test_an_unknown_data_set_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^Data set cifar is unknown; choose digits, mnist, .*, ped2\.$"):
        fetch("cifar", tmp_path / "cifar", DataConfig())


def test_a_local_root_from_params_is_copied(local_root: Path, known_tiny: dict[str, bytes], tmp_path: Path) -> None:
    fetch("mnist", tmp_path / "raw/mnist", DataConfig(root=str(local_root)))
    assert_holds(tmp_path / "raw/mnist", known_tiny)


def test_a_root_in_the_environment_goes_before_params(
    local_root: Path, known_tiny: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALPA_DATA_ROOT", str(local_root))
    fetch("mnist", tmp_path / "raw/mnist", DataConfig(root="/nowhere"))
    assert_holds(tmp_path / "raw/mnist", known_tiny)


def test_compressed_files_in_a_local_root_are_unpacked(
    local_root: Path, known_tiny: dict[str, bytes], tmp_path: Path
) -> None:
    for path in (local_root / "MNIST/raw").iterdir():
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    fetch("mnist", tmp_path / "raw/mnist", DataConfig(root=str(local_root)))
    assert_holds(tmp_path / "raw/mnist", known_tiny)


def test_what_was_there_is_replaced_on_success_and_kept_on_failure(
    local_root: Path, known_tiny: dict[str, bytes], tmp_path: Path
) -> None:
    folder = tmp_path / "raw/mnist"
    folder.mkdir(parents=True)
    (folder / "stale").write_bytes(b"old")
    with pytest.raises(DataError):
        fetch("mnist", folder, DataConfig(root="/nowhere"))
    assert_holds(folder, {"stale": b"old"})
    fetch("mnist", folder, DataConfig(root=str(local_root)))
    assert_holds(folder, known_tiny)


def test_published_files_that_are_there_stay_and_need_no_origin(
    local_root: Path, known_tiny: dict[str, bytes], tmp_path: Path
) -> None:
    folder = tmp_path / "raw/mnist"
    fetch("mnist", folder, DataConfig(root=str(local_root)))
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    fetch("mnist", folder, DataConfig(root=str(tmp_path / "unplugged")))
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    (folder / TRAIN_IMAGES).write_bytes(b"damaged")
    fetch("mnist", folder, DataConfig(root=str(local_root)))
    assert_holds(folder, known_tiny)


def test_a_root_without_the_set_is_named_with_the_remedy(tmp_path: Path) -> None:
    message = failure("mnist", tmp_path / "raw", DataConfig(root="/nowhere"))
    assert message.startswith("data.root is /nowhere, which does not hold MNIST/raw/train-images-idx3-ubyte;")
    assert "unset it" in message


@pytest.mark.parametrize("change", [lambda content: content[:-1], lambda content: content[:-1] + b"\xff"])
def test_a_truncated_or_changed_file_in_the_root_is_named(change: Change, local_root: Path, tmp_path: Path) -> None:
    path = local_root / "MNIST/raw" / TRAIN_IMAGES
    path.write_bytes(change(path.read_bytes()))
    message = failure("mnist", tmp_path / "raw", DataConfig(root=str(local_root)))
    assert message.startswith(f"{TRAIN_IMAGES} of mnist is not the published file")
    assert str(path.parent) in message


@pytest.mark.parametrize("damage", [lambda packed: packed[: len(packed) // 2], lambda packed: b"no gzip at all"])
def test_a_damaged_compressed_file_in_the_root_is_named(damage: Change, local_root: Path, tmp_path: Path) -> None:
    path = local_root / "MNIST/raw" / TRAIN_IMAGES
    packed = path.with_name(f"{path.name}.gz")
    packed.write_bytes(damage(gzip.compress(path.read_bytes())))
    path.unlink()
    assert failure("mnist", tmp_path / "raw", DataConfig(root=str(local_root))).startswith(f"{packed} is damaged")


def test_a_full_disk_while_copying_leaves_nothing(
    local_root: Path, tmp_path: Path, full_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    with full_disk(1000), pytest.raises(OSError, match="File too large"):
        fetch("mnist", tmp_path / "raw/mnist", DataConfig(root=str(local_root)))
    assert list((tmp_path / "raw").iterdir()) == []


@pytest.mark.parametrize("folder", ["/mnist", ""])
def test_a_download_gives_the_uncompressed_files(
    folder: str, server: Any, known_tiny: dict[str, bytes], tmp_path: Path
) -> None:
    server.content = {path.replace("/mnist", folder): content for path, content in server.content.items()}
    fetch("mnist", tmp_path / "raw/mnist", DataConfig(mirror=server.address))
    assert_holds(tmp_path / "raw/mnist", known_tiny)


def test_a_mirror_in_the_environment_goes_before_params(
    server: Any, known_tiny: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALPA_DOWNLOAD_MIRROR", f"{server.address}/")
    fetch("mnist", tmp_path / "raw/mnist", DataConfig(mirror="http://127.0.0.1:9/"))
    assert_holds(tmp_path / "raw/mnist", known_tiny)


def test_without_a_mirror_the_official_servers_are_tried_in_turn(
    server: Any, known_tiny: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = (f"{server.address}/gone/", f"{server.address}/mnist/")
    monkeypatch.setitem(SOURCES, "mnist", replace(SOURCES["mnist"], servers=own))
    fetch("mnist", tmp_path / "raw/mnist", DataConfig())
    assert_holds(tmp_path / "raw/mnist", known_tiny)


def test_nothing_of_a_download_is_left_once_its_set_is_in_place(server: Any, downloads: Path, tmp_path: Path) -> None:
    fetch("mnist", tmp_path / "raw/mnist", DataConfig(mirror=server.address))
    assert [path for path in downloads.rglob("*") if path.is_file() and path.suffix != ".lock"] == []


def test_a_download_cut_in_the_middle_names_the_file_and_both_ways_out(server: Any, tmp_path: Path) -> None:
    server.cut, server.ranges = {"/mnist/t10k-images-idx3-ubyte.gz"}, False
    message = failure("mnist", tmp_path / "raw", DataConfig(mirror=server.address))
    assert message.startswith("mnist could not be downloaded")
    assert "t10k-images-idx3-ubyte.gz" in message
    assert "set ALPA_DATA_ROOT to a folder that holds MNIST/raw/train-images-idx3-ubyte" in message
    assert "connect to the internet" in message


def test_files_that_came_whole_before_a_failure_are_not_downloaded_again(
    server: Any, known_tiny: dict[str, bytes], tmp_path: Path
) -> None:
    absent = "/mnist/t10k-labels-idx1-ubyte.gz"
    content = server.content.pop(absent)
    failure("mnist", tmp_path / "raw", DataConfig(mirror=server.address))
    server.content[absent] = content
    server.asked.clear()
    fetch("mnist", tmp_path / "raw/mnist", DataConfig(mirror=server.address))
    assert server.asked == [(absent, None)]
    assert_holds(tmp_path / "raw/mnist", known_tiny)


def test_a_server_out_of_reach_gives_both_ways_out(tmp_path: Path) -> None:
    message = failure("fashion_mnist", tmp_path / "raw", DataConfig(mirror="http://127.0.0.1:9"))
    assert "refused" in message
    assert "holds FashionMNIST/raw/train-images-idx3-ubyte" in message


def test_a_silent_server_does_not_hold_the_run_for_ever(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "STALLED_SECONDS", 0.1)
    server.silent = {f"/mnist/{TRAIN_IMAGES}.gz"}
    assert "timed out" in failure("mnist", tmp_path / "raw", DataConfig(mirror=server.address))


def test_a_download_with_the_wrong_content_is_not_put_in_place(server: Any, downloads: Path, tmp_path: Path) -> None:
    server.content[f"/mnist/{TRAIN_IMAGES}.gz"] = gzip.compress(b"something else")
    message = failure("mnist", tmp_path / "raw", DataConfig(mirror=server.address))
    assert f"{server.address}/mnist/{TRAIN_IMAGES}.gz: not the published file, its SHA-256 begins with" in message
    assert not list(downloads.rglob("*.part"))


def test_a_full_disk_while_downloading_is_not_called_a_lost_connection(
    server: Any, downloads: Path, tmp_path: Path
) -> None:
    (downloads / "MNIST/raw").mkdir(parents=True)
    (downloads / f"MNIST/raw/{TRAIN_IMAGES}.gz.part").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        fetch("mnist", tmp_path / "raw/mnist", DataConfig(mirror=server.address))
    assert not (tmp_path / "raw").exists()


def test_a_mirror_that_is_no_address_is_refused(tmp_path: Path) -> None:
    message = failure("mnist", tmp_path / "raw", DataConfig(mirror="file:///tmp"))
    assert message == "data.mirror is file:///tmp; give an address that begins with http:// or https://."


def test_embedded_downloaded_and_local_sets_are_not_missing(
    local_root: Path, known_tiny: dict[str, bytes], tmp_path: Path
) -> None:
    raw = tmp_path / "raw"
    assert missing("digits", DataConfig(root="/nowhere"), raw) is None
    assert missing("mnist", DataConfig(root=str(local_root)), raw) is None
    fetch("mnist", raw / "mnist", DataConfig(root=str(local_root)))
    assert missing("mnist", DataConfig(), raw) is None


def test_a_missing_set_is_one_sentence_with_both_ways(tmp_path: Path) -> None:
    sentence = missing("mnist", DataConfig(), tmp_path)
    assert sentence is not None
    assert_one_sentence(sentence)
    assert "ALPA_DATA_ROOT" in sentence
    assert "internet" in sentence


def test_a_root_without_the_set_makes_it_missing(tmp_path: Path) -> None:
    sentence = missing("mnist", DataConfig(root=str(tmp_path)), tmp_path)
    assert sentence is not None
    assert sentence.startswith(f"data.root is {tmp_path}, which does not hold MNIST/raw/")


def test_looking_for_missing_sets_imports_nothing_heavy() -> None:
    code = (
        "import sys; from alpa.params import DataConfig; from alpa.data.download import missing; "
        f"[missing(key, DataConfig(root=root)) for key in {list(SOURCES)} for root in (None, '/nowhere')]; "
        "print({'torch', 'sklearn', 'torchvision', 'scipy', 'numpy', 'PIL'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "set()\n"


@pytest.mark.parametrize("key", [key for key in SOURCES if key != "digits"])
def test_every_missing_set_is_one_sentence_with_both_ways(key: str, tmp_path: Path) -> None:
    for config in (DataConfig(), DataConfig(root=str(tmp_path))):
        sentence = missing(key, config, tmp_path)
        assert sentence is not None
        assert_one_sentence(sentence)


@pytest.mark.parametrize("key", list(SOURCES))
def test_every_checksum_is_a_whole_sha256_and_every_download_has_a_place(key: str) -> None:
    source = SOURCES[key]
    for checksum in (*source.files.values(), *source.downloads.values(), *source.archives.values()):
        assert len(bytes.fromhex(checksum)) == 32
    assert bool(source.downloads) == bool(source.servers) == bool(source.places) == (source.layout != "embedded")
