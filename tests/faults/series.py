"""The faults, and series of attempts: one fault over one stage, again and again."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context

from tests.faults.attempt import Fault, Outcome, disturb
from tests.faults.benchmark import Stage
from tests.faults.clock import JUMPS, clock_jumps
from tests.faults.damage import CELLS, DATABASES, JOURNALS, LOCKS, cut, damaged, remove
from tests.faults.disk import full_disk, no_space, short_files
from tests.faults.kills import (
    group_killed,
    only_a_worker_killed,
    only_dvc_killed,
    only_the_server_killed,
    two_at_once,
)
from tests.faults.undisturbed import Undisturbed

KILLS = "process group killed"
MOST_WRITES = 400
WHOLE_EVERY = 20  # so many attempts of a series, one is finished by all of `make repro`, the others as far as the stage

FAULTS: dict[str, tuple[Fault, int]] = {  # with the number of attempts per stage
    "ENOSPC at each write": (full_disk(no_space), MOST_WRITES),
    "written files cut short": (full_disk(short_files, step=5), MOST_WRITES),
    KILLS: (group_killed, 20),
    "only DVC killed": (only_dvc_killed, 4),
    "only a worker killed": (only_a_worker_killed, 3),
    "only the tracking server killed": (only_the_server_killed, 3),
    "clock jumps": (clock_jumps, len(JUMPS)),
    "two runs side by side": (two_at_once, 2),
    "cached cell corrupted": (damaged(".cache/cells/*/*", CELLS), len(CELLS)),
    "journal corrupted": (damaged(".cache/studies/*.journal", JOURNALS), len(JOURNALS)),
    "MLflow database corrupted": (damaged("mlflow.db", DATABASES), len(DATABASES)),
    "dvc.lock line corrupted": (damaged("pipeline/dvc.lock", LOCKS), len(LOCKS)),
    "split file removed or cut": (damaged("data/splits/*/*/*", (remove, cut)), 4),
}

SHORT = {  # what the ordinary tests try: each fault once, in the stage and as the attempt of that number
    "only a worker killed": ("train", 1),
    "ENOSPC at each write": ("tune", 12),
    "written files cut short": ("tune", 3),
    KILLS: ("sweep", 1),
    "only DVC killed": ("evaluate", 1),
    "only the tracking server killed": ("report", 1),
    "clock jumps": ("train", 3),
    "two runs side by side": ("leaderboard", 1),
    "cached cell corrupted": ("train", 1),
    "journal corrupted": ("tune", 2),
    "MLflow database corrupted": ("sync", 1),
    "dvc.lock line corrupted": ("evaluate", 2),
    "split file removed or cut": ("split", 1),
}


@dataclass(frozen=True)
class Series:
    """A fault over a stage, so many times at most."""

    fault: str
    stage: Stage
    attempts: int
    first: int = 0

    def run(self, undisturbed: Undisturbed, seed: int) -> list[Outcome]:
        """Run the attempts, up to the first where there is nothing to disturb."""
        outcomes = []
        fault = FAULTS[self.fault][0]
        for number in range(self.first, self.first + self.attempts):
            whole = number % WHOLE_EVERY == 0
            outcome = disturb(undisturbed, self.fault, fault, self.stage, number, whole, seed)
            if outcome is None:
                break
            outcomes.append(outcome)
        return outcomes


def run_all(
    undisturbed: Undisturbed, series: Sequence[Series], seed: int, side_by_side: int
) -> Iterator[tuple[Series, list[Outcome], float]]:
    """Run series side by side, in forks of this process, and yield each with its outcomes and seconds as it ends."""
    with ProcessPoolExecutor(side_by_side, get_context("fork")) as lanes:
        running = {lanes.submit(_timed, one, undisturbed, seed): one for one in series}
        for ended in as_completed(running):
            yield running[ended], *ended.result()


def _timed(series: Series, undisturbed: Undisturbed, seed: int) -> tuple[list[Outcome], float]:
    started = time.monotonic()
    return series.run(undisturbed, seed), time.monotonic() - started
