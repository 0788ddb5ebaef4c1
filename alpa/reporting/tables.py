"""The report's tables: every number is formatted here, once, for HTML, Markdown and LaTeX alike."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from alpa.reporting.document import Column, Table
from alpa.reporting.results import Results
from alpa.reporting.wording import extent, interval, percent

NONE = "–"
RANKED_MARK = "*"
Better = Callable[[Iterable[float]], float]
Line = tuple[list[tuple[int, int]], Better]
SCORE_ORDER = ("reconstruction", "latent", "feature", "combined", "perturbed", "encoder_gap", "distance")


def leaderboard(results: Results) -> Table:
    """One row per detector under its primary score, best first."""
    rows = results.primary
    further = _further_metrics(results)
    columns = [Column("Detector", "detector"), Column("Ranked by", "text"), Column("AUROC"), Column("95 % interval")]
    columns += [Column("AP"), Column("FPR95"), Column("EER")]
    known = {"auroc_sd_classes": "SD classes", "auroc_sd_seeds": "SD seeds"}
    deviations = [name for name in known if rows[name].notna().any()]  # a lone class or seed has none
    columns += [Column(known[name]) for name in deviations]
    body = tuple(
        (
            str(detector),
            str(row["score"]),
            percent(row["auroc_mean"]),
            interval(row["ci_low"], row["ci_high"]),
            *(percent(value) for value in further.loc[detector]),
            *(_percent_or_none(row[column]) for column in deviations),
        )
        for detector, row in rows.iterrows()
    )
    lines = [_down(body, column, max if column < 5 else min) for column in (2, 4, 5, 6)]
    caption = (
        f"{results.dataset_title}: mean over {extent(results)}. All values in percent; AP: average "
        "precision; FPR95: normal samples flagged where 95 % of the anomalies are found; EER: equal error rate"
        f"{'; SD: standard deviation of the AUROC' if deviations else ''}."
    )
    return Table("leaderboard", caption, tuple(columns), body, _best(body, lines), sortable=True, filterable=True)


def every_score(results: Results) -> Table | None:
    """One row per detector and score, best first, None where each detector has one score."""
    rows = results.leaderboard.sort_values("auroc_mean", ascending=False, kind="stable")
    if len(rows) == len(results.detectors):
        return None
    body = tuple(
        (
            str(row["detector"]),
            (RANKED_MARK if row["is_primary"] else "") + str(row["score"]),
            percent(row["auroc_mean"]),
            interval(row["ci_low"], row["ci_high"]),
        )
        for _, row in rows.iterrows()
    )
    ranked = frozenset(place for place, (_, score, *_) in enumerate(body) if score.startswith(RANKED_MARK))
    columns = (Column("Detector", "detector"), Column("Score", "text"), Column("AUROC"), Column("95 % interval"))
    caption = (
        f"{results.dataset_title}, mean AUROC (%) of every detector under every score that it has. {RANKED_MARK} marks "
        "the score that the detector is ranked by."
    )
    table = Table("every_score", caption, columns, body, _best(body, [_down(body, 2)]))
    return replace(table, sortable=True, filterable=True, ranked=ranked)


def scores(results: Results) -> list[str]:
    """Return the scores that occur, those of the shared networks first."""
    found = list(results.auroc())
    return [
        *(score for score in SCORE_ORDER if score in found),
        *(score for score in found if score not in SCORE_ORDER),
    ]


def ablation(results: Results) -> Table:
    """Detectors by scores: what the training changes stands in a column, what the score changes in a row."""
    table = results.auroc()[scores(results)]
    body = tuple(
        (
            str(detector),
            *(
                (RANKED_MARK if score == results.score_of(str(detector)) else "") + _percent_or_none(value)
                for score, value in row.items()
            ),
        )
        for detector, row in table.iterrows()
    )
    caption = (
        f"{results.dataset_title}, mean AUROC (%): a row shows what the score changes, a column what the training "
        f"changes. {RANKED_MARK} marks the score that the detector is ranked by."
    )
    columns = (Column("Detector", "detector"), *(Column(score) for score in table))
    return Table(
        "ablation", caption, columns, body, _best(body, [_down(body, place + 1) for place in range(len(table.columns))])
    )


def per_class(results: Results) -> Table:
    """A row per target class, a column per detector, each under its primary score, and the mean."""
    table = results.by_class.T
    body = [(str(target), *(percent(value) for value in row)) for target, row in table.iterrows()]
    body.append(("mean", *(percent(value) for value in results.primary["auroc_mean"])))
    columns = (Column(results.target, "text"), *(Column(detector) for detector in results.detectors))
    lines = [_across(body, row) for row in range(len(body))]
    caption = f"{results.dataset_title}, AUROC (%) by class, mean over seeds, each detector under its own score."
    return Table("per_class", caption, columns, tuple(body), _best(body, lines), ends_in_mean=True, sortable=True)


def counts(results: Results, trained: Mapping[str, tuple[int, int]]) -> Table:
    """Samples per target class; `trained` maps a class to its training and validation images, where known."""
    first = results.cells.drop_duplicates("normal_class").set_index("normal_class")
    columns = [Column(results.target, "text")]
    columns += [Column("Training"), Column("Validation")] if trained else []
    columns += [Column("Test, normal"), Column("Test, anomalous")]
    body = tuple(
        (
            str(target),
            *(f"{number:,}" for number in trained.get(str(target), ())),
            *([NONE, NONE] if trained and str(target) not in trained else []),
            f"{row['n_normal']:,}",
            f"{row['n_anomalous']:,}",
        )
        for target, row in first.iterrows()
    )
    caption = (
        f"{results.dataset_title}, samples per class. Validation images are normal ones held out of the training split."
    )
    return Table("counts", caption, tuple(columns), body)


def _further_metrics(results: Results) -> pd.DataFrame:
    """Return mean average precision, FPR95 and EER per detector under its primary score."""
    rows = results.cells[results.cells["score"] == results.cells["detector"].map(results.primary["score"])]
    return rows.groupby("detector")[["average_precision", "fpr95", "eer"]].mean()


def _percent_or_none(value: float) -> str:
    return NONE if np.isnan(value) else percent(value)


def _number(text: str) -> float:
    return float(text.lstrip(RANKED_MARK))


def _best(rows: Sequence[Sequence[str]], lines: Iterable[Line]) -> frozenset[tuple[int, int]]:
    """Return the cells that hold the best printed number of their line, ties included; a lone number is not best."""
    found: set[tuple[int, int]] = set()
    for cells, better in lines:
        numbers = {(row, column): _number(rows[row][column]) for row, column in cells if rows[row][column] != NONE}
        if len(numbers) > 1:
            best = better(numbers.values())
            found |= {cell for cell, number in numbers.items() if number == best}
    return frozenset(found)


def stressed(rows: Sequence[Sequence[str]], columns: Mapping[int, Better]) -> frozenset[tuple[int, int]]:
    """Return the cells that hold the best printed number of their column, for each column what is better."""
    return _best(rows, [_down(rows, column, better) for column, better in columns.items()])


def _down(rows: Sequence[Sequence[str]], column: int, better: Better = max) -> Line:
    return [(row, column) for row in range(len(rows))], better


def _across(rows: Sequence[Sequence[str]], row: int) -> Line:
    return [(row, column) for column in range(1, len(rows[row]))], max
