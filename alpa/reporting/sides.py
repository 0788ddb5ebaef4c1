"""One side of a comparison: a benchmark's result tables and facts, from a folder or from a commit."""

import hashlib
import json
import math
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from alpa.errors import ScoreError
from alpa.files import read_text
from alpa.reporting.typed_csv import parse_csv

NAMES = dict.fromkeys(("detector", "score"), str)
TABLES: dict[str, dict[str, Any]] = {
    "leaderboard.csv": NAMES
    | dict.fromkeys(("dataset", "protocol"), str)
    | {"is_primary": bool}
    | dict.fromkeys(("auroc_mean", "ci_low", "ci_high"), int | float),
    "cells.csv": NAMES | {"normal_class": str, "seed": int, "auroc": int | float},
}
FACTS = ("release.json", "facts.json")  # the first that belongs to the cells speaks for them
Cell = tuple[str, str, str, int]  # detector, score, normal class, seed
Row = dict[str, Any]


@dataclass(frozen=True)
class Side:
    """The texts of a benchmark's files, by name, under the name that a user gave it."""

    name: str
    files: Mapping[str, str]

    @cached_property
    def leaderboard(self) -> list[Row]:
        """The rows of leaderboard.csv."""
        return self._rows("leaderboard.csv")

    @cached_property
    def cells(self) -> dict[Cell, float]:
        """The AUROC of every cell."""
        found: dict[Cell, float] = {}
        for row in self._rows("cells.csv"):
            cell = (row["detector"], row["score"], row["normal_class"], row["seed"])
            if cell in found:
                raise ScoreError(f"{self.name}: cells.csv has the cell {', '.join(map(str, cell))} twice; restore it.")
            found[cell] = float(row["auroc"])
        return found

    @property
    def benchmark(self) -> tuple[str, str]:
        """The data set and the protocol."""
        first = self.leaderboard[0]
        return first["dataset"], first["protocol"]

    @cached_property
    def facts(self) -> dict[str, Any]:
        """The facts of the run that made these cells, empty where none are on record."""
        digest = hashlib.sha256(self.files["cells.csv"].encode()).hexdigest()
        for name in FACTS:
            try:
                facts = json.loads(self.files.get(name, "{}"))
            except (ValueError, RecursionError):
                raise ScoreError(f"{self.name}: {name} is not JSON; delete or restore it.") from None
            if isinstance(facts, dict) and facts.get("cells_sha256") == digest:
                return facts
        return {}

    def _rows(self, file: str) -> list[Row]:
        try:
            columns, rows = parse_csv(self.files[file])
        except ValueError as error:
            raise ScoreError(f"{self.name}: {file} is no CSV table ({error}); restore it.") from None
        if not rows:
            raise ScoreError(f"{self.name}: {file} has no rows; run the benchmark again.")
        found = [dict(zip(columns, row, strict=True)) for row in rows]
        for column, kind in TABLES[file].items():
            if column not in columns:
                raise ScoreError(f"{self.name}: {file} has no column {column}; restore it.")
            for value in (row[column] for row in found):
                if not isinstance(value, kind) or value in (math.inf, -math.inf):
                    raise ScoreError(f"{self.name}: {file} has {value!r} in its column {column}; restore it.")
        return found


def read_side(name: str, root: Path = Path()) -> Side:
    """Read the results that a name stands for.

    Args:
        name: a benchmark in reports/, a folder with result tables, or either behind a commit and a colon, such as
            `HEAD~3:mnist`.
        root: the project's folder.

    Raises:
        ScoreError: there are no such results, or they are damaged.
    """
    commit, colon, place = name.partition(":")
    if colon and not (root / name).is_dir():
        return _from_commit(name, commit, place, root)
    for folder in (root / name, root / "reports" / name):
        if name and (folder / "leaderboard.csv").is_file():
            return _side(name, partial(_text_of, folder))
    known = sorted(path.parent.name for path in (root / "reports").glob("*/leaderboard.csv"))
    raise ScoreError(
        f"{name or 'An empty name'} is neither a benchmark with results nor a folder of them; {_choose(known)}."
    )


def _text_of(folder: Path, file: str) -> str | None:
    return read_text(folder / file) if (folder / file).is_file() else None


def _from_commit(name: str, commit: str, place: str, root: Path) -> Side:
    if _git(root, "rev-parse", "--git-dir") is None:
        raise ScoreError(f"{name} names a commit, and {root.absolute().name} is in no git repository; name a folder.")
    found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}")
    if found is None:
        raise ScoreError(f"Commit {commit} is not in this repository; `git log --oneline` lists those that are.")
    digest, folder = found.strip(), place.rstrip("/") if "/" in place else f"reports/{place}"
    if _git(root, "cat-file", "-e", f"{digest}:./{folder}/leaderboard.csv") is None:
        listed = _git(root, "ls-tree", "-r", "--name-only", digest, "reports/") or ""
        paths = [Path(line) for line in listed.splitlines()]
        known = sorted(path.parent.name for path in paths if path.name == "leaderboard.csv")
        raise ScoreError(f"Commit {commit} has no {folder}/leaderboard.csv; {_choose(known)}.")
    return _side(name, lambda file: _git(root, "cat-file", "blob", f"{digest}:./{folder}/{file}"))


def _side(name: str, read: Callable[[str], str | None]) -> Side:
    """Read the files of a side by a function that returns None for one that is not there."""
    try:
        texts = {file: read(file) for file in (*TABLES, *FACTS)}
    except UnicodeDecodeError:
        raise ScoreError(f"{name} has a file that is not text in UTF-8; restore it.") from None
    if texts["cells.csv"] is None:
        raise ScoreError(f"{name} has no cells.csv; run the benchmark again, or restore it.")
    return Side(name, {file: text for file, text in texts.items() if text is not None})


def _choose(known: list[str]) -> str:
    return f"choose {', '.join(known)}" if known else "none has results there"


def _git(root: Path, *arguments: str) -> str | None:
    """Return what git prints, None where it is missing or fails."""
    git = shutil.which("git")
    done = subprocess.run([git, *arguments], cwd=root, capture_output=True, check=False) if git else None
    return done.stdout.decode() if done and done.returncode == 0 else None
