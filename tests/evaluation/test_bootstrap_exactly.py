"""The paired hierarchical bootstrap beside the enumeration of all its resamples, and its coverage on normal scores."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import norm

from alpa.errors import ScoreError
from alpa.evaluation.scores import ScoreTable
from alpa.evaluation.significance import Bootstrap, bootstrap

MakeTable = Callable[..., ScoreTable]
COLUMN, OTHER = ("alpa", "latent"), ("pca", "latent")


def run(*tables: ScoreTable, samples: int, seed: int = 0) -> Bootstrap:
    cells = {table.info.detector: table.cells() for table in tables}
    return bootstrap(cells, {table.info.detector: table.score_names for table in tables}, samples, seed)


def pair_count(is_anomaly: np.ndarray, scores: np.ndarray) -> float:
    anomalies, normals = scores[is_anomaly][:, None], scores[~is_anomaly]
    return float(np.mean((anomalies > normals) + (anomalies == normals) / 2))


def enumerated(table: ScoreTable, clip: int = 1) -> np.ndarray:
    """Return the statistic of each equally likely resample of one class's units and, from three on, of its seeds."""
    cells = [(cell["is_anomaly"].to_numpy(), cell["latent"].to_numpy()) for cell in table.cells().values()]
    n, seeds = len(cells[0][0]), range(len(cells))
    units = np.arange(n).reshape(-1, clip)
    drawn_seeds = list(itertools.product(seeds, repeat=len(cells))) if len(cells) >= 3 else [tuple(seeds)]
    found = []
    for drawn in itertools.product(range(len(units)), repeat=len(units)):
        rows = units[list(drawn)].ravel()
        if len(set(cells[0][0][rows])) == 2:  # both kinds are kept, else there is no AUROC
            aurocs = [pair_count(labels[rows], scores[rows]) for labels, scores in cells]
            found += [np.mean([aurocs[seed] for seed in chosen]) for chosen in drawn_seeds]
    return np.array(found)


def largest_gap(values: np.ndarray, exact: np.ndarray) -> float:
    """Return the Kolmogorov-Smirnov distance of drawn values from a discrete distribution."""
    at = np.unique(np.round(exact, 9)) + 1e-6
    shares = [(np.sort(part)[None] <= at[:, None]).mean(1) for part in (values, exact)]
    return float(np.abs(shares[0] - shares[1]).max())


@pytest.mark.parametrize(
    ("n", "clip", "seeds"), [(5, 0, (0,)), (5, 0, (0, 1)), (4, 0, (0, 1, 2)), (8, 2, (0,))], ids=str
)
def test_the_resamples_are_distributed_as_all_there_are(
    n: int, clip: int, seeds: tuple[int, ...], make_table: MakeTable
) -> None:
    table = make_table(classes=("0",), seeds=seeds, scores=("latent",), n=n, clip=clip)
    table.frame["latent"] = table.frame["latent"].round(0)  # with ties
    exact = enumerated(table, clip or 1)
    values = run(table, samples=6000).values[:, 0]
    assert largest_gap(values, exact) < 2 / 6000**0.5  # beyond which lies one draw of 1500
    assert run(table, samples=6000).interval(COLUMN) == pytest.approx(np.quantile(exact, [0.025, 0.975]), abs=0.03)


def test_every_resample_keeps_both_kinds_of_samples_of_a_set_of_two(make_table: MakeTable) -> None:
    table = make_table(classes=("0",), seeds=(0,), scores=("latent",), n=2)
    table.frame["latent"] = np.array([0, 1], np.float32)
    assert set(run(table, samples=50).values.ravel()) == {1.0}, "half of all draws have one kind alone"


def normal_scores(rng: np.random.Generator, shift: float, shared: np.ndarray) -> np.ndarray:
    """Return scores of 90 samples whose AUROC in truth is Phi(shift / sqrt(2))."""
    is_anomaly = np.arange(90) % 3 != 0
    return (shift * is_anomaly + 0.8 * shared + 0.6 * rng.normal(size=90)).astype(np.float32)


def test_intervals_cover_the_truth_about_as_often_as_they_say(make_table: MakeTable) -> None:
    rng, (first, second) = np.random.default_rng(0), norm.cdf(np.array([1.0, 0.6]) / 2**0.5)
    wanted, covered = [first, second, first - second], []
    for repetition in range(250):
        shared = rng.normal(size=90)
        tables = [make_table(name, classes=("0",), seeds=(0,), scores=("latent",), n=90) for name in ("alpa", "pca")]
        for table, shift in zip(tables, (1.0, 0.6), strict=True):
            table.frame["latent"] = normal_scores(rng, shift, shared)
        result = run(*tables, samples=300, seed=repetition)
        intervals = [result.interval(COLUMN), result.interval(OTHER), result.difference(COLUMN, OTHER)]
        covered.append([low <= x <= high for (low, high), x in zip(intervals, wanted, strict=True)])
    # Of 250 the share has a deviation of 0.014; percentile intervals of so few samples are a little narrow.
    assert np.mean(covered, axis=0) == pytest.approx(0.94, abs=0.04)


def test_a_detector_and_its_copy_differ_by_an_interval_of_no_width(make_table: MakeTable) -> None:
    first, copy = make_table("alpa", seeds=(0, 1, 2)), make_table("pca", seeds=(0, 1, 2))
    copy.frame["latent"] = np.float32(2) * copy.frame["latent"] + 1  # the same ranks
    assert run(first, copy, samples=100).difference(COLUMN, OTHER) == (0, 0)


def test_a_constant_score_is_chance_without_an_interval(make_table: MakeTable) -> None:
    table = make_table(scores=("latent",))
    table.frame["latent"] = np.float32(3)
    assert run(table, samples=50).interval(COLUMN) == (0.5, 0.5)


def test_a_class_without_anomalies_cannot_be_resampled(make_table: MakeTable) -> None:
    table = make_table(classes=("0",), scores=("latent",))
    table.frame["is_anomaly"] = False
    with pytest.raises(ScoreError, match="Class 0 has too few normal or anomalous test samples to resample"):
        run(table, samples=10)
