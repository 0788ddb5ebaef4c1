"""Result files as runs to be logged: a detector's on a benchmark, with one for each of its cells below it."""

import csv
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

OF_A_CELL = ("target_class", "seed", "n_train", "n_validation")

Metrics = dict[str, float]
Values = Iterable[tuple[str, float, int]]  # name, value, step


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

    def progress(self) -> Values:
        """Yield every loss of every player at its step, and the training's duration."""
        with (self.folder / "history.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                step = int(float(row.pop("step")))
                yield from ((f"training/{name}", float(value), step) for name, value in row.items())
        if "seconds" in self.facts:
            yield "seconds", float(self.facts["seconds"]), 0


@dataclass(frozen=True)
class DetectorRun:
    """A detector on a benchmark, with the settings that params.yaml has now: its cells, scores and figures."""

    benchmark: str
    detector: str
    cells: tuple[CellRun, ...]
    scores: Path | None
    figures: tuple[Path, ...]

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
    def fingerprints(self) -> dict[str, str]:
        """Key -> digest of all that there is to log, for each cell's run and for this one."""
        scores = digest(self.scores)
        cells = {
            run.key: digest(run.info, run.description, run.facts, run.folder / "history.csv", self.data, scores)
            for run in self.cells
        }
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

    @property
    def means(self) -> Metrics:
        """Each metric's mean over the cells."""
        names = next(iter(self.metrics.values()), {})
        return {name: fmean(metrics[name] for metrics in self.metrics.values()) for name in names}


def read_runs(benchmark: str | None = None) -> list[DetectorRun]:
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


def modified(path: Path) -> int:
    """Return when a file was last changed, in milliseconds since 1970."""
    return path.stat().st_mtime_ns // 1_000_000


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON object, empty where the file is missing or holds something else."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return nested mappings as one, with dotted names and text as values.

    >>> flat({"device": "cpu", "versions": {"torch": "2.14.1"}})
    {'device': 'cpu', 'versions.torch': '2.14.1'}
    """
    result: dict[str, str] = {}
    for name, value in values.items():
        result |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": str(value)}
    return result


def digest(*parts: Path | Mapping[str, Any] | str | None) -> str:
    """Return a digest of files' bytes and of JSON values."""
    total = hashlib.sha256()
    for part in parts:
        content = part.read_bytes() if isinstance(part, Path) else json.dumps(part, sort_keys=True).encode()
        total.update(hashlib.sha256(content).digest())
    return total.hexdigest()[:32]
