import io
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from alpa.errors import ScoreError
from alpa.evaluation.comparisons import COLUMNS
from alpa.evaluation.leaderboard import build_leaderboard, read_tables, write_leaderboard
from alpa.evaluation.scores import write_scores
from alpa.params import EvaluationConfig

CLASSES, SEEDS = ["0", "1", "2"], [0, 1]
CONFIG = EvaluationConfig(bootstrap_samples=50)
TUNED_ON = {"alpa": "labelled"}


@pytest.fixture
def tables(make_table):
    return [
        make_table("pca", "reconstruction", scores=("reconstruction",), noise=1),
        make_table("alpa", "latent"),
    ]


@pytest.fixture
def results(tables):
    return build_leaderboard(tables, CLASSES, SEEDS, CONFIG, TUNED_ON)


def test_cells_have_one_row_per_detector_score_class_and_seed_in_that_order(results):
    keys = list(results.cells[["detector", "score", "normal_class", "seed"]].itertuples(index=False, name=None))
    ranked = [("pca", "reconstruction"), ("alpa", "latent"), ("alpa", "reconstruction")]
    assert keys == [(*pair, name, seed) for pair in ranked for name in CLASSES for seed in SEEDS]


def test_cells_have_the_documented_columns(results):
    assert list(results.cells.columns) == [
        *("dataset", "protocol", "detector", "normal_class", "seed", "score"),
        *("auroc", "average_precision", "fpr95", "eer", "n_normal", "n_anomalous", "tuned_on"),
    ]


def test_a_cell_s_numbers_are_those_of_its_samples(tables, results):
    cell = tables[1].cells()["2", 1]
    row = results.cells.set_index(["detector", "score", "normal_class", "seed"]).loc["alpa", "latent", "2", 1]
    assert row["auroc"] == roc_auc_score(cell["is_anomaly"], cell["latent"])
    assert (row["n_normal"], row["n_anomalous"]) == (20, 40)


def test_the_leaderboard_has_the_documented_columns(results):
    assert list(results.leaderboard.columns) == [
        *("dataset", "protocol", "detector", "score", "is_primary", "auroc_mean", "auroc_sd_classes"),
        *("auroc_sd_seeds", "ci_low", "ci_high", "n_classes", "n_seeds", "n_test", "rank_mean", "n_ranked"),
        "tuned_on",
    ]


def test_the_leaderboard_averages_over_classes_and_seeds(results):
    auroc = results.cells.query("detector == 'alpa' and score == 'latent'")["auroc"].to_numpy().reshape(3, 2)
    row = results.leaderboard.set_index(["detector", "score"]).loc["alpa", "latent"]
    assert row["auroc_mean"] == pytest.approx(auroc.mean())
    assert row["auroc_sd_classes"] == pytest.approx(np.std(auroc.mean(axis=1), ddof=1))
    assert row["auroc_sd_seeds"] == pytest.approx(np.std(auroc.mean(axis=0), ddof=1))
    assert row["ci_low"] < row["auroc_mean"] < row["ci_high"]
    assert (row["n_classes"], row["n_seeds"], row["n_test"]) == (3, 2, 60)


def test_every_row_says_what_its_detector_was_tuned_on(results):
    for table in (results.cells, results.leaderboard):
        assert dict(zip(table["detector"], table["tuned_on"], strict=True)) == {"pca": "untuned", "alpa": "labelled"}
    pairs = results.comparisons[["detector", "tuned_on", "other", "other_tuned_on"]]
    assert set(pairs.itertuples(index=False, name=None)) == {("pca", "untuned", "alpa", "labelled")}


def test_each_detector_has_one_primary_score(results):
    primary = results.leaderboard[results.leaderboard["is_primary"]]
    assert list(zip(primary["detector"], primary["score"], strict=True)) == [
        ("pca", "reconstruction"),
        ("alpa", "latent"),
    ]


def test_detectors_are_compared_under_shared_scores_and_under_their_primary_ones(results):
    rows = results.comparisons.set_index("score")
    means = results.leaderboard.set_index(["detector", "score"])["auroc_mean"]
    assert list(rows.index) == ["primary", "reconstruction"]
    assert set(zip(rows["detector"], rows["other"], strict=True)) == {("pca", "alpa")}
    assert rows.loc["primary", "difference"] == means["pca", "reconstruction"] - means["alpa", "latent"]
    assert rows.loc["reconstruction", "difference"] == means["pca", "reconstruction"] - means["alpa", "reconstruction"]
    assert (rows["ci_low"] < rows["difference"]).all()
    assert (rows["difference"] < rows["ci_high"]).all()
    assert (rows["n_seeds"] == 2).all()
    assert (rows["n_classes"] == 3).all()


def test_metrics_hold_the_primary_score_of_each_detector(results):
    primary = results.leaderboard[results.leaderboard["is_primary"]].set_index("detector")
    assert list(results.metrics) == ["pca", "alpa"]
    for detector, value in results.metrics.items():
        assert value == round(primary.loc[detector, "auroc_mean"], 6)


def test_the_ranking_holds_the_primary_scores_alone(tmp_path, results):
    write_leaderboard(tmp_path, results)
    ranking = pd.read_csv(tmp_path / "ranking.csv")
    assert dict(zip(ranking["detector"], ranking["auroc_mean"], strict=True)) == results.metrics


def test_one_detector_has_no_comparisons_but_their_header(tmp_path, make_table):
    results = build_leaderboard([make_table()], CLASSES, SEEDS, CONFIG, TUNED_ON)
    write_leaderboard(tmp_path, results)
    assert (tmp_path / "comparisons.csv").read_text() == ",".join([*COLUMNS, "tuned_on", "other_tuned_on"]) + "\n"


def test_a_single_seed_has_no_deviation_over_seeds(tmp_path, make_table):
    results = build_leaderboard([make_table(seeds=[0])], CLASSES, [0], CONFIG, TUNED_ON)
    write_leaderboard(tmp_path, results)
    text = (tmp_path / "leaderboard.csv").read_text().splitlines()
    assert text[1].split(",")[text[0].split(",").index("auroc_sd_seeds")] == ""


def test_equal_scores_give_equal_bytes(tmp_path, tables, results):
    again = build_leaderboard(tables, CLASSES, SEEDS, CONFIG, TUNED_ON)
    for folder, board in (("first", results), ("second", again)):
        write_leaderboard(tmp_path / folder, board)
    names = sorted(path.name for path in (tmp_path / "first").iterdir())
    assert names == ["cells.csv", "comparisons.csv", "leaderboard.csv", "metrics.json", "ranking.csv"]
    for name in names:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_fractions_have_six_decimals_and_zero_has_no_sign(tmp_path, results):
    comparisons = results.comparisons.assign(difference=-1e-9, ci_low=0.1234567)
    write_leaderboard(tmp_path, replace(results, comparisons=comparisons))
    fields = (tmp_path / "comparisons.csv").read_text().splitlines()[1].split(",")
    assert fields[3:5] == ["0.000000", "0.123457"]


def test_the_tables_read_back_with_their_types(tmp_path, results):
    write_leaderboard(tmp_path, results)
    text = (tmp_path / "leaderboard.csv").read_text()
    assert "\r" not in text
    frame = pd.read_csv(io.StringIO(text))
    assert frame["is_primary"].dtype == bool
    assert frame["auroc_mean"].to_numpy() == pytest.approx(results.leaderboard["auroc_mean"].to_numpy(), abs=1e-6)
    assert json.loads((tmp_path / "metrics.json").read_text()) == results.metrics


def test_classes_keep_the_order_they_are_asked_for_and_others_are_left_out(tables):
    results = build_leaderboard(tables, ["2", "0"], [1], CONFIG, TUNED_ON)
    rows = results.cells[results.cells["detector"] == "pca"]
    assert list(zip(rows["normal_class"], rows["seed"], strict=True)) == [("2", 1), ("0", 1)]


def test_a_missing_cell_is_named_with_the_command_that_makes_it(tables, make_table):
    holed = make_table("knn", seeds=[0])
    with pytest.raises(
        ScoreError,
        match=r"toy class 0, seed 1 of knn has no scores; run `dvc repro pipeline/dvc.yaml:evaluate@toy-knn`\.$",
    ):
        build_leaderboard([*tables, holed], CLASSES, SEEDS, CONFIG, TUNED_ON)


def test_detectors_tested_on_other_samples_are_not_compared(tables, make_table):
    with pytest.raises(ScoreError, match="test set of toy class 0, seed 0 differs between knn and pca; run"):
        build_leaderboard([*tables, make_table("knn", n=57)], CLASSES, SEEDS, CONFIG, TUNED_ON)


def test_detectors_tested_with_other_labels_are_not_compared(tables, make_table):
    other = make_table("knn")
    other.frame["is_anomaly"] = ~other.frame["is_anomaly"]
    with pytest.raises(ScoreError, match="differs between knn and pca"):
        build_leaderboard([*tables, other], CLASSES, SEEDS, CONFIG, TUNED_ON)


def test_detectors_with_other_protocols_are_not_compared(tables):
    other = replace(tables[1], info=replace(tables[1].info, protocol="leave_one_out"))
    with pytest.raises(ScoreError, match=r"alpa has scores for toy_set \(leave_one_out\) but pca for toy_set \(one_vs"):
        build_leaderboard([tables[0], other], CLASSES, SEEDS, CONFIG, TUNED_ON)


def test_only_the_named_detectors_are_read_and_the_others_are_told(tmp_path, make_frame, make_info):
    folder = tmp_path / "toy"
    for detector in ("alpa", "pca", "old"):
        write_scores(folder / f"{detector}.parquet", make_frame(), make_info(detector))
    tables, left_alone = read_tables(folder, ["pca", "alpa"])
    assert [table.info.detector for table in tables] == ["pca", "alpa"]
    assert left_alone == ["old.parquet"]


def test_a_damaged_file_that_params_do_not_name_does_no_harm(tmp_path, make_frame, make_info):
    write_scores(tmp_path / "toy" / "alpa.parquet", make_frame(), make_info())
    (tmp_path / "toy" / "old.parquet").write_bytes(b"")
    assert read_tables(tmp_path / "toy", ["alpa"])[1] == ["old.parquet"]


def test_a_detector_without_a_score_file_is_named(tmp_path):
    with pytest.raises(
        ScoreError, match=r"knn\.parquet does not exist; run `dvc repro pipeline/dvc.yaml:evaluate@toy-knn`"
    ):
        read_tables(tmp_path / "toy", ["knn"])
