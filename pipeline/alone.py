"""A stage runs alone: killing only dvc leaves its stage at work, and a second run then waits for it."""

import functools
import sys
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

LOCKS = Path(".cache/locks")


def alone(main: Callable[..., None]) -> Callable[..., None]:
    """Let a stage's function wait for a process that runs the same stage, whose outputs both would write at once."""

    @functools.wraps(main)
    def waiting(*arguments: str) -> None:
        name = Path(sys.modules[main.__module__].__file__ or main.__module__).stem
        with FileLock(LOCKS / f"{'-'.join((name, *arguments)).replace('/', '-')}.lock"):
            main(*arguments)

    return waiting
