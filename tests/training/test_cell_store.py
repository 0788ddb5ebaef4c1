import errno
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from alpa.training.cells import CellStore

FILES = {"model.safetensors": b"\x00\xff" * 100, "cell.json": b"{}"}


@pytest.fixture
def store(tmp_path: Path) -> CellStore:
    return CellStore(tmp_path / "cells")


def test_what_is_put_is_got(store: CellStore) -> None:
    store.put("key", FILES)
    assert store.get("key") == FILES


def test_an_unknown_cell_is_none(store: CellStore) -> None:
    assert store.get("key") is None
    store.put("other", FILES)
    assert store.get("key") is None


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _flip(path: Path) -> None:
    path.write_bytes(b"\x01" + path.read_bytes()[1:])


@pytest.mark.parametrize("damage", [_cut, _flip, Path.unlink])
@pytest.mark.parametrize("name", ["model.safetensors", "digests.json"])
def test_a_damaged_or_missing_file_makes_the_cell_none(
    name: str, damage: Callable[[Path], None], store: CellStore
) -> None:
    store.put("key", FILES)
    damage(store.folder / "key" / name)
    assert store.get("key") is None


@pytest.mark.parametrize("content", ["", "null", "5", "[]", '"x"', "{}", '{"model.safetensors": null}'])
def test_other_content_in_the_place_of_digests_makes_the_cell_none(content: str, store: CellStore) -> None:
    store.put("key", FILES)
    (store.folder / "key" / "digests.json").write_text(content)
    assert store.get("key") is None


def test_putting_again_replaces_the_cell_as_a_whole(store: CellStore) -> None:
    store.put("key", FILES)
    store.put("key", {"cell.json": b"[]"})
    assert store.get("key") == {"cell.json": b"[]"}
    assert {path.name for path in (store.folder / "key").iterdir()} == {"cell.json", "digests.json"}


@pytest.mark.parametrize("written_before", [0, 1, 2])
def test_a_full_disk_leaves_nothing_half_written(
    written_before: int, store: CellStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("old", FILES)
    write_bytes, calls = Path.write_bytes, []

    def full(path: Path, content: bytes) -> int:
        calls.append(path)
        if len(calls) > written_before:
            write_bytes(path, content[:1])
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return write_bytes(path, content)

    for key in ("new", "old"):
        calls.clear()
        with monkeypatch.context() as patch:
            patch.setattr(Path, "write_bytes", full)
            with pytest.raises(OSError, match="No space left"):
                store.put(key, {name: content + b"2" for name, content in FILES.items()})
    assert store.get("new") is None
    assert store.get("old") == FILES
    assert [path.name for path in store.folder.iterdir()] == ["old"]


def test_digests_are_those_of_the_files(store: CellStore) -> None:
    store.put("key", {"cell.json": b"{}"})
    digests = json.loads((store.folder / "key" / "digests.json").read_text())
    # printf '{}' | sha256sum
    assert digests == {"cell.json": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}
