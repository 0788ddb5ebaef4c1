"""What training left of each cell: its folder, its counts and its losses."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from alpa.errors import ModelError

Key = tuple[str, str, int]  # detector, target class, seed


@dataclass(frozen=True)
class Cell:
    """A trained cell's folder and its cell.json."""

    folder: Path
    facts: dict[str, Any]


def find_cells(models: Path) -> dict[Key, Cell]:
    """Find the cells in runs/models/<benchmark>/ by detector, target class and seed; empty if there is no folder.

    Raises:
        ModelError: a cell.json is damaged.
    """
    cells = {}
    for path in sorted(models.glob("*/*/cell.json")):
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
            cells[str(facts["detector"]), str(facts["target_class"]), int(facts["seed"])] = Cell(path.parent, facts)
        except (ArithmeticError, ValueError, KeyError, TypeError):
            raise ModelError(f"{path} is damaged; delete its folder and run the train stage again.") from None
    return cells


def training_counts(cells: dict[Key, Cell], classes: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Return the training and validation images per class, from the first cell of each."""
    counts: dict[str, tuple[int, int]] = {}
    for (_, target, _), cell in cells.items():
        if target in classes and {"n_train", "n_validation"} <= set(cell.facts):
            counts.setdefault(target, (int(cell.facts["n_train"]), int(cell.facts["n_validation"])))
    return counts


def histories(cells: dict[Key, Cell], detectors: Sequence[str], target: str, seed: int) -> dict[str, pd.DataFrame]:
    """Return per detector the history.csv of one cell, where there is one.

    Raises:
        ModelError: one is damaged.
    """
    paths = {
        name: cells[name, target, seed].folder / "history.csv" for name in detectors if (name, target, seed) in cells
    }
    return {name: _history(path) for name, path in paths.items() if path.is_file()}


def _history(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path)
    except ValueError:  # of what is no text, and pandas' own errors of what is no table
        raise ModelError(f"{path} is damaged; delete its folder and run the train stage again.") from None
