import contextlib
import errno
import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from alpa.files import whole_file, whole_folder, write_json, write_text


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep/er/file.txt"
    with whole_file(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        assert temporary.parent == path.parent, "a rename within a folder is atomic"
        temporary.write_text("whole")
    assert path.read_text() == "whole"
    assert names(path.parent) == ["file.txt"]


def test_a_file_is_readable_by_all(tmp_path: Path) -> None:
    write_text(tmp_path / "file.txt", "text")
    assert stat.S_IMODE((tmp_path / "file.txt").stat().st_mode) == 0o644


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_nothing_else(error: BaseException, tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old")

    def write_half() -> None:
        with whole_file(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(type(error)):
        write_half()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file.txt"]


def test_a_full_disk_leaves_no_text_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_bytes = Path.write_bytes

    def full(path: Path, text: str, *_: Any, **__: Any) -> int:
        write_bytes(path, text[:1].encode())
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(OSError, match="No space left"):
            write_json(tmp_path / "file.json", {"a": 1})
    assert names(tmp_path) == []


def test_a_folder_appears_when_it_is_whole_and_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "deep/folder"
    for content in ("first", "second"):
        with whole_folder(path) as temporary:
            (temporary / content).write_text(content)
            assert not (path / content).exists()
        assert names(path) == [content]
    assert names(path.parent) == ["folder"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o755


def test_a_failure_leaves_the_old_folder_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    with whole_folder(path) as temporary:
        (temporary / "old").touch()

    def write_half() -> None:
        with whole_folder(path) as temporary:
            (temporary / "half").touch()
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_half()
    assert names(path) == ["old"]
    assert names(tmp_path) == ["folder"]


@pytest.mark.parametrize("stopped", [0, 1, 2, 3])
def test_a_folder_that_is_replaced_is_the_old_or_the_new_one_or_away(
    stopped: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "folder"
    with whole_folder(path) as temporary:
        for number in range(5):
            (temporary / f"old {number}").touch()
    calls = iter(range(4))

    def counted(function: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            if next(calls) == stopped:
                raise KeyboardInterrupt
            return function(*arguments, **options)

        return call

    monkeypatch.setattr(Path, "replace", counted(Path.replace))
    monkeypatch.setattr("shutil.rmtree", counted(shutil.rmtree))
    with contextlib.suppress(KeyboardInterrupt), whole_folder(path) as temporary:
        for number in range(5):
            (temporary / f"new {number}").touch()
    found = names(path) if path.exists() else []
    assert found in ([f"old {n}" for n in range(5)], [f"new {n}" for n in range(5)], [])


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_writes_is_not(tmp_path: Path) -> None:
    dead, unnoticed = (subprocess.Popen(["true"]) for _ in range(2))
    dead.wait()
    os.waitid(os.P_PID, unnoticed.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays in the table of processes
    living = subprocess.Popen(["sleep", "60"])
    for pid in (dead.pid, unnoticed.pid, living.pid):
        (tmp_path / f".folder.{pid}.0a0a0a0a.partial").mkdir()
        (tmp_path / f".folder.{pid}.0b0b0b0b.partial").touch()
        (tmp_path / f".other.{pid}.0a0a0a0a.partial").touch()
    try:
        with whole_folder(tmp_path / "folder"):
            pass
    finally:
        living.kill()
        living.wait()
        unnoticed.wait()
    left = [name for name in names(tmp_path) if name.startswith(".folder")]
    assert left == [f".folder.{living.pid}.0a0a0a0a.partial", f".folder.{living.pid}.0b0b0b0b.partial"]
    assert len([name for name in names(tmp_path) if name.startswith(".other")]) == 3


def test_equal_values_give_equal_bytes(tmp_path: Path) -> None:
    write_json(tmp_path / "first.json", {"b": [1, 2], "a": {"d": "ü", "c": None}})
    write_json(tmp_path / "second.json", {"a": {"c": None, "d": "ü"}, "b": [1, 2]})
    content = (tmp_path / "first.json").read_bytes()
    assert content == (tmp_path / "second.json").read_bytes()
    assert content.decode("utf-8") == '{\n "a": {\n  "c": null,\n  "d": "ü"\n },\n "b": [\n  1,\n  2\n ]\n}\n'
