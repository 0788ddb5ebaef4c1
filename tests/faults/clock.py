"""The clock jumps by a day or a year, forwards or back, in the middle of a stage, and its files have such times."""

import datetime
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.faults.attempt import Attempt
from tests.faults.warm import Step

DAY = 86_400.0
JUMPS = (DAY, -DAY, 365 * DAY, -365 * DAY)


def clock_jumps(attempt: Attempt) -> bool:
    """Let the wall clock of the stage jump at a random moment, and give what it wrote the times of that clock."""
    jump = JUMPS[attempt.number % len(JUMPS)]
    started = time.time()
    assert attempt.run(in_stages=jumping(jump, attempt.moment())) == 0
    for path in _written_since(attempt.folder, started):
        then = path.stat().st_mtime + jump
        os.utime(path, (then, then))
    attempt.look()
    return attempt.finish()


def jumping(jump: float, after: float) -> Step:
    """Return what makes the wall clock of a process jump once, so many seconds from now; no other clock does."""

    def begin() -> None:
        at = time.monotonic() + after

        def off() -> float:
            return jump if time.monotonic() >= at else 0.0

        seconds, nanoseconds = time.time, time.time_ns
        time.time = lambda: seconds() + off()
        time.time_ns = lambda: nanoseconds() + int(off() * 1e9)
        _replace_datetime(off)

    return begin


def _replace_datetime(off: Callable[[], float]) -> None:
    """Let the modules that took `datetime` from the standard library have one whose present is off."""
    plain = datetime.datetime

    class Jumped(plain):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:
            return plain.now(tz) + datetime.timedelta(seconds=off())

    for name, module in list(sys.modules.items()):
        if name.startswith(("alpa.", "optuna.")) and getattr(module, "datetime", None) is plain:
            module.datetime = Jumped  # type: ignore[attr-defined]


def _written_since(folder: Path, moment: float) -> list[Path]:
    parts = ("data", "runs", "reports", ".cache")
    paths = [path for part in parts for path in (folder / part).rglob("*") if path.is_file()]
    return [path for path in paths if path.stat().st_mtime >= moment]
