"""Made-up sides of a comparison."""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

from alpa.reporting.sides import Cell, Side


def as_text(rows: Iterable[Mapping[str, object]]) -> str:
    """Return rows as CSV."""
    first, *others = rows
    stream = io.StringIO()
    writer = csv.DictWriter(stream, first, lineterminator="\n")
    writer.writeheader()
    writer.writerows([first, *others])
    return stream.getvalue()


def made_files(
    cells: Mapping[Cell, float],
    dataset: str = "mnist",
    protocol: str = "one_vs_rest",
    facts: Mapping[str, Any] | None = None,
) -> dict[str, str]:
    """Return the files of results whose cells have these AUROCs; a detector is ranked by the first of its scores."""
    identity = {"dataset": dataset, "protocol": protocol}
    names = ("detector", "score", "normal_class", "seed")
    rows = [
        {**identity, **dict(zip(names, cell, strict=True)), "auroc": f"{auroc:.6f}"} for cell, auroc in cells.items()
    ]
    leaderboard = []
    seen: set[str] = set()
    for detector, score in dict.fromkeys(cell[:2] for cell in cells):
        values = [auroc for cell, auroc in cells.items() if cell[:2] == (detector, score)]
        mean = sum(values) / len(values)
        leaderboard.append(
            {**identity, "detector": detector, "score": score, "is_primary": detector not in seen}
            | {"auroc_mean": f"{mean:.6f}", "ci_low": f"{mean - 0.01:.6f}", "ci_high": f"{mean + 0.01:.6f}"}
        )
        seen.add(detector)
    text = as_text(rows)
    record = {"cells_sha256": hashlib.sha256(text.encode()).hexdigest(), **(facts or {"commit": "c"})}
    return {"cells.csv": text, "leaderboard.csv": as_text(leaderboard), "release.json": json.dumps(record)}


def made_side(name: str, cells: Mapping[Cell, float], **settings: Any) -> Side:
    """Return a side of such results."""
    return Side(name, made_files(cells, **settings))
