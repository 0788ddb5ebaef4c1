"""Every pair of detectors compared: the paired bootstrap first, and beside it Wilcoxon's and DeLong's tests.

The tests answer other questions than the interval. Wilcoxon's takes the classes (of video the clips) for a sample of
others, each weighing the same; DeLong's takes a class's test images for one, with the trained seeds as they are. Both
are corrected by Holm's method for all pairs under one score, DeLong's for all classes too. There is no DeLong's test of
frames, since neighbours depend on each other.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from alpa.evaluation.metrics import auroc
from alpa.evaluation.paired_tests import Placements, compare_placements, holm, placements, wilcoxon_over_classes
from alpa.evaluation.readings import with_both
from alpa.evaluation.result_tables import DECIMALS  # to which AUROCs are rounded, so that equal ones tie
from alpa.evaluation.scores import ScoreTable
from alpa.evaluation.significance import Bootstrap

OWN = "primary"  # the label under which each detector is compared by the score that it is ranked by
LEVEL = 0.05
COLUMNS = ["score", "detector", "other", "difference", "ci_low", "ci_high", "n_seeds", "n_classes"]
COLUMNS += ["wilcoxon_n", "wilcoxon_p", "wilcoxon_p_holm", "delong_better", "delong_worse", "delong_p_holm"]

Column = tuple[str, str]  # (detector, score)
Pair = tuple[str, Column, Column]  # the label, and what is compared with what
Cells = Mapping[str, Mapping[tuple[str, int], pd.DataFrame]]


def compare(
    tables: Sequence[ScoreTable], cells: Cells, leaderboard: pd.DataFrame, units: pd.DataFrame, resampled: Bootstrap
) -> pd.DataFrame:
    """Return a row of COLUMNS for every pair under each shared score, and under their own primary scores.

    Args:
        tables: the detectors' score tables, in the order of the pairs.
        cells: their cells, by class and seed.
        leaderboard: a row per detector and score.
        units: what `units_of` returned.
        resampled: the bootstrap of the same cells.

    Returns:
        `difference` is `detector` minus `other` in mean AUROC, and so is its 95 % interval. `wilcoxon_n` counts the
        classes or clips that differ; p-values are NaN where there are fewer than two. `delong_better` and
        `delong_worse` count the classes in which `detector` is so at LEVEL; `delong_p_holm` is one p-value per class,
        in the classes' order and with spaces between. These are empty for frames of clips.
    """
    pairs = list(_pairs(tables))
    rows = leaderboard.set_index(["detector", "score"])
    found = pd.DataFrame(
        [
            (
                label,
                first[0],
                second[0],
                rows.loc[first, "auroc_mean"] - rows.loc[second, "auroc_mean"],
                *resampled.difference(first, second),
                rows.loc[first, "n_seeds"],
                rows.loc[first, "n_classes"],
            )
            for label, first, second in pairs
        ],
        columns=COLUMNS[:8],
    )
    tests = pd.DataFrame(_wilcoxon(pairs, units), columns=COLUMNS[8:10])
    found = pd.concat([found, tests], axis=1)
    found[COLUMNS[10]] = _corrected(found["score"], found["wilcoxon_p"].to_numpy(np.float64)[:, None])[:, 0]
    return pd.concat([found, _delong(pairs, found["score"], cells)], axis=1)[COLUMNS]


def units_of(tables: Sequence[ScoreTable], cells: Cells, cell_rows: pd.DataFrame) -> pd.DataFrame:
    """Return the AUROC, mean over seeds, of each (detector, score): a row per class, or per clip with both labels.

    Args:
        tables: the detectors' score tables.
        cells: their cells, by class and seed.
        cell_rows: the columns of cells.csv.
    """
    first = next(iter(next(iter(cells.values())).values()))
    if (first["group"] < 0).any():
        by_class = cell_rows.pivot_table(index="normal_class", columns=["detector", "score"], values="auroc")
        return by_class.round(DECIMALS)
    clips = with_both(first["is_anomaly"].to_numpy(), first["group"].to_numpy())
    return pd.DataFrame(
        {
            (table.info.detector, score): [
                np.mean([_clip_auroc(cell, clip, score) for cell in cells[table.info.detector].values()])
                for clip in clips
            ]
            for table in tables
            for score in sorted(table.score_names)
        },
        index=clips,
    ).round(DECIMALS)


def mean_ranks(tables: Sequence[ScoreTable], units: pd.DataFrame) -> dict[Column, float]:
    """Return each detector's rank under its primary score, 1 the best and ties shared, mean over classes or clips."""
    own = [(table.info.detector, table.info.primary_score) for table in tables]
    ranks = units[own].rank(axis=1, ascending=False).mean()
    return {column: float(rank) for column, rank in zip(own, ranks, strict=True)}


def _pairs(tables: Sequence[ScoreTable]) -> Iterator[Pair]:
    for one, other in combinations(tables, 2):
        first, second = one.info.detector, other.info.detector
        yield OWN, (first, one.info.primary_score), (second, other.info.primary_score)
        for score in sorted(set(one.score_names) & set(other.score_names)):
            yield score, (first, score), (second, score)


def _wilcoxon(pairs: Sequence[Pair], units: pd.DataFrame) -> Iterator[tuple[int, float]]:
    for _, first, second in pairs:
        differences = (units[first] - units[second]).round(DECIMALS).to_numpy()
        if len(differences) < 2:
            yield int(np.count_nonzero(differences)), float("nan")
        else:
            tested = wilcoxon_over_classes(differences)
            yield tested.n, tested.p_value


def _delong(pairs: Sequence[Pair], labels: pd.Series, cells: Cells) -> pd.DataFrame:
    """Return the last three columns: DeLong's test within each class."""
    first = next(iter(cells.values()))
    columns = COLUMNS[11:]
    if not pairs or (next(iter(first.values()))["group"] >= 0).all():
        return pd.DataFrame("", index=range(len(pairs)), columns=columns)
    classes = list(dict.fromkeys(name for name, _ in first))
    tested = np.stack([within(name, pairs, cells) for name in classes], axis=1)  # (pairs, classes, 2)
    difference, p_values = tested[..., 0], _corrected(labels, tested[..., 1])
    shown = p_values < LEVEL
    text = [" ".join(f"{value:.{DECIMALS}f}" for value in row) for row in p_values]
    values = ((shown & (difference > 0)).sum(axis=1), (shown & (difference < 0)).sum(axis=1), text)
    return pd.DataFrame(dict(zip(columns, values, strict=True)))


def within(name: str, pairs: Sequence[Pair], cells: Cells) -> NDArray[np.float64]:
    """Return each pair's difference and p-value (pairs, 2) within one class, mean over seeds; NaN if too few."""
    cell = next(cell for (own, _), cell in next(iter(cells.values())).items() if own == name)  # as of all its seeds
    if np.bincount(cell["is_anomaly"], minlength=2).min() < 2:
        return np.full((len(pairs), 2), np.nan)
    placed = {column: _placed(name, column, cells) for column in {column for pair in pairs for column in pair[1:]}}
    found = [compare_placements(placed[first], placed[second]) for _, first, second in pairs]
    return np.array([(each.difference, each.p_value) for each in found])


def _placed(name: str, column: Column, cells: Cells) -> Placements:
    """Return a class's placements, mean over seeds, whose mean is then the mean AUROC."""
    detector, score = column
    found = [
        placements(cell["is_anomaly"].to_numpy(), cell[score].to_numpy())
        for (own, _), cell in cells[detector].items()
        if own == name
    ]
    return Placements(*(np.mean(part, axis=0) for part in zip(*found, strict=True)))


def _corrected(labels: pd.Series, p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return p-values (rows, k) after Holm's correction for all that have the same label; NaN is counted and stays."""
    adjusted = np.empty(p_values.shape)
    for label in labels.unique():
        own = (labels == label).to_numpy()
        adjusted[own] = holm(p_values[own].ravel().tolist()).reshape(-1, p_values.shape[1])
    return np.where(np.isnan(p_values), np.nan, adjusted)


def _clip_auroc(cell: pd.DataFrame, clip: int, score: str) -> float:
    own = cell[cell["group"] == clip]
    return auroc(own["is_anomaly"], own[score])
