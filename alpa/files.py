"""Whole files or none: every result is written under a temporary name and then renamed."""

import contextlib
import errno
import glob
import io
import json
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` on success, remove it on any failure."""
    temporary = _beside(path)
    temporary.touch(exist_ok=False)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; it replaces `path` on success and is removed on any failure.

    Whatever stops the process, and wherever: `path` is the old folder or the new one, or is not there at all.
    """
    temporary, old = _beside(path), _beside(path)
    temporary.mkdir()
    try:
        yield temporary
        temporary.chmod(0o755)
        with contextlib.suppress(FileNotFoundError):
            path.replace(old)
        temporary.replace(path)
    finally:
        for left in (temporary, old):
            shutil.rmtree(left, ignore_errors=True)


def sweep(path: Path) -> None:
    """Remove what killed processes left beside `path` while they wrote it."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.partial*"):  # SQLite keeps journals beside its files
        process = left.name.split(".")[-3]
        if process.isdigit() and not _is_alive(int(process)):
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    """Return a new hidden name beside `path`, whose folder is made and swept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path)
    return path.parent / f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.partial"


def _is_alive(process: int) -> bool:
    """Tell whether a process runs; one that has ended and whose parent has not noticed, as in containers, does not."""
    try:
        return bool(psutil.Process(process).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def require_file(path: Path) -> None:
    """Raise OSError unless `path` is a file that can be read; whoever opens a pipe may wait for ever."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "it is not a file", str(path))
    path.open("rb").close()


def read_text(path: Path) -> str:
    """Return the text of a file in UTF-8."""
    require_file(path)
    return path.read_text(encoding="utf-8")


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON with sorted keys, so that equal values give equal bytes."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def write_npy(path: Path, array: Any) -> None:
    """Write an array file; through memory, since numpy reports a disk that fills up in mid-array without its cause."""
    import numpy as np

    content = io.BytesIO()
    np.lib.format.write_array(content, array, allow_pickle=False)
    path.write_bytes(content.getbuffer())
