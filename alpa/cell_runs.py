"""Trained cells as runs to be logged: a detector's on a benchmark, with one for each of its cells below it."""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from statistics import fmean
from typing import Any

from alpa.runs import Run, Value, digest, flat, modified, read_json

OF_A_CELL = ("target_class", "seed", "n_train", "n_validation")

Metrics = dict[str, float]


@dataclass(frozen=True)
class CellRun:
    """One trained cell: runs/models/<benchmark>/<detector>/<class>-<seed>/ and the record of its training."""

    folder: Path
    info: dict[str, Any]
    description: dict[str, Any]
    facts: dict[str, Any]

    @property
    def key(self) -> str:
        """The cell's key, which everything that decides its numbers goes into."""
        return str(self.info["key"])

    @property
    def cell(self) -> tuple[str, int]:
        """Its target class and seed."""
        return str(self.info.get("target_class")), int(self.info.get("seed", 0))

    @property
    def parameters(self) -> dict[str, str]:
        """What it was trained with and on."""
        described = {name: self.description.get(name) for name in ("image_shape", "primary_score")}
        own = {name: value for name, value in self.info.items() if name not in ("key", "asked")}
        return flat(described | self.description.get("config", {}) | own)

    @property
    def environment(self) -> dict[str, str]:
        """Commit, device, versions and so on, as they were when it was trained."""
        return flat({name: value for name, value in self.facts.items() if name not in ("seconds", "finished")})

    @property
    def finished(self) -> int:
        """When its training ended, in milliseconds since 1970."""
        if "finished" in self.facts:
            return round(1000 * datetime.fromisoformat(self.facts["finished"]).timestamp())
        return modified(self.folder / "cell.json")

    @property
    def started(self) -> int:
        """When its training began, in milliseconds since 1970."""
        return self.finished - round(1000 * self.facts.get("seconds", 0))

    def progress(self) -> Iterator[Value]:
        """Yield every loss of every player at its step, and the training's duration."""
        time = self.finished
        with (self.folder / "history.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                step = int(float(row.pop("step")))
                yield from (Value(f"training/{name}", float(value), step, time) for name, value in row.items())
        if "seconds" in self.facts:
            yield Value("seconds", float(self.facts["seconds"]), time=time)


@dataclass(frozen=True)
class DetectorRun:
    """A detector on a benchmark, with the settings that params.yaml has now: its cells, scores and figures."""

    benchmark: str
    detector: str
    cells: tuple[CellRun, ...]
    scores: Path | None
    figures: tuple[Path, ...]

    @property
    def name(self) -> str:
        """The detector's key."""
        return self.detector

    @property
    def parent(self) -> Run:
        """The run above: what its cells share, their mean metrics, and the figures."""
        started, last = min(cell.started for cell in self.cells), max(self.cells, key=lambda cell: cell.finished)
        tags = last.environment | self.data
        return Run(self.key, self.name, started, last.finished, self.parameters, tags, self._means, self.figures)

    @property
    def children(self) -> list[Run]:
        """A run for each cell."""
        return [
            Run(
                key=cell.key,
                name=f"{self.detector} {cell.folder.name}",
                started=cell.started,
                finished=cell.finished,
                parameters=cell.parameters,
                tags=cell.environment | self.data,
                values=partial(self._values, cell),
            )
            for cell in self.cells
        ]

    @cached_property
    def parameters(self) -> dict[str, str]:
        """The parameters that all its cells share; what a detector derives from a class's size may differ."""
        shared = set.intersection(*(set(cell.parameters.items()) for cell in self.cells))
        return {name: value for name, value in sorted(shared) if name not in OF_A_CELL}

    @property
    def key(self) -> str:
        """A digest of the detector and its parameters."""
        return digest(self.parameters)

    @cached_property
    def data(self) -> dict[str, str]:
        """The digests of the benchmark's two splits."""
        folder = Path("data/splits") / self.benchmark
        splits = {part: read_json(folder / part / "split.json") for part in ("train", "test")}
        return {f"data_digest.{part}": facts["digest"] for part, facts in splits.items() if "digest" in facts}

    @cached_property
    def trained(self) -> dict[str, str]:
        """Key -> digest of all that there is to log of a cell before it is scored."""
        return {
            run.key: digest(run.info, run.description, run.facts, run.folder / "history.csv", self.data)
            for run in self.cells
        }

    @cached_property
    def state(self) -> str:
        """A digest of the cells, the score table and the figures."""
        return digest(self.trained, self.scores, *self.figures)

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """Key -> digest of all that there is to log, for each cell's run and for this one.

        A cell's has its own metrics: the score table, which holds all cells, changes with any of them.
        """
        cells = {run.key: digest(self.trained[run.key], self.metrics.get(run.cell)) for run in self.cells}
        return cells | {self.key: digest(cells, *self.figures)}

    @cached_property
    def metrics(self) -> dict[tuple[str, int], Metrics]:
        """Every cell's {"metric/score": fraction}, from the score table; empty as long as there is none."""
        if self.scores is None:
            return {}
        from alpa.evaluation.metrics import METRICS
        from alpa.evaluation.scores import read_scores

        table = read_scores(self.scores)
        return {
            cell: {
                f"{name}/{score}": float(measure(rows["is_anomaly"].to_numpy(), rows[score].to_numpy()))
                for score in table.score_names
                for name, measure in METRICS.items()
            }
            for cell, rows in table.cells().items()
        }

    @property
    def scored(self) -> int:
        """When its cells were scored, in milliseconds since 1970; 0 if they are not yet."""
        return modified(self.scores) if self.scores else 0

    def _means(self) -> Iterator[Value]:
        """Yield each metric's mean over the cells."""
        for name in next(iter(self.metrics.values()), {}):
            yield Value(name, fmean(metrics[name] for metrics in self.metrics.values()), time=self.scored)

    def _values(self, cell: CellRun) -> Iterator[Value]:
        """Yield how a cell's training went, and its metrics."""
        yield from cell.progress()
        yield from (Value(name, value, time=self.scored) for name, value in self.metrics.get(cell.cell, {}).items())


def read_detector_runs(benchmark: str | None = None) -> list[DetectorRun]:
    """Return what runs/models/ holds of a benchmark, or of all where None."""
    runs = []
    for folder in sorted(Path("runs/models").glob(f"{benchmark or '[!.]*'}/[!.]*")):
        if cells := tuple(_cells(folder)):
            name, detector = folder.parent.name, folder.name
            scores = Path("runs/scores") / name / f"{detector}.parquet"
            # Scores older than the models, and with them the figures, are those of an earlier run.
            scored = scores.exists() and scores.stat().st_mtime_ns >= folder.stat().st_mtime_ns
            figures = _figures(name, detector, [other.name for other in folder.parent.iterdir()]) if scored else ()
            runs.append(DetectorRun(name, detector, cells, scores if scored else None, figures))
    return runs


def _cells(folder: Path) -> Iterator[CellRun]:
    for path in sorted(folder.glob("[!.]*/cell.json")):
        info = read_json(path)
        if "key" in info:
            facts = read_json(Path(".cache/cells") / info["key"] / "facts.json")
            yield CellRun(path.parent, info, read_json(path.parent / "detector.json"), facts)


def _figures(benchmark: str, detector: str, detectors: Iterable[str]) -> tuple[Path, ...]:
    """Return the report's figures but for those whose names name other detectors only."""
    patterns = {key: re.compile(rf"(?<![a-z0-9]){key}(?![a-z0-9])") for key in detectors}
    paths = sorted((Path("reports") / benchmark / "figures").glob("*.*"))
    named = {path: {key for key, pattern in patterns.items() if pattern.search(path.stem)} for path in paths}
    return tuple(path for path, keys in named.items() if not keys or detector in keys)
