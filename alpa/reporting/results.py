"""A benchmark's result tables, read back for the report."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from alpa.data.datasets import title_of
from alpa.data.protocols import PROTOCOLS
from alpa.errors import ScoreError
from alpa.evaluation.readings import COLUMNS as READINGS
from alpa.evaluation.readings import FILE

OWN = "primary"  # in comparisons.csv: each detector under the score it is ranked by


@dataclass(frozen=True)
class Difference:
    """`detector` minus `other` in mean AUROC, as a fraction, with its 95 % interval."""

    mean: float
    low: float
    high: float

    @property
    def sign(self) -> int:
        """1 or -1 if the interval excludes 0, else 0."""
        return (self.low > 0) - (self.high < 0)


@dataclass(frozen=True)
class Results:
    """cells.csv, leaderboard.csv, comparisons.csv and, where the samples are frames of clips, readings.csv."""

    benchmark: str
    cells: pd.DataFrame
    leaderboard: pd.DataFrame
    comparisons: pd.DataFrame
    readings: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=READINGS))

    @cached_property
    def primary(self) -> pd.DataFrame:
        """The leaderboard's rows of primary scores, best first, with the detector as index."""
        rows = self.leaderboard[self.leaderboard["is_primary"]]
        return rows.sort_values("auroc_mean", ascending=False, kind="stable").set_index("detector")

    @cached_property
    def detectors(self) -> list[str]:
        """The detectors, best first."""
        return list(self.primary.index)

    @property
    def labelled(self) -> list[str]:
        """Those whose values were chosen by labelled anomalies, best first."""
        return [str(detector) for detector in self.primary.index[self.primary["tuned_on"] == "labelled"]]

    @cached_property
    def classes(self) -> list[str]:
        """The target classes in the data set's order."""
        return list(dict.fromkeys(self.cells["normal_class"]))

    @property
    def seeds(self) -> list[int]:
        """The seeds, ascending."""
        return sorted(int(seed) for seed in self.cells["seed"].unique())

    @property
    def dataset(self) -> str:
        """The data set's key."""
        return str(self.leaderboard["dataset"].iloc[0])

    @property
    def protocol(self) -> str:
        """The protocol's key."""
        return str(self.leaderboard["protocol"].iloc[0])

    @property
    def dataset_title(self) -> str:
        """The data set's name for a reader."""
        return title_of(self.dataset)

    @property
    def protocol_title(self) -> str:
        """The protocol in words."""
        return PROTOCOLS[self.protocol].title if self.protocol in PROTOCOLS else self.protocol

    @property
    def target(self) -> str:
        """What the protocol calls a target class, such as `Normal class`."""
        return PROTOCOLS[self.protocol].target if self.protocol in PROTOCOLS else "Class"

    @property
    def has_clips(self) -> bool:
        """Whether the samples are frames of clips rather than still images."""
        return self.protocol in PROTOCOLS and PROTOCOLS[self.protocol].make_splits is None

    @property
    def n_test(self) -> int:
        """How many samples the test split has for the classes that ran."""
        return int(self.primary["n_test"].iloc[0])

    @property
    def n_clips(self) -> int:
        """How many clips the test split has, 0 for still images."""
        return int(self.readings["n_clips"].iloc[0]) if len(self.readings) else 0

    def score_of(self, detector: str) -> str:
        """Return the score that the detector is ranked by."""
        return str(self.primary.loc[detector, "score"])

    def auroc(self) -> pd.DataFrame:
        """Return the mean AUROC with detectors, best first, as rows and scores as columns; NaN where there is none."""
        table = self.leaderboard.pivot(index="detector", columns="score", values="auroc_mean")
        return table.loc[self.detectors]

    @cached_property
    def by_class(self) -> pd.DataFrame:
        """Each detector's AUROC under its primary score, mean over seeds: detectors as rows, classes as columns."""
        rows = self.cells[self.cells["score"] == self.cells["detector"].map(self.primary["score"])]
        table = rows.pivot_table(index="detector", columns="normal_class", values="auroc", aggfunc="mean")
        return table.loc[self.detectors, self.classes]

    @cached_property
    def hardest(self) -> str:
        """The class with the lowest AUROC, by the median over detectors."""
        return str(self.by_class.median().idxmin())

    @cached_property
    def easiest(self) -> str:
        """The class with the highest AUROC, by the median over detectors."""
        return str(self.by_class.median().idxmax())

    def difference(self, detector: str, other: str, score: str = OWN) -> Difference | None:
        """Return how far `detector` is above `other` under `score`, None if the two were not compared."""
        for first, second, sign in ((detector, other, 1), (other, detector, -1)):
            table = self.comparisons
            rows = table[(table["detector"] == first) & (table["other"] == second) & (table["score"] == score)]
            if len(rows):
                mean, low, high = (sign * float(rows[name].iloc[0]) for name in ("difference", "ci_low", "ci_high"))
                return Difference(mean, min(low, high), max(low, high))
        return None

    def shared_scores(self, detector: str, other: str) -> list[str]:
        """Return the scores that both detectors have."""
        scores = self.leaderboard.groupby("detector")["score"].agg(list)
        return [score for score in scores[detector] if score in scores[other]]


EMPTY_WHERE_UNKNOWN = ["auroc_sd_classes", "auroc_sd_seeds", "macro", "rank_mean", "wilcoxon_p", "wilcoxon_p_holm"]
EMPTY_WHERE_UNKNOWN += ["delong_better", "delong_worse"]
COLUMNS = {
    "cells": ["detector", "normal_class", "seed", "score", "auroc", "n_normal", "n_anomalous"],
    "leaderboard": [
        "dataset",
        "protocol",
        "detector",
        "score",
        "is_primary",
        "auroc_mean",
        "ci_low",
        "ci_high",
        "tuned_on",
    ],
    "comparisons": ["score", "detector", "other", "difference", "ci_low", "ci_high"],
}


def read_results(folder: Path) -> Results:
    """Read reports/<benchmark>/, which the leaderboard stage wrote.

    Raises:
        ScoreError: a table is missing, empty or lacks a column.
    """
    tables = {name: _read_csv(folder / f"{name}.csv", columns) for name, columns in COLUMNS.items()}
    results = Results(folder.name, **tables)
    return replace(results, readings=_read_csv(folder / FILE, READINGS)) if results.has_clips else results


def _read_csv(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    remedy = f"run `dvc repro pipeline/dvc.yaml:leaderboard@{path.parent.name}`"
    if not path.is_file():
        raise ScoreError(f"{path} does not exist; {remedy}.")
    # Names are text: a class called NA or 07 must stay what it is.
    names = dict.fromkeys(["dataset", "protocol", "detector", "normal_class", "score", "other", "delong_p_holm"], str)
    numbers = {column: [""] for column in EMPTY_WHERE_UNKNOWN}
    try:
        table = pd.read_csv(path, dtype=names, keep_default_na=False, na_values=numbers)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError):
        raise ScoreError(f"{path} is no CSV table; {remedy}.") from None
    for name in columns:
        if name not in table.columns:
            raise ScoreError(f"{path} has no column {name}; {remedy}.")
    if path.stem != "comparisons" and table.empty:
        raise ScoreError(f"{path} has no rows; {remedy}.")
    return table
