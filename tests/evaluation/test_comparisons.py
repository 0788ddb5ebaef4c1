from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import wilcoxon

from alpa.evaluation.comparisons import LEVEL, within
from alpa.evaluation.leaderboard import build_leaderboard
from alpa.evaluation.paired_tests import delong, holm
from alpa.params import EvaluationConfig

CLASSES = ["0", "1", "2"]
CONFIG = EvaluationConfig(bootstrap_samples=20)


@pytest.fixture
def tables(make_table):
    return [make_table(key, noise=place) for place, key in enumerate(("alpa", "pca", "knn"))]


def built(tables, seeds=(0, 1), classes=CLASSES):
    return build_leaderboard(tables, classes, seeds, CONFIG, {})


def own_pairs(results):
    rows = results.comparisons
    return rows[rows["score"] == "primary"].set_index(["detector", "other"])


def test_wilcoxons_test_takes_the_difference_of_each_class_and_says_how_many_there_are(tables):
    results = built(tables)
    cells = results.cells[results.cells["score"] == "latent"]
    means = cells.pivot_table(index="normal_class", columns="detector", values="auroc")
    row = own_pairs(results).loc["alpa", "pca"]
    assert row["wilcoxon_n"] == 3
    assert row["wilcoxon_p"] == pytest.approx(wilcoxon(means["alpa"] - means["pca"]).pvalue)


def test_holms_correction_is_for_all_pairs_under_one_score(tables):
    rows = built(tables).comparisons
    for _, own in rows.groupby("score"):
        assert len(own) == 3
        assert own["wilcoxon_p_holm"].tolist() == pytest.approx(holm(own["wilcoxon_p"].tolist()).tolist())


def test_delongs_test_is_done_within_each_class_and_corrected_for_classes_and_pairs(make_table):
    tables = [make_table(key, noise=place, seeds=[0]) for place, key in enumerate(("alpa", "pca", "knn"))]
    rows = own_pairs(built(tables, seeds=[0]))
    cells = {table.info.detector: table.cells() for table in tables}
    plain = [
        delong(cells[first][name, 0]["is_anomaly"], cells[first][name, 0]["latent"], cells[second][name, 0]["latent"])
        for first, second in rows.index
        for name in CLASSES
    ]
    wanted = holm([each.p_value for each in plain])
    assert [float(text) for each in rows["delong_p_holm"] for text in each.split()] == pytest.approx(wanted, abs=1e-6)
    shown = [each.difference > 0 and p < LEVEL for each, p in zip(plain, wanted, strict=True)]
    assert rows["delong_better"].tolist() == np.reshape(shown, (3, 3)).sum(axis=1).tolist()


def test_of_a_detector_far_better_in_each_class_delongs_test_says_so_from_either_side(make_table):
    better = make_table("pca", noise=1)
    better.frame["latent"] = (3 * better.frame["is_anomaly"] + 0.01 * better.frame["latent"]).astype(np.float32)
    worse = make_table("alpa")
    for tables, counts in (((better, worse), (3, 0)), ((worse, better), (0, 3))):
        row = built(tables).comparisons.iloc[0]
        assert (row["delong_better"], row["delong_worse"]) == counts


def test_with_several_seeds_delongs_difference_is_that_of_the_mean_auroc(tables):

    cells = {table.info.detector: table.cells() for table in tables}
    found = within("1", [("latent", ("alpa", "latent"), ("pca", "latent"))], cells)
    rows = built(tables).cells.query("score == 'latent' and normal_class == '1'").groupby("detector")["auroc"].mean()
    assert found[0, 0] == pytest.approx(rows["alpa"] - rows["pca"])


def test_a_class_with_a_lone_normal_sample_has_no_delongs_test(make_table):
    tables = [make_table("alpa", seeds=[0], classes=["0"]), make_table("pca", seeds=[0], classes=["0"], noise=1)]
    alone = []
    for table in tables:
        frame = table.frame.copy()
        frame["is_anomaly"] = frame["sample"] != 5
        alone.append(replace(table, frame=frame))
    row = built(alone, seeds=[0], classes=["0"]).comparisons.iloc[0]
    assert (row["delong_better"], row["delong_worse"], row["delong_p_holm"]) == (0, 0, "nan")


def test_ranks_are_those_of_the_primary_scores_mean_over_classes(tables):
    results = built(tables)
    cells = results.cells[results.cells["score"] == "latent"]
    ranks = cells.pivot_table(index="normal_class", columns="detector", values="auroc").rank(axis=1, ascending=False)
    rows = results.leaderboard[results.leaderboard["is_primary"]].set_index("detector")
    for detector in ("alpa", "pca", "knn"):
        assert rows.loc[detector, "rank_mean"] == pytest.approx(ranks[detector].mean())
    assert (rows["n_ranked"] == 3).all()
    assert results.leaderboard.loc[~results.leaderboard["is_primary"], "rank_mean"].isna().all()


def test_equal_detectors_share_their_rank_and_differ_in_no_test(make_table):
    results = built([make_table("alpa"), make_table("pca")])
    assert set(results.leaderboard["rank_mean"].dropna()) == {1.5}
    row = results.comparisons.iloc[0]
    assert (row["wilcoxon_n"], row["wilcoxon_p_holm"], row["delong_better"]) == (0, 1.0, 0)


def test_of_video_the_clips_are_compared_and_frames_are_in_no_delongs_test(make_table):
    tables = [make_table(key, noise=place, classes=["0"], clip=6) for place, key in enumerate(("alpa", "pca"))]
    results = built(tables, classes=["0"])
    row = results.comparisons.iloc[0]
    assert row["wilcoxon_n"] <= 10
    assert (results.leaderboard["n_ranked"] == 10).all()
    assert row["wilcoxon_p"] < 1
    assert (row["delong_better"], row["delong_worse"], row["delong_p_holm"]) == ("", "", "")


def test_one_class_is_no_sample_of_classes(make_table):
    tables = [make_table(key, noise=place, classes=["0"]) for place, key in enumerate(("alpa", "pca"))]
    rows = built(tables, classes=["0"]).comparisons
    assert rows["wilcoxon_p"].isna().all()
    assert rows["wilcoxon_p_holm"].isna().all()
