"""CSV tables of results, read with the types of their columns."""

import csv
import io
import re

Value = bool | int | float | str | None

NAMES = {"dataset", "protocol", "detector", "other", "normal_class", "score"}  # text, though a class be called 07
NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?(?:e[+-]?\d+)?", re.ASCII)
TRUTH = {"True": True, "False": False}


def parse_csv(text: str) -> tuple[list[str], list[list[Value]]]:
    """Return a table's columns and rows; a column is of numbers or of truth values only if all its fields are.

    Raises:
        ValueError: there is no head, or a row has another number of fields.

    >>> parse_csv("seed,normal_class,auroc\\n0,07,0.5\\n1,07,\\n")
    (['seed', 'normal_class', 'auroc'], [[0, '07', 0.5], [1, '07', None]])
    """
    try:
        columns, *rows = csv.reader(io.StringIO(text))
    except csv.Error as error:
        raise ValueError(str(error)) from None
    if any(len(row) != len(columns) for row in rows):
        raise ValueError("its rows differ in length")
    typed = [_column(name, [row[place] for row in rows]) for place, name in enumerate(columns)]
    return columns, [list(row) for row in zip(*typed, strict=True)]


def _column(name: str, fields: list[str]) -> list[Value]:
    if name in NAMES:
        return list(fields)
    if all(field in TRUTH for field in fields):
        return [TRUTH[field] for field in fields]
    if all(field == "" or NUMBER.fullmatch(field) for field in fields):
        return [_number(field) for field in fields]
    return list(fields)


def _number(field: str) -> int | float | None:
    if not field:
        return None
    return int(field) if field.lstrip("+-").isdigit() and len(field) < 16 else float(field)
