"""Two results side by side: what differs, over which cells, and under which settings."""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.stats import t as student

from alpa.evaluation.paired_tests import holm, wilcoxon_over_classes
from alpa.evaluation.significance import LEVEL
from alpa.reporting.results import Difference
from alpa.reporting.sides import Cell, Row, Side

DECIMALS = 6  # of result tables, so that equal cells differ by nothing
OF_A_RUN = ("benchmark", "cells_sha256", "cells", "cells_without_facts", "seconds", "finished")  # no settings
UNSET = "–"
COLUMNS = (
    *("detector", "score", "is_primary"),
    *(f"{side}_{column}" for side in "ab" for column in ("auroc_mean", "ci_low", "ci_high")),
    *("difference", "difference_low", "difference_high", "p_value", "p_holm", "n_cells", "n", "unit"),
)


@dataclass(frozen=True)
class Paired:
    """B minus A over the common cells of a detector and score; the interval is Student's, over `n` of `unit`."""

    difference: Difference
    n_cells: int
    n: int
    unit: str
    p_value: float


@dataclass(frozen=True)
class Compared:
    """A detector under a score on both sides; a row is None where the side lacks it."""

    detector: str
    score: str
    a: Row | None
    b: Row | None
    paired: Paired | None
    p_holm: float = math.nan

    @property
    def is_primary(self) -> bool:
        """Whether the detector is ranked by this score on a side."""
        return any(row is not None and row["is_primary"] for row in (self.a, self.b))

    @property
    def difference(self) -> float:
        """B minus A: of the common cells, else of the means, NaN where a side has none."""
        if self.paired:
            return self.paired.difference.mean
        return float(self.b["auroc_mean"] - self.a["auroc_mean"]) if self.a and self.b else math.nan


def compare(a: Side, b: Side) -> list[Compared]:
    """Return every detector and score of the two, those of A first and primary scores before others.

    Cells are paired by detector, score, class and seed if both sides are of one data set and protocol. Differences of
    a class are averaged over its seeds; classes are the units of interval and test, or seeds if there is one class.

    Raises:
        ScoreError: a table is damaged.
    """
    rows = [{(row["detector"], row["score"]): row for row in side.leaderboard} for side in (a, b)]
    found = [Compared(*key, rows[0].get(key), rows[1].get(key), _paired(a, b, *key)) for key in rows[0] | rows[1]]
    detectors = list(dict.fromkeys(each.detector for each in found))
    found.sort(key=lambda each: (detectors.index(each.detector), not each.is_primary))
    adjusted = iter(holm([each.paired.p_value for each in found if each.paired]))
    return [replace(each, p_holm=float(next(adjusted))) if each.paired else each for each in found]


def _paired(a: Side, b: Side, detector: str, score: str) -> Paired | None:
    """Return the paired difference, None where no cell is on both sides."""
    if a.benchmark != b.benchmark:
        return None
    common = [cell for cell in a.cells if cell[:2] == (detector, score) and cell in b.cells]
    if not common:
        return None
    place = 2 if len({cell[2] for cell in common}) > 1 else 3
    by_unit: dict[str | int, list[float]] = {}
    for cell in common:
        by_unit.setdefault(cell[place], []).append(b.cells[cell] - a.cells[cell])
    units = np.round([np.mean(values) for values in by_unit.values()], DECIMALS) + 0.0
    n, mean = len(units), float(units.mean())
    half, p_value = math.nan, math.nan
    if n > 1:
        half = float(student.ppf((1 + LEVEL) / 2, n - 1) * units.std(ddof=1)) / math.sqrt(n)
        p_value = wilcoxon_over_classes(units).p_value
    unit = "class" if place == 2 else "seed"
    return Paired(Difference(mean, mean - half, mean + half), len(common), n, unit, p_value)


def only(a: Side, b: Side) -> list[Cell]:
    """Return the cells of A that B lacks."""
    return [cell for cell in a.cells if cell not in b.cells]


def changed_settings(a: Side, b: Side) -> list[tuple[str, str, str]]:
    """Return what the records of the two runs say differently: the key, and its value on each side."""
    flat = [dict(_flat({key: value for key, value in side.facts.items() if key not in OF_A_RUN})) for side in (a, b)]
    keys = dict.fromkeys([*flat[0], *flat[1]])
    values = [(key, flat[0].get(key, UNSET), flat[1].get(key, UNSET)) for key in keys]
    return [(key, first, second) for key, first, second in values if first != second]


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield a nested value's leaves with dotted keys; a list of plain values is a leaf."""
    if isinstance(value, dict):
        for part, each in value.items():
            yield from _flat(each, f"{key}.{part}" if key else str(part))
    elif isinstance(value, list) and any(isinstance(each, dict) for each in value):
        yield from _flat(dict(enumerate(value)), key)
    else:
        yield key, ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def as_csv(found: Sequence[Compared]) -> str:
    """Return the comparison as a CSV table of fractions; a field without a value is empty."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for each in found:
        means = {
            f"{side}_{column}": row[column]
            for side, row in (("a", each.a), ("b", each.b))
            if row is not None
            for column in ("auroc_mean", "ci_low", "ci_high")
        }
        paired = each.paired
        chances = (
            {"difference_low": paired.difference.low, "difference_high": paired.difference.high}
            | {"p_value": paired.p_value, "p_holm": each.p_holm}
            if paired
            else {}
        )
        numbers = {
            key: f"{value:.{DECIMALS}f}"
            for key, value in (means | {"difference": each.difference} | chances).items()
            if not math.isnan(value)
        }
        counts = {"n_cells": paired.n_cells, "n": paired.n, "unit": paired.unit} if paired else {"n_cells": 0}
        writer.writerow(
            {"detector": each.detector, "score": each.score, "is_primary": each.is_primary, **numbers, **counts}
        )
    return stream.getvalue()
