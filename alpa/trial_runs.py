"""Trials as runs to be logged: a detector's study on a benchmark, with one for each of its trials below it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from statistics import fmean
from typing import Any

from alpa.errors import StudyError
from alpa.runs import Run, Value, digest, flat, modified
from alpa.tuning.finished import Finished, StudyRecord, choose, read_record, record_path

OF_THE_ENVIRONMENT = ("code", "data", "runtime", "versions")
DAMAGE = (StudyError, OSError, AttributeError, TypeError, ValueError)


@dataclass(frozen=True)
class StudyRun:
    """A detector's study on a benchmark: what it rests on, and its finished trials.

    Its record holds no times, so that equal studies give equal bytes; `written` is its file's, in milliseconds since
    1970.
    """

    benchmark: str
    detector: str
    record: StudyRecord
    written: int

    @property
    def name(self) -> str:
        """The name of the run above."""
        return f"tune {self.detector}"

    @property
    def parent(self) -> Run:
        """The run above: what the study rests on, and what its best trial is worth."""
        asked = {name: value for name, value in self.record.settings.items() if name not in OF_THE_ENVIRONMENT}
        tags = {"trials": str(len(self.record.trials))}
        if self.chosen:
            tags["chosen_trial"] = str(self.chosen.trial)
        return Run(
            key=self.key,
            name=self.name,
            started=self.written,
            finished=self.written,
            parameters=flat({"study": self.record.name, "space": self.record.space, **asked}),
            tags=tags | _environment(self.record.settings),
            values=self._best,
        )

    @property
    def children(self) -> list[Run]:
        """A run for each trial; of a finished one only its being chosen may change."""
        return [
            Run(
                key=digest(self.key, asdict(trial)),
                name=f"{self.detector} trial {trial.trial}",
                started=self.written,
                finished=None,
                parameters=flat(trial.values),
                tags={"state": str(trial.state), "chosen": "true" if trial is self.chosen else "false"},
                values=partial(_values, trial),
            )
            for trial in self.record.trials
        ]

    @cached_property
    def key(self) -> str:
        """A digest of the detector and of all that the study rests on, whatever its trials."""
        return digest(self.name, self.record.name, self.record.space, self.record.settings)

    @property
    def state(self) -> str:
        """A digest of the record."""
        return digest(asdict(self.record))

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """Key -> digest of all that there is to log, for each trial's run and for the one above."""
        trials = {run.key: digest(run.tags) for run in self.children}
        return trials | {self.key: digest(trials)}

    @cached_property
    def chosen(self) -> Finished | None:
        """The trial whose values the detector is trained with, None as long as none is complete."""
        try:
            return choose(self.record.trials)
        except StudyError:
            return None

    def _best(self) -> Iterator[Value]:
        """Yield what the chosen trial is worth, at the step of so many trials: the latest step has the best of all."""
        if self.chosen:
            yield Value("best_objective", float(self.chosen.objective), len(self.record.trials))


def read_study_runs(benchmark: str | None = None) -> list[StudyRun]:
    """Return the studies that runs/tuned/ holds of a benchmark, or of all where None.

    Records without a trial are left out, and so are damaged ones: the stages that need them complain.
    """
    studies = []
    for path in sorted(Path().glob(str(record_path(benchmark or "[!.]*", "[!.]*")))):
        try:
            study = StudyRun(path.parent.name, path.name.partition(".")[0], read_record(path), modified(path))
            for run in (study.parent, *study.children):
                list(run.values())  # all of it, here where damage costs one study and not the whole sync
        except DAMAGE:
            continue
        if study.record.trials:
            studies.append(study)
    return studies


def _values(trial: Finished) -> Iterator[Value]:
    """Yield what a trial is worth, and its mean AUROC on each class and against each family."""
    aurocs = defaultdict(list)
    for name, by_family in trial.aurocs.items():
        for family, auroc in by_family.items():
            aurocs[name].append(auroc)
            aurocs[family].append(auroc)
    yield Value("objective", float(trial.objective))
    yield from (Value(f"auroc/{name}", fmean(found)) for name, found in aurocs.items())


def _environment(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the code, versions, data and device of a study's trials, named as those of cells are."""
    named = {"code": "code", "versions": "versions", "data": "data_digest.train"}
    return flat(settings.get("runtime", {}) | {tag: settings[name] for name, tag in named.items() if name in settings})
