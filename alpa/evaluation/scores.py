"""The score table: one row per tested image and cell, one column per score; what detectors hand to evaluation."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from alpa.errors import ScoreError
from alpa.files import whole_file

METADATA_KEY = b"alpa"
KEY_TYPES = {
    "target_class": pa.string(),
    "seed": pa.int64(),
    "sample": pa.int64(),
    "group": pa.int64(),
    "is_anomaly": pa.bool_(),
}
SCORE_TYPE = pa.float32()
CELL = ["target_class", "seed"]
TEST_SET = ["sample", "group", "is_anomaly"]


@dataclass(frozen=True)
class ScoreInfo:
    """What a score table is about: kept in the file, so that a file cannot pass for another's."""

    benchmark: str
    dataset: str
    protocol: str
    detector: str
    primary_score: str


@dataclass(frozen=True)
class ScoreTable:
    """A checked score table; `frame` is sorted by class, seed and sample, and a higher score is more anomalous."""

    info: ScoreInfo
    frame: pd.DataFrame
    score_names: tuple[str, ...]

    def cells(self) -> dict[tuple[str, int], pd.DataFrame]:
        """Return the rows of each (target class, seed), sorted by sample; they are slices of `frame`, not copies."""
        sizes = self.frame.groupby(CELL, sort=False).size()
        ends = sizes.cumsum()
        return {
            (str(name), int(seed)): self.frame.iloc[end - size : end]
            for (name, seed), size, end in zip(sizes.index, sizes, ends, strict=True)
        }


def same_test_set(first: pd.DataFrame, second: pd.DataFrame) -> bool:
    """Tell whether two cells were tested on the same samples, with the same labels and groups."""
    return len(first) == len(second) and all(np.array_equal(first[name], second[name]) for name in TEST_SET)


def rerun(benchmark: str, detector: str) -> str:
    """Return the remedy for scores that are missing, damaged or stale."""
    return f"run `dvc repro pipeline/dvc.yaml:evaluate@{benchmark}-{detector}`"


def write_scores(path: Path, table: pd.DataFrame, info: ScoreInfo) -> None:
    """Check a score table and write it as Parquet; equal tables give equal bytes, whatever the order of their rows.

    Args:
        path: runs/scores/<benchmark>/<detector>.parquet.
        table: the columns of KEY_TYPES, then one column per score, stored as float32.
        info: what the table is about.

    Raises:
        ScoreError: as for `read_scores`; then nothing is written.
    """
    _raise_first(path, _missing_columns(list(table.columns)))
    names = _score_names(list(table.columns))
    schema = pa.schema(KEY_TYPES | dict.fromkeys(names, SCORE_TYPE))
    with np.errstate(over="ignore"):  # a score beyond float32 becomes infinite, and the check below names it
        table = table.astype(dict.fromkeys(names, np.float32))
    frame = _checked(path, table, info).frame
    arrow = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
    arrow = arrow.replace_schema_metadata({METADATA_KEY: json.dumps(asdict(info), sort_keys=True)})
    with whole_file(path) as temporary:
        pq.write_table(arrow, temporary, compression="zstd")


def read_scores(path: Path) -> ScoreTable:
    """Read a score table and check it.

    Raises:
        ScoreError: the file is missing, is not Parquet, belongs to another benchmark or detector, lacks a column, or
            holds a cell whose score is constant or not finite, whose test set has one class or a sample twice, or
            whose test set differs from that of the class's other seeds.
    """
    if not path.is_file():
        raise ScoreError(f"{path} does not exist; {_rerun(path)}.")
    try:
        arrow = pq.ParquetFile(path).read()
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise ScoreError(f"{path} cannot be read ({reason}); {_rerun(path)}.") from None
    info = _read_info(path, arrow.schema.metadata or {})
    _raise_first(path, _column_problems(arrow))
    return _checked(path, arrow.replace_schema_metadata().to_pandas(), info)


def _read_info(path: Path, metadata: dict[bytes, bytes]) -> ScoreInfo:
    """Return the file's own description of itself, which must fit its place in runs/scores/."""
    known = [field.name for field in fields(ScoreInfo)]
    try:
        values = json.loads(metadata.get(METADATA_KEY, b"null"))
    except ValueError:
        values = None
    if not isinstance(values, dict) or set(values) != set(known):
        found = ", ".join(sorted(values)) if isinstance(values, dict) else "none"
        raise ScoreError(f"{path}: metadata must hold {', '.join(known)}, found {found}; {_rerun(path)}.")
    info = ScoreInfo(**{name: str(value) for name, value in values.items()})
    if (info.benchmark, info.detector) != (path.parent.name, path.stem):
        raise ScoreError(f"{path} holds the scores of {info.detector} on {info.benchmark}; {_rerun(path)}.")
    return info


def _checked(path: Path, frame: pd.DataFrame, info: ScoreInfo) -> ScoreTable:
    """Return the sorted table, or raise ScoreError with the first problem of its content."""
    frame = frame.sort_values([*CELL, "sample"], ignore_index=True, kind="stable")
    table = ScoreTable(info, frame, _score_names(list(frame.columns)))
    _raise_first(path, _table_problems(table))
    _raise_first(path, _cell_problems(table))
    return table


def _missing_columns(columns: list[str]) -> Iterator[str]:
    for name in KEY_TYPES:
        if name not in columns:
            yield f"column {name} is missing"
    if not _score_names(columns):
        yield "it has no score column"


def _column_problems(arrow: pa.Table) -> Iterator[str]:
    for name in arrow.column_names:
        if arrow.column_names.count(name) > 1:
            yield f"column {name} is there twice"
    yield from _missing_columns(arrow.column_names)
    for field in arrow.schema:
        wanted = KEY_TYPES.get(field.name, SCORE_TYPE)
        if field.type != wanted:
            yield f"column {field.name} is {field.type} instead of {wanted}"
        if arrow[field.name].null_count:
            yield f"column {field.name} has {arrow[field.name].null_count} empty values"


def _table_problems(table: ScoreTable) -> Iterator[str]:
    if table.frame.empty:
        yield "it has no cells"
    if table.info.primary_score not in table.score_names:
        yield f"the primary score {table.info.primary_score} is not a column"
    if table.frame["sample"].min() < 0:
        yield f"column sample holds {table.frame['sample'].min()}, which is not an index into the test split"
    if table.frame["group"].min() < 0 <= table.frame["group"].max():
        yield "column group is -1 for some samples only"


def _cell_problems(table: ScoreTable) -> Iterator[str]:
    first: dict[str, pd.DataFrame] = {}
    for (target_class, seed), cell in table.cells().items():
        where = f"class {target_class}, seed {seed}"
        if cell["sample"].duplicated().any():
            yield f"{where} has sample {cell['sample'][cell['sample'].duplicated()].iloc[0]} twice"
        if cell["is_anomaly"].nunique() < 2:
            label = "anomalous" if cell["is_anomaly"].iloc[0] else "normal"
            yield f"the test set of {where} has {label} samples only, give it both; then"
        for name in table.score_names:
            values = cell[name].to_numpy()
            if not np.isfinite(values).all():
                yield f"score {name} is not finite for {where}, change the detector's parameters; then"
            if values.min() == values.max():
                yield f"score {name} is constant ({values[0]:g}) for {where}, change the detector's parameters; then"
        if not same_test_set(cell, first.setdefault(target_class, cell)):
            yield f"the test set of {where} differs from that of the class's other seeds"


def _raise_first(path: Path, problems: Iterator[str]) -> None:
    """Raise ScoreError with the file, the first problem and the remedy, if there is a problem."""
    for problem in problems:
        join = " " if problem.endswith("; then") else "; "
        raise ScoreError(f"{path}: {problem}{join}{_rerun(path)}.")


def _rerun(path: Path) -> str:
    return rerun(path.parent.name, path.stem)


def _score_names(columns: list[str]) -> tuple[str, ...]:
    return tuple(name for name in columns if name not in KEY_TYPES)
