import numpy as np
import pandas as pd
import pytest

from alpa.evaluation.leaderboard import build_leaderboard
from alpa.evaluation.readings import COLUMNS, build_readings, macro, per_clip, with_both, write_readings
from alpa.evaluation.scores import ScoreInfo, ScoreTable
from alpa.params import EvaluationConfig

# Three clips of different lengths: the second lies much higher than the first, the third is anomalous throughout.
#   clip 0: normal 1 2, anomalous 3      clip 1: normal 11 13, anomalous 12 15      clip 2: anomalous 5 5
SCORES = np.array([1, 2, 3, 11, 13, 12, 15, 5, 5], dtype=np.float64)
IS_ANOMALY = np.array([0, 0, 1, 0, 0, 1, 1, 1, 1], dtype=bool)
GROUP = np.array([0, 0, 0, 1, 1, 1, 1, 2, 2])


def frame_table(scores: np.ndarray, detector: str = "alpa", seeds: tuple[int, ...] = (0,)) -> ScoreTable:
    cells = [
        pd.DataFrame(
            {
                "target_class": "normal",
                "seed": seed,
                "sample": np.arange(len(scores)),
                "group": GROUP,
                "is_anomaly": IS_ANOMALY,
                "combined": scores.astype(np.float32) * (-1 if seed else 1),
                "latent": np.arange(len(scores), dtype=np.float32),
            }
        )
        for seed in seeds
    ]
    info = ScoreInfo("toy", "toy", "video", detector, "combined")
    return ScoreTable(info, pd.concat(cells, ignore_index=True), ("combined", "latent"))


def row(table: pd.DataFrame, score: str = "combined", smoothing: float = 0.0) -> pd.Series:
    return table[(table["score"] == score) & (table["smoothing"] == smoothing)].iloc[0]


def test_micro_compares_all_frames_as_they_are():
    # Of the 5 anomalous frames, 3 beats the normal frames 1 2, 12 beats 1 2 11, 15 all four, and 5 and 5 beat 1 2:
    # 2 + 3 + 4 + 2 + 2 = 13 of 5 * 4 = 20 pairs.
    assert row(build_readings([frame_table(SCORES)], ["normal"], [0], 0))["micro"] == pytest.approx(13 / 20)


def test_per_clip_maps_each_clip_to_its_own_range_first():
    # Clip 0 becomes 0 1/2 1, clip 1 becomes 0 2/4, 1/4 1, the constant clip 2 becomes 0 0. The normal frames are then
    # 0 1/2 0 1/2; 1 beats all four, 1/4 beats two, 1 all four, and 0 ties with two, half a pair each, twice:
    # 4 + 2 + 4 + 1 + 1 = 12 of 20 pairs.
    assert per_clip(IS_ANOMALY, SCORES, GROUP) == pytest.approx(12 / 20)


def test_macro_averages_the_clips_that_have_both_kinds_of_frames():
    # In clip 0, 3 beats 1 and 2: 2/2. In clip 1, 12 beats 11 and 15 beats both: 3/4. Clip 2 has no normal frame.
    assert with_both(IS_ANOMALY, GROUP) == [0, 1]
    assert macro(IS_ANOMALY, SCORES, GROUP) == pytest.approx((1 + 3 / 4) / 2)


def test_the_equal_error_rate_is_that_of_the_micro_reading():
    # From the top: 15 anomalous, 13 normal, 12 anomalous, 11 normal, 5 5 anomalous, 3 anomalous, 2 1 normal. With 15,
    # 13, 12 flagged, 1/4 of the normal frames are flagged and 3/5 of the anomalous ones missed; with 11 too, 1/2 and
    # 3/5; with 5 5 too, 1/2 and 1/5. Where both are 1/2 between the last two, the rates are equal.
    assert row(build_readings([frame_table(SCORES)], ["normal"], [0], 0))["eer"] == pytest.approx(1 / 2)


def test_smoothing_stays_within_a_clip():
    # A Gaussian of 100 frames makes a clip's scores its mean, but for rounding and for its ends: clip 2 stays 5 and is
    # not raised by its high neighbour, clip 0 stays below it, clip 1 above it.
    table = build_readings([frame_table(SCORES)], ["normal"], [0], 100.0)
    assert sorted(table["smoothing"].unique()) == [0.0, 100.0]
    # Anomalies of clips 1 and 2 beat the normal frames of clip 0, those of clip 1 at best those of their own clip too:
    # 2 * 2 + 2 * 2 + 0 to 4 within clip 1 + 0 to 2 within clip 0.
    assert 8 / 20 <= row(table, smoothing=100.0)["micro"] <= 14 / 20


def test_readings_are_means_over_seeds():
    # The second seed's scores are the first's with the sign turned, so each AUROC becomes 1 minus itself.
    found = row(build_readings([frame_table(SCORES, seeds=(0, 1))], ["normal"], [0, 1], 0))
    assert found["micro"] == pytest.approx(1 / 2)
    assert found["macro"] == pytest.approx(1 / 2)
    assert found["n_seeds"] == 2


def test_rows_count_frames_and_clips_and_mark_the_primary_score():
    table = build_readings([frame_table(SCORES), frame_table(SCORES, "pca")], ["normal"], [0], 0)
    assert list(table.columns) == COLUMNS
    assert list(zip(table["detector"], table["score"], table["is_primary"], strict=True)) == [
        ("alpa", "combined", True),
        ("alpa", "latent", False),
        ("pca", "combined", True),
        ("pca", "latent", False),
    ]
    counts = table[["n_frames", "n_clips", "n_clips_with_both"]].drop_duplicates()
    assert counts.to_numpy().tolist() == [[9, 3, 2]]


def test_micro_without_smoothing_is_the_auroc_of_the_leaderboard():
    tables = [frame_table(SCORES)]
    board = build_leaderboard(tables, ["normal"], [0], EvaluationConfig(bootstrap_samples=20), {}).leaderboard
    readings = build_readings(tables, ["normal"], [0], 2.0)
    raw = readings[readings["smoothing"] == 0]
    assert raw["micro"].tolist() == board["auroc_mean"].tolist()


def test_without_a_clip_of_both_kinds_macro_is_an_empty_field(tmp_path):
    table = frame_table(SCORES)
    table.frame["is_anomaly"] = GROUP > 0
    write_readings(tmp_path, build_readings([table], ["normal"], [0], 0))
    header, first, _ = (tmp_path / "readings.csv").read_text().splitlines()
    fields = dict(zip(header.split(","), first.split(","), strict=True))
    assert (fields["macro"], fields["n_clips_with_both"]) == ("", "0")
    assert fields["micro"] == "1.000000"


def test_still_images_have_a_header_alone(tmp_path, make_table):
    write_readings(tmp_path, build_readings([make_table()], ["0", "1", "2"], [0, 1], 3.0))
    assert (tmp_path / "readings.csv").read_text() == ",".join(COLUMNS) + "\n"
