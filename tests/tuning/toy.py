"""A study of a made-up detector: five classes and two families, whose AUROCs are arithmetic on the searched values.

As a command it runs such a study up to the class or to the line of its journal in which a test wants it killed.
"""

import itertools
import math
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from alpa.tuning.finished import Aurocs, Finished
from alpa.tuning.space import Space
from alpa.tuning.study import Evaluate, Plan, run_study

SPACE: Space = {
    "bound": CategoricalDistribution(("sphere", "box")),
    "latent": IntDistribution(4, 16, log=True),
    "strength": FloatDistribution(0.01, 1.0, log=True),
}
UNTUNED = {"width": 16, "latent": 8, "strength": 0.1, "bound": "sphere"}
SEARCHED = {"bound": "sphere", "latent": 8, "strength": 0.1}
TRIALS = 6
CLASSES = ("3", "0", "4", "1", "2")


def toy_plan(**changes: Any) -> Plan:
    """Return the plan of the toy study, where every field may be overridden."""
    fields = {"space": SPACE, "untuned": UNTUNED, "settings": {"data": "toy"}, "seed": 0, "pruner": "wilcoxon"}
    return Plan(**(fields | changes))


def toy_aurocs(values: dict[str, Any], place: int) -> Aurocs:
    """Return a class's AUROCs: best at strength 0.2 and a latent of 12; each class loses more than the one before."""
    lost = math.log10(values["strength"] / 0.2) ** 2 / 10 + abs(values["latent"] - 12) / 100
    lost = (1 + place / 10) * lost + 0.03 * (values["bound"] == "box") * (-1) ** place  # it helps every other class
    return {"permuted": 0.95 - place / 50 - lost, "warped": 0.85 - place / 50 - 2 * lost}


def toy_evaluate(values: dict[str, Any]) -> Iterator[tuple[str, Aurocs]]:
    """Yield each class with its AUROCs."""
    for place, name in enumerate(CLASSES):
        yield name, toy_aurocs(values, place)


def run_toy(path: Path, trials: int, **changes: Any) -> list[Finished]:
    """Run the toy study without disturbance."""
    return run_study(path, toy_plan(**changes), toy_evaluate, trials, minutes=None)


def interrupting(classes: int) -> Evaluate:
    """Return what evaluates so many classes, of one trial or of several, and then is interrupted."""
    left = iter(range(classes))

    def interrupted(values: dict[str, Any]) -> Iterator[tuple[str, Aurocs]]:
        for name, found in toy_evaluate(values):
            if next(left, None) is None:
                raise KeyboardInterrupt
            yield name, found

    return interrupted


def counting(evaluated: list[dict[str, Any]]) -> Evaluate:
    """Return what evaluates and notes the values of every trial that it is called for."""

    def noting(values: dict[str, Any]) -> Iterator[tuple[str, Aurocs]]:
        evaluated.append(values)
        yield from toy_evaluate(values)

    return noting


def opened(path: Path) -> optuna.Study:
    """Open a study as the README says."""
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(path)))
    return optuna.load_study(study_name=path.stem, storage=storage)


def _stopping_in(number: int) -> Evaluate:
    """Return what says each class that it begins and waits for its end in the one of that number."""
    begun = itertools.count(1)

    def stopping(values: dict[str, Any]) -> Iterator[tuple[str, Aurocs]]:
        for name, found in toy_evaluate(values):
            print(name, flush=True)
            if next(begun) == number:
                time.sleep(3600)
            yield name, found

    return stopping


def _die_in_line(number: int) -> None:
    """Let the process be killed while it writes the line of that number, so that half of it is there."""
    written = itertools.count(1)

    def tear(descriptor: int) -> None:
        if next(written) == number:
            os.ftruncate(descriptor, os.fstat(descriptor).st_size - 20)
            os.kill(os.getpid(), signal.SIGKILL)

    os.fsync = tear


if __name__ == "__main__":
    journal, kind, place = sys.argv[1:]
    if kind == "line":
        _die_in_line(int(place))
    evaluate = _stopping_in(int(place)) if kind == "class" else toy_evaluate
    run_study(Path(journal), toy_plan(), evaluate, TRIALS, minutes=None)
