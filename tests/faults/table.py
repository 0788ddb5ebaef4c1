"""The table of faults x stages: tried, survived and identical, as CSV and as a page."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from alpa.files import write_text
from tests.faults.attempt import Outcome
from tests.faults.benchmark import DISTURBED

COLUMNS = ("fault", "stage", "tried", "survived", "identical")
PAGE = """# Faults

Made by `make faults`: a generated benchmark of two classes and two detectors, disturbed in every stage, and finished by
one `make repro`: the first run of a fault in a stage, and each twentieth, by all of it, the others as far as the stage,
and those of a full disk by the stage's command alone. A field says how often that was tried. A run is *survived* if the
command succeeds, and *identical* if its splits, models, scores and tables are the undisturbed run's bit for bit and no
file is half-written. Where the three numbers are not equal, they are given as tried / survived / identical. A dash: the
stage has nothing of that kind.

{table}

In total {tried} runs, {survived} survived, {identical} identical.
"""


def as_table(faults: Sequence[str], outcomes: Iterable[Outcome]) -> pd.DataFrame:
    """Return a row per fault and stage."""
    counts = {(fault, stage.name): [0, 0, 0] for fault in faults for stage in DISTURBED}
    for outcome in outcomes:
        count = counts[outcome.fault, outcome.stage]
        survived = bool(outcome.survived)
        for place, holds in enumerate((True, survived, survived and not outcome.wrong)):
            count[place] += holds
    return pd.DataFrame([(*key, *count) for key, count in counts.items()], columns=COLUMNS)


def write_tables(folder: Path, table: pd.DataFrame, faults: Sequence[str]) -> None:
    """Write faults.csv, a row per fault and stage that was tried, and faults.md, a row per fault, of all `faults`.

    What an earlier run has left there of faults and stages that this one did not try stays.
    """
    stages = [stage.name for stage in DISTURBED]
    tried = pd.concat([table[table["tried"] > 0], *_earlier(folder / "faults.csv")])
    tried = tried.drop_duplicates(["fault", "stage"])  # the first, which is the newer one
    places = tried["fault"].map(faults.index) * len(stages) + tried["stage"].map(stages.index)
    table = tried.iloc[places.argsort()]
    write_text(folder / "faults.csv", table.to_csv(index=False, lineterminator="\n"))
    lines = [f"| fault | {' | '.join(stages)} |", f"| --- |{' ---: |' * len(stages)}"]
    for fault, rows in table.groupby("fault", sort=False):
        fields = {row.stage: _field(row.tried, row.survived, row.identical) for row in rows.itertuples()}
        lines.append(f"| {fault} | {' | '.join(fields.get(stage, '–') for stage in stages)} |")
    total = table[list(COLUMNS[2:])].sum().to_dict()
    write_text(folder / "faults.md", PAGE.format(table="\n".join(lines), **total))


def _earlier(path: Path) -> list[pd.DataFrame]:
    return [pd.read_csv(path)] if path.exists() else []


def _field(tried: int, survived: int, identical: int) -> str:
    return str(tried) if tried == survived == identical else f"**{tried} / {survived} / {identical}**"
