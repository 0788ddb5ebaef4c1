"""Faults of the disk: it is full at the n-th write of a stage, or in the middle of the n-th file that it writes.

A write is what Python announces to audit hooks: a file that is opened to be written, a folder that is made, a rename.
That holds for all code of a stage but libraries in C, which Arrow and SQLite are; for these the second kind of fault is
made by the kernel: from the n-th write on, no file of the process gets longer than a few bytes. (The kernel then says
EFBIG, as for a quota, and not ENOSPC; to whoever writes, both are an OSError in the middle of a file.)
"""

import errno
import mmap
import os
import resource
import struct
import sys
from collections.abc import Callable
from typing import Any

from tests.faults.attempt import Attempt, Fault
from tests.faults.warm import Step

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
EVENTS = ("os.mkdir", "os.rename", "os.link", "os.symlink", "os.truncate")
SHORT = 64  # bytes


class Counter:
    """A number that this process and its forks have in common."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 8)

    @property
    def value(self) -> int:
        """What was counted."""
        return int(struct.unpack("q", self._memory[:8])[0])

    def add(self) -> int:
        """Count one more and return the number."""
        self._memory[:8] = struct.pack("q", self.value + 1)
        return self.value


def on_write(counter: Counter, number: int, fail: Callable[[Any], None]) -> Step:
    """Return what makes a process count its writes, and fail at the one of that number, counted from 1."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in EVENTS and not (event == "open" and arguments[2] & WRITING):
            return
        path = arguments[0]
        if isinstance(path, int) or os.fsdecode(path).startswith("/dev/"):
            return
        if counter.add() == number:
            fail(path)

    return lambda: sys.addaudithook(hook)


def no_space(path: Any) -> None:
    """Fail as a write does on a full disk."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), os.fsdecode(path))


def short_files(path: Any) -> None:
    """Let no file of this process get longer than a few bytes from now on."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (SHORT, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def full_disk(fail: Callable[[Any], None], step: int = 1) -> Fault:
    """Return the fault: the stage's write of that number fails, of every `step`th; then there is room again."""

    def fault(attempt: Attempt) -> bool | None:
        counter, place = Counter(), step * attempt.number + 1
        code = attempt.run(attempt.stage.command, in_stages=on_write(counter, place, fail))
        if counter.value < place:
            return None  # the stage has no such write
        attempt.logs.append(f"exit code {code}")
        attempt.look(allow_unfinished=False)
        return attempt.finish(attempt.stage.command)  # without DVC, as there are hundreds of writes

    return fault
