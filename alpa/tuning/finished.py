"""What a study leaves: its trials and what they rest on, as the JSON file that the stages after it read."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from alpa.errors import StudyError
from alpa.files import read_text, write_json
from alpa.training.tuned import tuned_path

Aurocs = dict[str, float]  # by family


@dataclass(frozen=True)
class Finished:
    """A finished trial: its place among them, the searched values, its worth, and each class's AUROC by family.

    `state` is complete, pruned (its worth is an estimate from the classes it saw) or diverged.
    """

    trial: int
    state: str
    objective: float
    values: dict[str, Any]
    aurocs: dict[str, Aurocs]


@dataclass(frozen=True)
class StudyRecord:
    """A study's name, each searched parameter's distribution as Optuna's JSON, what it rests on, and its trials.

    One that was never held, for want of a search space, has no trials.
    """

    name: str
    space: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    trials: tuple[Finished, ...] = ()


def choose(trials: Sequence[Finished]) -> Finished:
    """Return the complete trial that is worth most, the first of equals.

    Raises:
        StudyError: none is complete.
    """
    complete = [trial for trial in trials if trial.state == "complete"]
    if not complete:
        raise StudyError("No trial of the study is complete, so there is nothing to choose; give it more trials.")
    return max(complete, key=lambda trial: trial.objective)


def record_path(benchmark: str, detector: str) -> Path:
    """Return where the tune stage leaves a study's record."""
    return tuned_path(benchmark, detector).with_suffix(".trials.json")


def write_record(path: Path, record: StudyRecord) -> None:
    """Write a record; equal ones give equal bytes."""
    write_json(path, asdict(record))


def read_record(path: Path) -> StudyRecord:
    """Read a record.

    Raises:
        StudyError: it is missing or damaged.
    """
    try:
        values = json.loads(read_text(path))
        whole = StudyRecord(**values | {"trials": tuple(Finished(**trial) for trial in values["trials"])})
        record = TypeAdapter(StudyRecord).validate_python(asdict(whole))
        if not record.trials or isinstance(record.settings["objective"], str):
            return record
    except (OSError, ValueError, KeyError, TypeError):
        pass
    stage = f"pipeline/dvc.yaml:tune@{path.parent.name}-{path.name.partition('.')[0]}"
    raise StudyError(f"{path} is missing or damaged; run `dvc repro -f {stage}`.")
