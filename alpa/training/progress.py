"""A progress bar over calls that run side by side."""

import sys
from typing import Any

from tqdm import tqdm

CALM = 30.0  # seconds between two states of a bar in a log


class Progress(tqdm):
    """A bar whose remaining time is the mean time of the finished calls for those left, shared among the workers.

    tqdm's own estimate takes the first of eight calls side by side for an eighth of the speed.
    """

    def __init__(self, title: str, total: int, done: int = 0, workers: int = 1, disable: bool = False) -> None:
        """Begin with `done` of `total` calls, which count into no estimate."""
        self.workers = workers
        self.finished, self.seconds = 0, 0.0
        super().__init__(
            total=total, initial=done, desc=title, unit="cell", disable=disable, miniters=1, mininterval=interval()
        )

    def finish(self, seconds: float) -> None:
        """Count one more call, which took so many seconds of one worker."""
        self.finished += 1
        self.seconds += seconds
        self.update()

    @property
    def format_dict(self) -> dict[str, Any]:
        """What the bar is made of; tqdm derives the remaining time from `rate`, in calls per second."""
        known: dict[str, Any] = super().format_dict
        left = self.total - self.n
        if self.seconds and left:
            known["rate"] = min(self.workers, left) * self.finished / self.seconds
        return known


def interval() -> float:
    """Return the least seconds between two states of a bar: few where they are lines of a log."""
    return 0.1 if sys.stderr.isatty() else CALM
