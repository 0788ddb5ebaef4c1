"""A report as JSON for programs: what it says, with numbers as numbers, and the result tables behind it.

The classes are the schema: `pydantic.TypeAdapter(MachineReport).json_schema()` states it as JSON Schema.
"""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from alpa.errors import ScoreError
from alpa.evaluation.facts import current_facts
from alpa.files import read_text
from alpa.reporting.document import Page, Picture, Section, Table
from alpa.reporting.latex import figure_file
from alpa.reporting.tables import NONE, RANKED_MARK
from alpa.reporting.typed_csv import Value, parse_csv

RESULTS = ("leaderboard", "comparisons", "readings", "cells")
STUDIES = ("studies", "trials", "curve", "regret", "correlations", "pruners", "importances")
NUMBER = r"([+−-]?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?)"
NUMBERS = [
    re.compile(pattern) for pattern in (NUMBER, rf"{NUMBER}(?:–| to ){NUMBER}", rf"{NUMBER} \({NUMBER}–{NUMBER}\)")
]
SOURCES = {
    "leaderboard": "leaderboard.csv",
    "every_score": "leaderboard.csv",
    "ablation": "leaderboard.csv",
    "comparisons": "comparisons.csv",
    "pairs": "comparisons.csv",
    "per_class": "cells.csv",
    "counts": "cells.csv",
    "readings": "readings.csv",
    "regret": "tuning/regret.csv",
    "correlations": "tuning/correlations.csv",
    "pruners": "tuning/pruners.csv",
}


@dataclass(frozen=True)
class MachineTable:
    """A table as it is printed; `values` are its cells with the printed precision and unit.

    In a column of kind `number`, a value is a number, a pair that is an interval's ends, or three, a mean and its
    interval; null where nothing was measured; and a text where it is none of these. `best` are the (row, column) of
    stressed cells. `source` is the CSV file that holds the numbers in full, where there is one.
    """

    name: str
    caption: str
    columns: list[str]
    kinds: list[Literal["number", "text", "detector"]]
    values: list[list[Value | list[float]]]
    best: list[tuple[int, int]]
    source: str | None


@dataclass(frozen=True)
class MachineFigure:
    """A figure with its files, relative to the report's folder; without any it stands in HTML and PDF alone."""

    name: str
    caption: str
    alt: str
    files: list[str]


@dataclass(frozen=True)
class MachineSection:
    """A section; `protocol` says how the numbers were made. In paragraphs, backticks mark names."""

    key: str
    title: str
    paragraphs: list[str]
    tables: list[MachineTable]
    figures: list[MachineFigure]


@dataclass(frozen=True)
class ResultTable:
    """A result table in full, as its CSV file holds it: fractions from 0 to 1, and null for an empty field."""

    file: str
    columns: list[str]
    rows: list[list[Value]]


@dataclass(frozen=True)
class MachineResults:
    """A folder of results: the facts of its run (empty where none are on record), and its tables."""

    folder: str
    facts: dict[str, Any]
    tables: list[ResultTable]


@dataclass(frozen=True)
class MachineReport:
    """The whole of report.json; `detectors` are in the order of their rank."""

    format: Literal["alpa-report-1"]
    kicker: str
    title: str
    summary: list[str]
    detectors: list[str]
    sections: list[MachineSection]
    results: list[MachineResults]


def render_json(page: Page, folder: Path, results: Sequence[Path]) -> str:
    """Return a report as JSON.

    Args:
        page: what it says.
        folder: where it will lie; files are named as seen from there.
        results: the folders of the result tables that it was made from.

    Raises:
        ScoreError: a facts file is damaged.
    """
    report = MachineReport(
        "alpa-report-1",
        page.kicker,
        page.title,
        list(page.summary),
        list(page.detectors),
        [_section(section) for section in page.sections],
        [_results(each, os.path.relpath(each, folder)) for each in results],
    )
    return _laid_out(asdict(report)) + "\n"


def _laid_out(value: Any, line: str = "\n") -> str:
    """Return a value as JSON in which a table's row is a line, so that a change of a number is seen as one."""
    deeper = line + " "
    if isinstance(value, dict) and value:
        items = (f"{deeper}{json.dumps(str(key))}: {_laid_out(each, deeper)}" for key, each in value.items())
        return f"{{{','.join(items)}{line}}}"
    if isinstance(value, list) and value and all(isinstance(each, dict | list) for each in value):
        return f"[{','.join(deeper + _laid_out(each, deeper) for each in value)}{line}]"
    return json.dumps(value, ensure_ascii=False)


def _section(section: Section) -> MachineSection:
    return MachineSection(
        section.key,
        section.title,
        list(section.paragraphs),
        [_table(block) for block in section.blocks if isinstance(block, Table)],
        [_figure(block) for block in section.blocks if isinstance(block, Picture)],
    )


def _table(table: Table) -> MachineTable:
    kinds = [column.kind for column in table.columns]
    values = [[_value(cell, kind) for cell, kind in zip(row, kinds, strict=True)] for row in table.rows]
    titles = [column.title for column in table.columns]
    return MachineTable(table.name, table.caption, titles, kinds, values, sorted(table.best), SOURCES.get(table.name))


def _figure(picture: Picture) -> MachineFigure:
    files = [f"figures/{name}" for name in (*picture.files, *([figure_file(picture)] if picture.is_vector else []))]
    return MachineFigure(picture.name, picture.caption, picture.alt, files)


def _value(cell: str, kind: str) -> Value | list[float]:
    """Return a printed cell as what it is.

    >>> [_value(cell, "number") for cell in ("1,024", "99.4–99.8", "*95.0", "–", "wilcoxon")]
    [1024, [99.4, 99.8], 95.0, None, 'wilcoxon']
    """
    if cell == NONE:
        return None
    for pattern in NUMBERS if kind == "number" else ():
        if found := pattern.fullmatch(cell.removeprefix(RANKED_MARK)):
            numbers = [_number(text) for text in found.groups()]
            return numbers if len(numbers) > 1 else numbers[0]
    return cell


def _number(text: str) -> float:
    plain = text.replace(",", "").replace("−", "-")
    return int(plain) if plain.lstrip("+-").isdigit() else float(plain)


def _results(folder: Path, name: str) -> MachineResults:
    tables = [_read(folder / f"{table}.csv") for table in RESULTS + STUDIES if (folder / f"{table}.csv").is_file()]
    facts = current_facts(folder) if (folder / "cells.csv").is_file() else {}
    return MachineResults(name, facts, tables)


def _read(path: Path) -> ResultTable:
    try:
        return ResultTable(path.name, *parse_csv(read_text(path)))
    except ValueError as error:
        raise ScoreError(f"{path} is no CSV table ({error}); run the stage that writes it again.") from None
