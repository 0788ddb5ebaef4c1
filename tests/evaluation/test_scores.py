import json
from dataclasses import asdict

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alpa.errors import ScoreError
from alpa.evaluation.scores import read_scores, write_scores


@pytest.fixture
def path(tmp_path):
    return tmp_path / "toy" / "alpa.parquet"


def write_raw(path, frame, metadata):
    """Write a Parquet file past all checks."""
    path.parent.mkdir(exist_ok=True)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    if "target_class" in frame:
        table = table.set_column(0, "target_class", table["target_class"].cast(pa.string()))
    pq.write_table(table.replace_schema_metadata(metadata), path)


def described(info):
    return {b"alpa": json.dumps(asdict(info))}


def test_a_written_table_reads_back_equal(path, make_frame, make_info):
    frame = make_frame()
    write_scores(path, frame, make_info())
    table = read_scores(path)
    assert table.info == make_info()
    assert table.score_names == ("reconstruction", "latent")
    assert table.frame.equals(frame.astype(table.frame.dtypes))


def test_equal_tables_give_equal_bytes_whatever_the_order_of_rows(path, make_frame, make_info):
    frame = make_frame()
    write_scores(path, frame, make_info())
    first = path.read_bytes()
    write_scores(path, frame.sample(frac=1, random_state=0), make_info())
    assert path.read_bytes() == first


def test_double_precision_scores_are_stored_as_float32(path, make_frame, make_info):
    write_scores(path, make_frame().astype({"latent": np.float64}), make_info())
    assert read_scores(path).frame["latent"].dtype == np.float32


def test_cells_are_split_by_class_and_seed(path, make_frame, make_info):
    write_scores(path, make_frame(), make_info())
    cells = read_scores(path).cells()
    assert list(cells) == [(name, seed) for name in "012" for seed in (0, 1)]
    assert cells["1", 0]["sample"].tolist() == list(range(60))


def test_a_missing_file_names_the_command_that_makes_it(path):
    with pytest.raises(
        ScoreError, match=r"alpa\.parquet does not exist; run `dvc repro pipeline/dvc.yaml:evaluate@toy-alpa`\.$"
    ):
        read_scores(path)


@pytest.mark.parametrize("keep", [0, 100, 2000])
def test_a_truncated_file_is_an_error(path, make_frame, make_info, keep):
    write_scores(path, make_frame(), make_info())
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ScoreError, match="cannot be read"):
        read_scores(path)


@pytest.mark.parametrize("column", ["target_class", "seed", "sample", "group", "is_anomaly"])
def test_a_missing_column_is_named_in_reading_and_writing(path, make_frame, make_info, column):
    frame = make_frame().drop(columns=column)
    write_raw(path, frame, described(make_info()))
    with pytest.raises(ScoreError, match=f"alpa.parquet: column {column} is missing"):
        read_scores(path)
    with pytest.raises(ScoreError, match=f"column {column} is missing"):
        write_scores(path, frame, make_info())


def test_a_table_without_scores_is_an_error(path, make_frame, make_info):
    with pytest.raises(ScoreError, match="no score column"):
        write_scores(path, make_frame(scores=()), make_info())


def test_a_column_of_another_type_is_named(path, make_frame, make_info):
    write_raw(path, make_frame().astype({"seed": str}), described(make_info()))
    with pytest.raises(ScoreError, match="column seed is large_string instead of int64"):
        read_scores(path)


def test_empty_values_are_counted(path, make_frame, make_info):
    frame = make_frame()
    frame["latent"] = frame["latent"].astype("Float32")
    frame.loc[3, "latent"] = None
    write_raw(path, frame, described(make_info()))
    with pytest.raises(ScoreError, match="column latent has 1 empty values"):
        read_scores(path)


@pytest.mark.parametrize(
    "metadata",
    [None, {b"alpa": b"not JSON"}, {b"alpa": b'{"benchmark": "toy"}'}, {b"alpa": b'["toy"]'}],
    ids=["none", "not JSON", "incomplete", "a list"],
)
def test_unknown_metadata_is_an_error(path, make_frame, metadata):
    write_raw(path, make_frame(), metadata)
    with pytest.raises(ScoreError, match="metadata must hold benchmark, dataset, protocol, detector, primary_score"):
        read_scores(path)


def test_a_file_of_another_detector_is_an_error(path, make_frame, make_info):
    write_raw(path, make_frame(), described(make_info("ganomaly")))
    with pytest.raises(ScoreError, match="holds the scores of ganomaly on toy"):
        read_scores(path)


def set_values(frame, where, column, value):
    frame.loc[(frame["target_class"] == "1") & (frame["seed"] == 1) & where, column] = value
    return frame


SPOILED = {
    r"score latent is not finite for class 1, seed 1": lambda f: set_values(f, f["sample"] == 7, "latent", np.nan),
    r"score latent is constant \(0\.5\) for class 1, seed 1": lambda f: set_values(f, True, "latent", 0.5),
    r"the test set of class 1, seed 1 has anomalous samples only": lambda f: set_values(f, True, "is_anomaly", True),
    r"class 1, seed 1 has sample 3 twice": lambda f: set_values(f, f["sample"] == 4, "sample", 3),
    r"the test set of class 1, seed 1 differs from that of the class's other seeds": lambda f: set_values(
        f, f["sample"] == 59, "sample", 60
    ),
    r"it has no cells": lambda f: f.iloc[:0],
    r"column sample holds -1": lambda f: f.replace({"sample": {0: -1}}),
    r"column group is -1 for some samples only": lambda f: set_values(f, True, "group", 2),
}


@pytest.mark.parametrize(("message", "spoil"), SPOILED.items(), ids=SPOILED)
def test_bad_content_is_named_and_nothing_is_written(path, make_frame, make_info, message, spoil):
    with pytest.raises(ScoreError, match=message):
        write_scores(path, spoil(make_frame()), make_info())
    assert not path.exists()
    assert not path.parent.exists()


def test_a_score_beyond_float32_counts_as_not_finite(path, make_frame, make_info):
    frame = make_frame().astype({"latent": np.float64})
    frame.loc[0, "latent"] = 1e300
    with pytest.raises(ScoreError, match="score latent is not finite for class 0, seed 0"):
        write_scores(path, frame, make_info())


def test_bad_content_is_also_found_in_reading(path, make_frame, make_info):
    write_raw(path, set_values(make_frame(), True, "latent", np.float32(2)), described(make_info()))
    with pytest.raises(ScoreError, match="score latent is constant"):
        read_scores(path)


def test_an_unknown_primary_score_is_an_error(path, make_frame, make_info):
    with pytest.raises(ScoreError, match="the primary score distance is not a column"):
        write_scores(path, make_frame(), make_info(primary_score="distance"))


def test_every_message_is_one_sentence_with_a_remedy(path, make_frame, make_info):
    with pytest.raises(ScoreError) as caught:
        write_scores(path, set_values(make_frame(), True, "latent", 0.5), make_info())
    message = str(caught.value)
    assert message.endswith(
        "change the detector's parameters; then run `dvc repro pipeline/dvc.yaml:evaluate@toy-alpa`."
    )
    assert "\n" not in message
