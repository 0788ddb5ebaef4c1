from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from alpa.errors import ScoreError
from alpa.evaluation.significance import ResampledAuroc, bootstrap


def run(*tables, samples=200, seed=0):
    cells = {table.info.detector: table.cells() for table in tables}
    return bootstrap(cells, {table.info.detector: table.score_names for table in tables}, samples, seed)


def width(interval):
    return interval[1] - interval[0]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 4), st.integers(0, 3)), min_size=2, max_size=40),
    st.lists(st.integers(0, 3), min_size=4, max_size=4),
)
def test_auroc_from_counts_equals_auroc_of_the_repeated_samples(samples, counts):
    is_anomaly, scores, unit = (np.array(column) for column in zip(*samples, strict=True))
    times = np.array(counts)[unit]  # how often each sample is in the resample
    repeated = np.repeat(is_anomaly, times)
    if is_anomaly.all() or not is_anomaly.any() or repeated.all() or not repeated.any():
        return
    resampled = ResampledAuroc(is_anomaly, scores.astype(np.float32), unit, 4)
    expected = roc_auc_score(repeated, np.repeat(scores, times))
    assert resampled(np.array(counts, np.float32)[:, None]) == pytest.approx([expected], abs=1e-12)


def test_the_bootstrap_equals_brute_force_over_the_same_draws(make_table):
    table = make_table(seeds=(0, 1, 2))
    result = run(table, samples=20, seed=5)
    image_rng, seed_rng = np.random.default_rng(5).spawn(2)
    images = image_rng.integers(60, size=(20, 60))
    weights = seed_rng.multinomial(3, [1 / 3] * 3, size=20) / 3
    for row in range(20):
        for column, (_, score) in enumerate(result.columns):
            means = [
                np.mean(
                    [
                        roc_auc_score(cell["is_anomaly"].iloc[images[row]], cell[score].iloc[images[row]])
                        for (_, cell_seed), cell in table.cells().items()
                        if cell_seed == seed
                    ]
                )
                for seed in range(3)
            ]
            assert result.values[row, column] == pytest.approx(means @ weights[row], abs=1e-12)


def test_clips_are_drawn_whole(make_table):
    table = make_table(n=60, clip=12)
    result = run(table, samples=20, seed=3)
    clips = np.random.default_rng(3).spawn(2)[0].integers(5, size=(20, 5))
    images = (clips[:, :, None] * 12 + np.arange(12)).reshape(20, 60)
    cells = table.cells().values()
    for row in range(20):
        aurocs = [roc_auc_score(c["is_anomaly"].iloc[images[row]], c["latent"].iloc[images[row]]) for c in cells]
        assert result.values[row, result.columns.index(("alpa", "latent"))] == pytest.approx(np.mean(aurocs))


def test_equal_seeds_give_equal_values_and_other_seeds_give_others(make_table):
    table = make_table()
    assert np.array_equal(run(table, seed=1).values, run(table, seed=1).values)
    assert not np.array_equal(run(table, seed=1).values, run(table, seed=2).values)


def test_a_further_detector_changes_no_other_s_interval(make_table):
    alone = run(make_table("alpa"))
    beside = run(make_table("alpa"), make_table("pca", noise=1))
    assert alone.interval(("alpa", "latent")) == beside.interval(("alpa", "latent"))


def test_two_detectors_with_equal_scores_differ_by_exactly_zero(make_table):
    result = run(make_table("alpa"), make_table("pca"))
    assert result.difference(("alpa", "latent"), ("pca", "latent")) == (0.0, 0.0)


def test_a_difference_is_paired(make_table):
    better, worse = make_table("alpa"), make_table("pca")
    worse.frame["latent"] += 0.01 * np.random.default_rng(0).normal(size=len(worse.frame)).astype(np.float32)
    result = run(better, worse)
    paired = result.difference(("alpa", "latent"), ("pca", "latent"))
    assert width(paired) < width(result.interval(("alpa", "latent"))) / 4


def test_the_interval_holds_95_percent_of_the_resamples_and_the_mean(make_table):
    table = make_table()
    result = run(table, samples=400)
    low, high = result.interval(("alpa", "latent"))
    values = result.values[:, result.columns.index(("alpa", "latent"))]
    assert np.mean((values < low) | (values > high)) == pytest.approx(0.05)
    assert low < np.mean([roc_auc_score(c["is_anomaly"], c["latent"]) for c in table.cells().values()]) < high


def seeds_that_disagree(make_table, seeds):
    table = make_table(seeds=seeds, scores=("latent",), n=300)
    chance = table.frame["seed"] == seeds[-1]
    table.frame.loc[chance, "latent"] = -table.frame.loc[chance, "latent"]
    return run(table, samples=300).interval(("alpa", "latent"))


def test_seeds_are_drawn_from_three_on(make_table):
    assert width(seeds_that_disagree(make_table, (0, 1, 2))) > 3 * width(seeds_that_disagree(make_table, (0, 1)))


def test_a_resample_with_one_class_is_drawn_again(make_table):
    table = make_table(n=9)  # three normal images a class: about 8 % of draws miss one of the three classes
    values = run(table, samples=500).values
    assert np.isfinite(values).all()


def test_a_class_that_can_hardly_be_resampled_is_an_error(make_table):
    names = [str(index) for index in range(14)]
    table = make_table(classes=names, n=14, clip=1)
    table.frame["is_anomaly"] = table.frame["sample"] != table.frame["target_class"].astype(int)
    with pytest.raises(ScoreError, match=r"Class \d+ has too few normal or anomalous test samples to resample"):
        run(table)


def test_test_sets_may_differ_between_classes(make_table):
    table = make_table()
    left_out = (table.frame["target_class"] == "0") & (table.frame["sample"] >= 50)
    assert np.isfinite(run(replace(table, frame=table.frame[~left_out])).values).all()
