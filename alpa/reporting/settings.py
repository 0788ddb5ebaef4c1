"""What every detector was really trained with, as its cells recorded it."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, fields
from typing import Any

from alpa.errors import ConfigError
from alpa.reporting.cells import Cell, Key
from alpa.reporting.document import Column, Table

NONE = "–"
STEPPED = {"steps": "Steps", "batch_size": "Batch", "learning_rate": "Learning rate", "weight_decay": "Weight decay"}


def settings_table(cells: dict[Key, Cell], detectors: Sequence[str]) -> Table | None:
    """Return a row per detector with its training and its own settings, None where no cell recorded any."""
    rows = tuple(_row(name, own) for name in detectors if (own := _described(cells, name)))
    columns = [Column("Detector", "detector"), *map(Column, STEPPED.values())]
    columns += [Column("Its own settings", "text"), Column("Of these, not its defaults", "text")]
    caption = (
        "What the detectors were trained with. A range of steps comes from classes of different sizes; a detector "
        "without steps is fitted at once."
    )
    return Table("settings", caption, tuple(columns), rows) if rows else None


def _described(cells: dict[Key, Cell], detector: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return the training and the own settings of each of a detector's cells that recorded both."""
    found = []
    for (name, _, _), cell in cells.items():
        path = cell.folder / "detector.json"
        if name == detector and path.is_file():
            training = cell.facts.get("training", {}) if _took_steps(cell) else {}
            found.append((training, json.loads(path.read_text(encoding="utf-8"))["config"]))
    return found


def _took_steps(cell: Cell) -> bool:
    history = cell.folder / "history.csv"
    return history.is_file() and len(history.read_text(encoding="utf-8").splitlines()) > 1


def _row(detector: str, described: list[tuple[dict[str, Any], dict[str, Any]]]) -> tuple[str, ...]:
    config = described[0][1]
    usual = _defaults(detector)
    changed = {name: value for name, value in config.items() if name in usual and usual[name] != value}
    training = (_span(training.get(name) for training, _ in described) for name in STEPPED)
    return detector, *training, _listed(config) or NONE, _listed(changed) or NONE


def _defaults(detector: str) -> dict[str, Any]:
    from alpa.detectors import detector_class

    try:
        known = fields(detector_class(detector).config_class)
    except ConfigError:  # of a package that is no longer there
        return {}
    return {field.name: field.default for field in known if field.default is not MISSING}


def _span(values: Iterable[float | None]) -> str:
    known = sorted({value for value in values if value is not None})
    if not known:
        return NONE
    ends = [f"{value:,}" if isinstance(value, int) else f"{value:g}" for value in (known[0], known[-1])]
    return ends[0] if ends[0] == ends[1] else "–".join(ends)


def _listed(settings: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in settings.items()
    )
