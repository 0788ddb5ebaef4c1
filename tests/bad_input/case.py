"""What a case of bad input is, and the kinds of damage that cases do."""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Damage = Callable[[Path], object]


@dataclass(frozen=True)
class Case:
    """What is wrong, the stage's command that comes upon it, and the sentence that it ends with.

    `says` are parts of that sentence, among them the value and the remedy. `base` is what the case begins with, see
    `tests.bad_input.bases`; there the `before` commands run, then `damage` is done to the base's folder, then the
    `after` commands run, and `params` are set. `environment` holds variables. A case that could hang, or whose fault
    lies in the process itself, runs `as_command`; all others in this process, which is faster. One that is
    `unprivileged` is bound by permissions, even where root runs the tests.
    """

    command: str
    says: tuple[str, ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    damage: Damage = lambda folder: None
    base: str = "bare"
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    as_command: bool = False
    unprivileged: bool = False


def write(name: str, content: str | bytes) -> Damage:
    """Return what writes a file."""
    data = content if isinstance(content, bytes) else content.encode()

    def place(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)

    return place


def replace(name: str, old: str, new: str) -> Damage:
    """Return what replaces a text in a file, in which it must stand."""

    def edit(folder: Path) -> None:
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text, (name, old)
        (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    return edit


def truncate(name: str) -> Damage:
    """Return what cuts a file off in the middle."""
    return lambda folder: os.truncate(folder / name, (folder / name).stat().st_size // 2)


def corrupt(name: str) -> Damage:
    """Return what changes the last byte of a file."""
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-1] + b"\x07")


def garble(name: str) -> Damage:
    """Return what changes the first byte of a file."""
    return lambda folder: (folder / name).write_bytes(b"\x07" + (folder / name).read_bytes()[1:])


def remove(name: str) -> Damage:
    """Return what removes a file, or a folder with all that it holds."""
    return lambda folder: shutil.rmtree(folder / name) if (folder / name).is_dir() else (folder / name).unlink()


def instead(name: str, make: Damage) -> Damage:
    """Return what removes a file or folder and makes something else of that name."""

    def exchange(folder: Path) -> None:
        remove(name)(folder)
        make(folder / name)

    return exchange


def folder(path: Path) -> None:
    """Make an empty folder."""
    path.mkdir(parents=True)


def pipe(path: Path) -> None:
    """Make a named pipe, which nobody writes to."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)


def loop(path: Path) -> None:
    """Make a link that leads to itself."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(path.name)


def make(name: str, made: Damage) -> Damage:
    """Return what makes something of that name, which nothing has yet."""
    return lambda place: made(place / name)


def mode(name: str, permissions: int) -> Damage:
    """Return what sets the permissions of a file or folder."""
    return lambda folder: (folder / name).chmod(permissions)


def several(*damages: Damage) -> Damage:
    """Return what does one damage after the other."""
    return lambda folder: [damage(folder) for damage in damages]
