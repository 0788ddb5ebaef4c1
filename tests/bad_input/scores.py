"""Score tables and result tables that are damaged, incomplete, or not what they should be."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tests.bad_input.case import (
    Case,
    Damage,
    folder,
    garble,
    instead,
    loop,
    mode,
    pipe,
    remove,
    replace,
    truncate,
    write,
)

SCORES = "runs/scores/digits/pca.parquet"
AGAIN = "run `dvc repro pipeline/dvc.yaml:evaluate@digits-pca`."
FACTS = "reports/digits/facts.json"


def ranking(damage: Damage, *says: str, **options: Any) -> Case:
    """Return the case of a score table that no leaderboard is made of."""
    return Case("leaderboard digits", says, damage=damage, base="finished", **options)


def table(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Damage:
    """Return what changes the rows of a score table, and leaves its schema and description as they are."""

    def edit(project: Path) -> None:
        held = pq.read_table(project / SCORES)
        frame = change(held.to_pandas())
        columns = [pa.array(frame[field.name].to_numpy(), field.type, from_pandas=False) for field in held.schema]
        pq.write_table(pa.table(columns, schema=held.schema), project / SCORES)

    return edit


def arrow(change: Callable[[pa.Table], pa.Table]) -> Damage:
    """Return what changes a score table as a whole."""
    return lambda project: pq.write_table(change(pq.read_table(project / SCORES)), project / SCORES)


def scores(change: Callable[[np.ndarray], np.ndarray]) -> Damage:
    """Return what changes the scores of the first cell."""

    def edit(frame: pd.DataFrame) -> pd.DataFrame:
        first = (frame["target_class"] == "0") & (frame["seed"] == 0)
        values = frame["reconstruction"].to_numpy().copy()
        values[first] = change(values[first])
        return frame.assign(reconstruction=values.astype(np.float32))

    return table(edit)


def with_nan(values: np.ndarray) -> np.ndarray:
    """Make one score no number."""
    return np.append(values[:-1], np.nan)


TABLES = {
    "no score table": ranking(remove(SCORES), f"{SCORES} does not exist; {AGAIN}"),
    "a folder instead of a score table": ranking(instead(SCORES, folder), f"{SCORES} does not exist; {AGAIN}"),
    "a pipe instead of a score table": ranking(
        instead(SCORES, pipe), f"{SCORES} does not exist; {AGAIN}", as_command=True
    ),
    "a link to itself instead of a score table": ranking(instead(SCORES, loop), SCORES, AGAIN),
    "a score table without permission": ranking(
        mode(SCORES, 0), f"{SCORES} cannot be read (", "Permission denied", AGAIN, unprivileged=True
    ),
    "a score table that is cut off": ranking(truncate(SCORES), f"{SCORES} cannot be read (", AGAIN),
    "a score table of no bytes": ranking(write(SCORES, ""), f"{SCORES} cannot be read (", AGAIN),
    "a score table with another beginning": ranking(
        lambda project: write(SCORES, b"\x07" * 64)(project), f"{SCORES} cannot be read (", AGAIN
    ),
    "a score table of another detector": ranking(
        lambda project: write(SCORES, (project / "runs/scores/digits/alpa.parquet").read_bytes())(project),
        f"{SCORES} holds the scores of alpa on digits; {AGAIN}",
    ),
    "a score table without a description": ranking(
        arrow(lambda held: held.replace_schema_metadata({})),
        f"{SCORES}: metadata must hold benchmark, dataset, protocol, detector, primary_score, found none; {AGAIN}",
    ),
    "a score table whose description is no JSON": ranking(
        arrow(lambda held: held.replace_schema_metadata({"alpa": b"\xff"})), f"{SCORES}: metadata must hold ", AGAIN
    ),
    "a score file without a column": ranking(
        arrow(lambda held: held.drop_columns(["sample"])), f"{SCORES}: column sample is missing; {AGAIN}"
    ),
    "a score file without a score": ranking(
        arrow(lambda held: held.drop_columns(["reconstruction"])), f"{SCORES}: it has no score column; {AGAIN}"
    ),
    "a column twice": ranking(
        arrow(lambda held: held.append_column("sample", held["sample"])),
        f"{SCORES}: column sample is there twice; {AGAIN}",
    ),
    "a column of another type": ranking(
        arrow(lambda held: held.set_column(1, "seed", held["seed"].cast(pa.string()))),
        f"{SCORES}: column seed is string instead of int64; {AGAIN}",
    ),
    "an empty value": ranking(
        arrow(lambda held: held.set_column(1, "seed", pa.array([None, *held["seed"].to_pylist()[1:]], pa.int64()))),
        f"{SCORES}: column seed has 1 empty values; {AGAIN}",
    ),
    "a table of no rows": ranking(table(lambda frame: frame.iloc[:0]), f"{SCORES}: it has no cells; {AGAIN}"),
    "a cell without scores": Case(
        "leaderboard digits",
        ("digits class 2, seed 0 of alpa has no", "run `"),
        {"benchmarks.digits.classes": ["0", "2"]},
        base="finished",
    ),
    "a seed without scores": Case(
        "leaderboard digits",
        ("digits class 0, seed 7 of alpa has no", "run `"),
        {"benchmarks.digits.seeds": [7]},
        base="finished",
    ),
    "a sample that is missing": ranking(
        table(lambda frame: frame.iloc[1:]),
        "the test set of class 0, seed 1 differs from that of the class's other seeds",
    ),
    "a sample twice": ranking(
        table(lambda frame: pd.concat([frame, frame.iloc[:1]])),
        f"{SCORES}: class 0, seed 0 has sample 0 twice; {AGAIN}",
    ),
    "a negative sample": ranking(
        table(lambda frame: frame.assign(sample=frame["sample"] - 1)),
        f"{SCORES}: column sample holds -1, which is not an index into the test split; {AGAIN}",
    ),
    "labels of one kind": ranking(
        table(lambda frame: frame.assign(is_anomaly=True)),
        "the test set of class 0, seed 0 has anomalous samples only, give it both; then run `",
    ),
    "a score that is no number": ranking(
        scores(with_nan),
        "score reconstruction is not finite for class 0, seed 0, change the detector's parameters; then run `",
    ),
    "an infinite score": ranking(
        scores(lambda values: values * np.inf),
        "score reconstruction is not finite for class 0, seed 0, ",
        "; then run `",
    ),
    "a constant score": ranking(
        scores(lambda values: values * 0),
        "score reconstruction is constant (0) for class 0, seed 0, change the detector's parameters; then run `",
    ),
    "tables of different test sets": ranking(
        table(lambda frame: frame.assign(is_anomaly=~frame["is_anomaly"])),
        "The test set of digits class 0, seed 0 differs between pca and alpa; run `",
    ),
}
RESULTS = {
    "no facts to release": Case(
        "release digits",
        (f"{FACTS} does not exist; run `dvc repro -f pipeline/dvc.yaml:leaderboard@digits`.",),
        damage=remove(FACTS),
        base="finished",
    ),
    "facts that are no JSON": Case(
        "release digits",
        (f"{FACTS} is not a JSON object; delete it or restore it from git.",),
        damage=garble(FACTS),
        base="finished",
    ),
    "facts of other numbers": Case(
        "release digits",
        (f"{FACTS} belongs to another cells.csv than the current one; run `",),
        damage=truncate("reports/digits/cells.csv"),
        base="finished",
    ),
    "a leaderboard that is missing": Case(
        "collect digits",
        ("reports/digits/leaderboard.csv does not exist; run `dvc repro pipeline/dvc.yaml:report@digits`.",),
        damage=remove("reports/digits/leaderboard.csv"),
        base="finished",
    ),
    "a report without cells": Case(
        "report digits",
        ("reports/digits/cells.csv", "run `"),
        damage=remove("reports/digits/cells.csv"),
        base="finished",
    ),
    "a report of a table that is a text": Case(
        "report digits",
        ("reports/digits/cells.csv", "run `"),
        damage=write("reports/digits/cells.csv", "no table\n"),
        base="finished",
    ),
    "a report of a leaderboard without a column": Case(
        "report digits",
        ("reports/digits/leaderboard.csv", "run `"),
        damage=replace("reports/digits/leaderboard.csv", "auroc_mean", "mean"),
        base="finished",
    ),
    "a split without a description": Case(
        "leaderboard digits",
        ("data/splits/digits/test/split.json is missing or damaged; run `dvc repro pipeline/dvc.yaml:split@digits`.",),
        damage=remove("data/splits/digits/test/split.json"),
        base="finished",
    ),
    "a pipe instead of a split's facts": Case(
        "leaderboard digits",
        ("data/splits/digits/test/split.json is missing or damaged; run `dvc repro pipeline/dvc.yaml:split@digits`.",),
        damage=instead("data/splits/digits/test/split.json", pipe),
        base="finished",
        as_command=True,
    ),
}
LEADERBOARD, CELLS = "reports/digits/leaderboard.csv", "reports/digits/cells.csv"


def comparing(damage: Damage, *says: str) -> Case:
    """Return the case of a result that is compared with itself."""
    return Case("compare digits digits", says, damage=damage, base="finished")


COMPARISONS = {
    "a benchmark without results": Case(
        "compare digits mnist",
        ("mnist is neither a benchmark with results nor a folder of them; choose digits.",),
        base="finished",
    ),
    "a benchmark where nothing has results": Case(
        "compare a/b c", ("a/b is neither a benchmark with results", "none has results there.")
    ),
    "a commit outside git": Case(
        "compare digits HEAD:digits", ("HEAD:digits names a commit", "name a folder."), base="finished"
    ),
    "an unknown commit": Case(
        "compare digits nowhere:digits",
        ("Commit nowhere is not in this repository; `git log --oneline` lists",),
        damage=lambda folder: subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True),
        base="finished",
    ),
    "a commit like an option": Case(
        "compare digits --all:digits",
        ("Commit --all is not in this repository; `git log --oneline` lists",),
        damage=lambda folder: subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True),
        base="finished",
    ),
    "a file of another kind to write": Case(
        "compare digits digits x.pdf", ("cannot be written to x.pdf; name a file that ends in .md or .csv.",)
    ),
    "no cells": comparing(remove(CELLS), "digits has no cells.csv; run the benchmark again, or restore it."),
    "cells that are no table": comparing(write(CELLS, "a,b\n1\n"), "digits: cells.csv is no CSV table", "restore it."),
    "cells that are no text": comparing(write(CELLS, b"\xff\n"), "digits has a file that is not text", "restore it."),
    "no rows": comparing(write(CELLS, "detector\n"), "digits: cells.csv has no rows; run the benchmark again."),
    "a cell twice": comparing(
        lambda folder: (folder / CELLS).write_text((folder / CELLS).read_text() * 2),
        "digits: cells.csv has ",
        "restore it.",
    ),
    "a column that is missing": comparing(
        replace(LEADERBOARD, "is_primary", "primary"), "leaderboard.csv has no column is_primary; restore it."
    ),
    "a mean that is no number": comparing(
        replace(LEADERBOARD, "True,0.", "True,a"),
        "digits: leaderboard.csv has '",
        "in its column auroc_mean; restore it.",
    ),
    "a mean without end": comparing(
        replace(LEADERBOARD, "True,0.", "True,1e999"), "leaderboard.csv has inf in its column auroc_mean; restore it."
    ),
    "facts that are no JSON": comparing(write(FACTS, "{"), "digits: facts.json is not JSON; delete or restore it."),
}
CASES = {"score tables": TABLES, "results": RESULTS, "comparisons": COMPARISONS}
