"""Score tables to the benchmark's result tables: one row per cell, per ranked score, and per compared pair.

Nothing is averaged around a hole: a cell that params.yaml names and no score table holds is an error.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from sklearn import config_context

from alpa.errors import ScoreError
from alpa.evaluation.comparisons import compare, mean_ranks, units_of
from alpa.evaluation.metrics import METRICS
from alpa.evaluation.result_tables import DECIMALS, as_csv
from alpa.evaluation.scores import ScoreTable, read_scores, rerun, same_test_set
from alpa.evaluation.significance import Bootstrap, bootstrap
from alpa.files import write_json, write_text
from alpa.params import EvaluationConfig

UNTUNED = "untuned"
Cells = dict[str, dict[tuple[str, int], pd.DataFrame]]


@dataclass(frozen=True)
class Leaderboard:
    """A benchmark's results as the columns of cells.csv, leaderboard.csv and comparisons.csv, and metrics.json."""

    cells: pd.DataFrame
    leaderboard: pd.DataFrame
    comparisons: pd.DataFrame
    metrics: dict[str, float]


def read_tables(folder: Path, detectors: Sequence[str]) -> tuple[list[ScoreTable], list[str]]:
    """Read the score tables of a benchmark.

    Args:
        folder: runs/scores/<benchmark>/.
        detectors: whose tables to read, in this order.

    Returns:
        The tables, and the names of the other score files, which are left alone.

    Raises:
        ScoreError: a table is missing or damaged.
    """
    left_alone = sorted(path.name for path in folder.glob("*.parquet") if path.stem not in detectors)
    return [read_scores(folder / f"{detector}.parquet") for detector in detectors], left_alone


def build_leaderboard(
    tables: Sequence[ScoreTable],
    classes: Sequence[str],
    seeds: Sequence[int],
    config: EvaluationConfig,
    tuned_on: Mapping[str, str],
) -> Leaderboard:
    """Turn a benchmark's score tables into its results.

    Args:
        tables: one per detector, in the order of the result's rows.
        classes: the normal classes that every detector must have scores for, in the order of the rows.
        seeds: likewise the seeds. Cells of other classes and seeds are left out.
        config: the bootstrap's size and seed.
        tuned_on: by detector, what its study told normal images from: pseudo or labelled anomalies. One without a study
            is untuned. Every row of the result says it, since labelled anomalies are more than others get.

    Raises:
        ScoreError: a cell is missing, or the tables differ in data set, protocol or test samples.
    """
    cells = _complete_cells(tables, classes, seeds)
    _check_same_benchmark(tables, cells)
    scores = {table.info.detector: sorted(table.score_names) for table in tables}
    resampled = bootstrap(cells, scores, config.bootstrap_samples, config.bootstrap_seed)
    with config_context(assume_finite=True, skip_parameter_validation=True):  # both were checked before
        cell_rows = pd.DataFrame(_cell_rows(tables, cells))
    n_test = len(pd.concat([cell["sample"] for cell in next(iter(cells.values())).values()]).unique())
    units = units_of(tables, cells, cell_rows)
    leaderboard = pd.DataFrame(_leaderboard_rows(tables, cell_rows, resampled, n_test))
    ranks = mean_ranks(tables, units)
    columns = zip(leaderboard["detector"], leaderboard["score"], strict=True)
    leaderboard["rank_mean"] = [ranks.get(column, float("nan")) for column in columns]
    leaderboard["n_ranked"] = len(units)
    comparisons = compare(tables, cells, leaderboard, units, resampled)
    for table in (cell_rows, leaderboard, comparisons):
        table["tuned_on"] = [tuned_on.get(name, UNTUNED) for name in table["detector"]]
    comparisons["other_tuned_on"] = [tuned_on.get(name, UNTUNED) for name in comparisons["other"]]
    return Leaderboard(cell_rows, leaderboard, comparisons, _primary_metrics(leaderboard))


def write_leaderboard(folder: Path, results: Leaderboard) -> None:
    """Write the result tables as CSV and metrics.json; equal results give equal bytes.

    ranking.csv and metrics.json hold each detector's mean AUROC under its primary score alone, for `dvc plots show` and
    `dvc metrics show`.
    """
    for name in ("cells", "leaderboard", "comparisons"):
        write_text(folder / f"{name}.csv", as_csv(getattr(results, name)))
    ranking = results.leaderboard.loc[results.leaderboard["is_primary"], ["detector", "auroc_mean"]]
    write_text(folder / "ranking.csv", as_csv(ranking))
    write_json(folder / "metrics.json", results.metrics)


def _complete_cells(tables: Sequence[ScoreTable], classes: Sequence[str], seeds: Sequence[int]) -> Cells:
    """Return per detector the cells of the whole grid, by class, then seed."""
    complete: Cells = {}
    for info, held in ((table.info, table.cells()) for table in tables):
        grid = [(name, seed) for name in classes for seed in seeds]
        for name, seed in grid:
            if (name, seed) not in held:
                raise ScoreError(
                    f"{info.benchmark} class {name}, seed {seed} of {info.detector} has no scores; "
                    f"{rerun(info.benchmark, info.detector)}."
                )
        complete[info.detector] = {cell: held[cell] for cell in grid}
    return complete


def _check_same_benchmark(tables: Sequence[ScoreTable], cells: Cells) -> None:
    """Raise ScoreError unless all tables have one data set, one protocol, and per class one test set."""
    first = tables[0].info
    for info in (table.info for table in tables[1:]):
        remedy = f"{rerun(info.benchmark, info.detector)} and {rerun(first.benchmark, first.detector)}."
        if (info.dataset, info.protocol) != (first.dataset, first.protocol):
            raise ScoreError(
                f"{info.detector} has scores for {info.dataset} ({info.protocol}) but {first.detector} for "
                f"{first.dataset} ({first.protocol}); {remedy}"
            )
        for (name, seed), cell in cells[info.detector].items():
            if not same_test_set(cell, cells[first.detector][name, seed]):
                raise ScoreError(
                    f"The test set of {info.benchmark} class {name}, seed {seed} differs between {info.detector} and "
                    f"{first.detector}; {remedy}"
                )


def _cell_rows(tables: Sequence[ScoreTable], cells: Cells) -> Iterator[dict[str, object]]:
    """Yield one row per detector, score, class and seed, with every metric."""
    for table in tables:
        for score in sorted(table.score_names):
            for (name, seed), cell in cells[table.info.detector].items():
                is_anomaly = cell["is_anomaly"].to_numpy()
                values = cell[score].to_numpy()
                yield {
                    **_identity(table),
                    "normal_class": name,
                    "seed": seed,
                    "score": score,
                    **{metric: measure(is_anomaly, values) for metric, measure in METRICS.items()},
                    "n_normal": int((~is_anomaly).sum()),
                    "n_anomalous": int(is_anomaly.sum()),
                }


def _leaderboard_rows(
    tables: Sequence[ScoreTable], cells: pd.DataFrame, resampled: Bootstrap, n_test: int
) -> Iterator[dict[str, object]]:
    """Yield one row per detector and score; a deviation of a single value is NaN, an empty field."""
    for table in tables:
        for score in sorted(table.score_names):
            rows = cells[(cells["detector"] == table.info.detector) & (cells["score"] == score)]
            by_class, by_seed = rows.groupby("normal_class")["auroc"], rows.groupby("seed")["auroc"]
            low, high = resampled.interval((table.info.detector, score))
            yield {
                **_identity(table),
                "score": score,
                "is_primary": score == table.info.primary_score,
                "auroc_mean": rows["auroc"].mean(),
                "auroc_sd_classes": by_class.mean().std(),
                "auroc_sd_seeds": by_seed.mean().std(),
                "ci_low": low,
                "ci_high": high,
                "n_classes": len(by_class),
                "n_seeds": len(by_seed),
                "n_test": n_test,
            }


def _primary_metrics(leaderboard: pd.DataFrame) -> dict[str, float]:
    """Return each detector's mean AUROC under its primary score, rounded as in the tables."""
    primary = leaderboard[leaderboard["is_primary"]].set_index("detector")["auroc_mean"]
    return {str(name): round(float(value), DECIMALS) for name, value in primary.items()}


def _identity(table: ScoreTable) -> dict[str, object]:
    return {"dataset": table.info.dataset, "protocol": table.info.protocol, "detector": table.info.detector}
