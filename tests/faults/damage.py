"""Damage to files that a run left: a stage is killed at a random moment, a file damaged, and the run goes on."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tests.faults.attempt import Attempt, Fault

Damage = Callable[[Path, np.random.Generator], None]


def flip(path: Path, random: np.random.Generator) -> None:
    """Change one byte."""
    content = bytearray(path.read_bytes())
    content[random.integers(len(content))] ^= 0xFF
    path.write_bytes(content)


def cut(path: Path, random: np.random.Generator) -> None:
    """Leave a part of a file, from its beginning."""
    content = path.read_bytes()
    path.write_bytes(content[: random.integers(1, max(2, len(content)))])


def empty(path: Path, random: np.random.Generator) -> None:
    """Leave nothing of a file's content."""
    path.write_bytes(b"")


def garbage(path: Path, random: np.random.Generator) -> None:
    """Replace a file's content by random bytes."""
    path.write_bytes(random.bytes(2000))


def remove(path: Path, random: np.random.Generator) -> None:
    """Remove a file."""
    path.unlink()


def tear(path: Path, random: np.random.Generator) -> None:
    """Leave half of the last line."""
    content = path.read_bytes()
    last = content.rstrip(b"\n").rfind(b"\n") + 1
    path.write_bytes(content[: last + (len(content) - last) // 2])


def delete_line(path: Path, random: np.random.Generator) -> None:
    """Delete one line."""
    lines, place = _lines(path, random)
    path.write_bytes(b"".join(lines[:place] + lines[place + 1 :]))


def garble_line(path: Path, random: np.random.Generator) -> None:
    """Replace one line by one that is no text."""
    lines, place = _lines(path, random)
    path.write_bytes(b"".join([*lines[:place], b"\x00\xff }{ : [\n", *lines[place + 1 :]]))


def shorten_line(path: Path, random: np.random.Generator) -> None:
    """Leave half of one line."""
    lines, place = _lines(path, random)
    half = lines[place].rstrip(b"\n")[: len(lines[place]) // 2]
    path.write_bytes(b"".join([*lines[:place], half, b"\n", *lines[place + 1 :]]))


def cut_off(path: Path, random: np.random.Generator) -> None:
    """Leave nothing behind one line."""
    lines, place = _lines(path, random)
    path.write_bytes(b"".join(lines[: place + 1]))


def _lines(path: Path, random: np.random.Generator) -> tuple[list[bytes], int]:
    """Return a file's lines, and the place of one of them."""
    lines = path.read_bytes().splitlines(keepends=True)
    return lines, int(random.integers(len(lines)))


CELLS = (flip, cut, remove, garbage)
JOURNALS = (tear, garble_line, delete_line, garbage, shorten_line, empty, remove)
DATABASES = (garbage, cut, flip, empty, remove)
LOCKS = (delete_line, garble_line, shorten_line, cut_off, delete_line, shorten_line, garbage, empty)


def damaged(pattern: str, damages: Sequence[Damage]) -> Fault:
    """Return the fault: one of the files that the pattern names is damaged, in one of these ways.

    Where a stage that was killed early has left none of them yet, it is first run to its end.
    """

    def fault(attempt: Attempt) -> bool | None:
        attempt.interrupt()
        if not _present(attempt.folder, pattern) and attempt.run() != 0:
            return False
        attempt.look()
        paths = _present(attempt.folder, pattern)
        if not paths:
            return None
        path = paths[attempt.random.integers(len(paths))]
        damage = damages[attempt.number % len(damages)]
        attempt.logs.append(f"{damage.__name__} {path.relative_to(attempt.folder)}")
        damage(path, attempt.random)
        attempt.damaged[path] = path.read_bytes() if path.exists() else None
        return attempt.finish()

    return fault


def _present(folder: Path, pattern: str) -> list[Path]:
    """Return the files with content that a pattern names, but for those that are being written."""
    paths = [path for path in sorted(folder.glob(pattern)) if path.is_file() and path.stat().st_size]
    return [path for path in paths if ".partial" not in str(path)]
