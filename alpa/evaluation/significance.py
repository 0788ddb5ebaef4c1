"""Confidence intervals by a paired hierarchical bootstrap over seeds and test images.

One resample draws test images with replacement (whole clips where there are clips, since neighbouring frames depend on
each other) and, from three seeds on, seeds. The same draw serves all detectors, classes and scores of a benchmark, so
differences are paired. Normal classes are the benchmark itself and are not drawn. The statistic is the AUROC's mean
over classes and drawn seeds, the interval its percentile interval (B. Efron and R. Tibshirani, An Introduction to the
Bootstrap, 1993, chapter 13). Few seeds make it narrow: resampling n seeds understates their variance by (n - 1) / n.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import coo_array

from alpa.errors import ScoreError

LEVEL = 0.95
FEWEST_SEEDS_TO_RESAMPLE = 3
CHUNK_ELEMENTS = 1_000_000  # draw counts held at once: 4 MB, which stay in the processor's cache
MOST_REDRAWS = 100

Column = tuple[str, str]  # (detector, score)


@dataclass(frozen=True)
class Bootstrap:
    """The resampled statistic of each (detector, score): `values` is (resamples, columns), paired along rows."""

    columns: tuple[Column, ...]
    values: np.ndarray

    def interval(self, column: Column) -> tuple[float, float]:
        """Return the 95 % interval of one column's mean AUROC."""
        return _percentiles(self._values_of(column))

    def difference(self, column: Column, other: Column) -> tuple[float, float]:
        """Return the 95 % interval of `column` minus `other`, resample by resample."""
        return _percentiles(self._values_of(column) - self._values_of(other))

    def _values_of(self, column: Column) -> np.ndarray:
        return self.values[:, self.columns.index(column)]


class ResampledAuroc:
    """One cell's AUROC as a function of how often each unit (image or clip) was drawn.

    Scores are sorted once. With the smaller of the two classes as the levels 0..k-1 from the highest score down,
    `above` holds the drawn weight of the larger class above each level, a tie counting one half on either side; all
    sums are multiples of one half, so ties are exact.
    """

    def __init__(self, is_anomaly: np.ndarray, scores: np.ndarray, unit: np.ndarray, n_units: int) -> None:
        """Sort a cell.

        Args:
            is_anomaly: (N,) booleans, both values present.
            scores: (N,) finite numbers, higher is more anomalous.
            unit: (N,) indices of what is drawn, in 0..n_units-1.
            n_units: how many units there are to draw from.
        """
        self._anomalies_are_fewer = 2 * int(is_anomaly.sum()) < len(is_anomaly)
        fewer = is_anomaly == self._anomalies_are_fewer
        levels, level = np.unique(-scores[fewer], return_inverse=True)
        self._at_level = coo_array(
            (np.ones(len(level), np.float32), (level, unit[fewer])), shape=(len(levels), n_units)
        ).tocsr()
        rest, rest_unit = -scores[~fewer], unit[~fewer]
        # An untied sample lands twice in one row, a tied one in its level's row and in the next: half counts there.
        row = np.concatenate([np.searchsorted(levels, rest, "left"), np.searchsorted(levels, rest, "right")])
        half = np.full(len(row), 0.5, np.float32)
        self._steps = coo_array((half, (row, np.tile(rest_unit, 2))), shape=(len(levels) + 1, n_units)).tocsr()

    def __call__(self, counts: np.ndarray) -> np.ndarray:
        """Return the AUROC (R,) of R resamples; `counts` is (n_units, R) float32, both classes drawn in each."""
        at_level = self._at_level @ counts
        above = np.cumsum(self._steps @ counts, axis=0, dtype=np.float64)  # its last row is the larger class's total
        pairs = np.einsum("lr,lr->r", at_level, above[:-1], dtype=np.float64)
        higher = pairs / (at_level.sum(axis=0, dtype=np.float64) * above[-1])
        return 1 - higher if self._anomalies_are_fewer else higher


def bootstrap(
    cells: Mapping[str, Mapping[tuple[str, int], pd.DataFrame]],
    scores: Mapping[str, Sequence[str]],
    samples: int,
    seed: int,
) -> Bootstrap:
    """Resample the mean AUROC of every (detector, score).

    Args:
        cells: per detector the cells of `ScoreTable.cells()`, the same classes, seeds and test sets for all.
        scores: per detector its scores.
        samples: the number of resamples.
        seed: of the draws; equal inputs and seed give equal values, and a further detector changes no other's.

    Raises:
        ScoreError: a class has too few normal or anomalous samples to be resampled.
    """
    first = next(iter(cells.values()))
    seeds = sorted({cell_seed for _, cell_seed in first})
    units = _Units(first)
    columns = tuple((detector, score) for detector in cells for score in scores[detector])

    def sort_cells() -> Iterator[tuple[int, int, ResampledAuroc]]:
        for position, (detector, score) in enumerate(columns):
            for (_, cell_seed), cell in cells[detector].items():
                yield position, seeds.index(cell_seed), ResampledAuroc(*units.arrays(cell, score), len(units))

    image_rng, seed_rng = np.random.default_rng(seed).spawn(2)
    chunk = max(1, CHUNK_ELEMENTS // len(units))
    held = list(sort_cells()) if samples > chunk else None  # all at once take memory, and one chunk needs each once
    values = np.zeros((samples, len(columns), len(seeds)))
    for start in range(0, samples, chunk):
        counts = units.draw(image_rng, min(chunk, samples - start))
        for position, seed_position, auroc in held or sort_cells():
            values[start : start + chunk, position, seed_position] += auroc(counts)
    values /= len(first) / len(seeds)  # the sum over classes becomes their mean
    return Bootstrap(columns, np.einsum("rcs,rs->rc", values, _seed_weights(seed_rng, samples, len(seeds))))


class _Units:
    """What is drawn: the test split's clips where it has them, else its images."""

    def __init__(self, cells: Mapping[tuple[str, int], pd.DataFrame]) -> None:
        """Number the units of a benchmark's test sets, given one detector's cells."""
        by_class = {target_class: cell for (target_class, _), cell in cells.items()}
        self._key = "group" if all((cell["group"] >= 0).all() for cell in by_class.values()) else "sample"
        self._names = np.unique(np.concatenate([cell[self._key].to_numpy() for cell in by_class.values()]))
        self._classes = list(by_class)
        self._sizes = np.stack([self._label_sizes(cell) for cell in by_class.values()])

    def __len__(self) -> int:
        return len(self._names)

    def arrays(self, cell: pd.DataFrame, score: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return a cell's labels, scores and units, each (N,)."""
        return cell["is_anomaly"].to_numpy(), cell[score].to_numpy(), np.searchsorted(self._names, cell[self._key])

    def _label_sizes(self, cell: pd.DataFrame) -> np.ndarray:
        """Return (2, n_units): the class's normal and anomalous samples in each unit."""
        unit = np.searchsorted(self._names, cell[self._key])
        is_anomaly = cell["is_anomaly"].to_numpy()
        sizes = [np.bincount(unit[is_anomaly == label], minlength=len(self)) for label in (False, True)]
        return np.stack(sizes).astype(np.float32)

    def draw(self, rng: np.random.Generator, resamples: int) -> np.ndarray:
        """Return how often each unit was drawn, (n_units, resamples) float32.

        A resample that leaves a class without normal or without anomalous samples has no AUROC and is drawn again.
        """
        counts = np.empty((resamples, len(self)), np.float32)
        wanted = np.arange(resamples)
        for _ in range(MOST_REDRAWS):
            drawn = rng.integers(len(self), size=(len(wanted), len(self)))
            drawn += np.arange(len(wanted))[:, None] * len(self)
            counts[wanted] = np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape)
            lacking = (self._sizes @ counts.T == 0).any(axis=1)  # (classes, resamples)
            wanted = np.flatnonzero(lacking.any(axis=0))
            if not wanted.size:
                return np.ascontiguousarray(counts.T)
        name = self._classes[int(lacking.sum(axis=1).argmax())]
        raise ScoreError(
            f"Class {name} has too few normal or anomalous test samples to resample; use a larger test split."
        )


def _seed_weights(rng: np.random.Generator, samples: int, n_seeds: int) -> np.ndarray:
    """Return (samples, n_seeds) weights that sum to 1: drawn from three seeds on, equal with fewer."""
    if n_seeds < FEWEST_SEEDS_TO_RESAMPLE:
        return np.full((samples, n_seeds), 1 / n_seeds)
    return rng.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), size=samples) / n_seeds


def _percentiles(values: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
