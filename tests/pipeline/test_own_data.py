"""A user's own pictures and clips, from two lines in params.yaml to a leaderboard, by the real stages."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from alpa.data.splits import load_split
from alpa.detectors import load_detector
from tests.pipeline.conftest import switch_off_tracking
from tests.pipeline.own import ANOMALOUS, DOORS, LENGTHS, PARTS, own_project
from tests.pipeline.project import Project, stages_run

DETECTORS = ("alpa", "pca")


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Run torch on one thread: so many small jobs only get slower with more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def run_through(project: Project, benchmark: str) -> None:
    """Call the stages one after the other, as DVC does."""
    for stage in ("folder", "split"):
        project.call(stage, benchmark)
    for stage in ("tune", "train", "evaluate"):
        for detector in DETECTORS:
            project.call(stage, benchmark, detector)
    project.call("leaderboard", benchmark)


@pytest.fixture(scope="module")
def parts(code: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The folder of pictures, run through; not to be changed."""
    project = own_project(code, tmp_path_factory.mktemp("parts"), PARTS)
    switch_off_tracking(project)
    run_through(project, PARTS)
    return project


@pytest.fixture(scope="module", params=["prediction", "reconstruction"])
def doors(code: Project, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Project:
    """The folder of clips, run through in either form; not to be changed."""
    project = own_project(code, tmp_path_factory.mktemp("doors"), DOORS)
    project.edit({"video.form": request.param, "benchmarks.doors.training": {"steps": 6, "batch_size": 8}})
    switch_off_tracking(project)
    run_through(project, DOORS)
    return project


def scores(project: Project, benchmark: str, detector: str) -> pd.DataFrame:
    return pd.read_parquet(project.folder / f"runs/scores/{benchmark}/{detector}.parquet")


def test_own_pictures_are_split_so_that_all_anomalies_are_tested(parts: Project) -> None:
    train, test = (load_split(parts.folder / f"data/splits/parts/{part}") for part in ("train", "test"))
    assert train.class_names == ("normal", "anomalous")
    assert train.targets == test.targets == ("normal",)
    assert (train.dataset, train.image_shape) == ("parts", (1, 16, 16))
    assert np.bincount(train.labels, minlength=2).tolist() == [24, 0]
    assert np.bincount(test.labels).tolist() == [6, 10]


def test_own_pictures_end_in_a_leaderboard_of_their_one_class(parts: Project) -> None:
    for detector in DETECTORS:
        table = scores(parts, PARTS, detector)
        assert list(table["target_class"].unique()) == ["normal"]
        assert table["is_anomaly"].sum() == 10
        assert len(table) == 16
    cells = pd.read_csv(parts.folder / "reports/parts/cells.csv")
    assert set(cells["detector"]) == set(DETECTORS)
    assert set(cells["normal_class"]) == {"normal"}
    assert set(zip(cells["n_normal"], cells["n_anomalous"], strict=True)) == {(6, 10)}
    ranked = pd.read_csv(parts.folder / "reports/parts/leaderboard.csv").query("detector == 'pca'")
    assert ranked["auroc_mean"].item() == 1, "noise is no stripes"


def test_own_pictures_are_tuned_without_an_anomaly(parts: Project) -> None:
    record = json.loads((parts.folder / "runs/tuned/parts/alpa.trials.json").read_text())
    assert len(record["trials"]) == 2
    assert record["settings"]["classes"] == ["normal"]


@pytest.mark.parametrize("key", [PARTS, DOORS])
def test_studies_of_own_data_are_measured_on_test_though_training_holds_no_anomaly(
    key: str, code: Project, tmp_path: Path
) -> None:
    project = own_project(code, tmp_path, key)
    switch_off_tracking(project)
    project.edit({f"benchmarks.{key}.training": {"steps": 2, "batch_size": 8}, "tuning.strengths": 0})
    project.edit({f"benchmarks.{key}.tuning": {"families": "all"}})
    for stage in ("folder", "split"):
        project.call(stage, key)
    for stage in ("tune", "sweep"):
        for detector in DETECTORS:
            project.call(stage, key, detector)
    project.call("tuning", key)
    trials = pd.read_csv(project.folder / f"reports/{key}/tuning/trials.csv")
    assert len(trials) == 2
    assert trials["test"].between(0, 1).all()
    assert trials["labelled"].isna().all()
    families = {"faster", "reordered", "mover"} if key == DOORS else {"permuted", "blended"}
    assert families <= set(trials)
    choices = pd.read_csv(project.folder / f"reports/{key}/tuning/regret.csv")["choice"]
    assert choices.tolist() == ["untuned", "pseudo", "oracle"]


def test_what_is_tested_is_what_a_loaded_model_says_of_the_frame(doors: Project) -> None:
    form = doors.params()["video"]["form"]
    for detector in DETECTORS:
        model = load_detector(doors.folder / f"runs/models/doors/{detector}/normal-0")
        assert model.image_shape == (5, 16, 16)
        assert model.predicted == (1 if form == "prediction" else 0)
        cell = json.loads((doors.folder / f"runs/models/doors/{detector}/normal-0/cell.json").read_text())
        assert cell["n_train"] + cell["n_validation"] == 40
        test = load_split(doors.folder / "data/splits/doors/test", in_memory=True)
        # The fifth and sixth frame of the second clip, which has eight: each with those around, up to four away.
        cuboids = np.stack([test.images[7 + np.abs(np.arange(place - 4, place + 1)), 0] for place in range(8)])
        table = scores(doors, DOORS, detector)
        for name, places in model.window_scores(cuboids, 16, 8).items():
            for place, around in ((4, slice(0, 8)), (5, slice(1, 8))):
                highest = places[around].mean(0).max()
                np.testing.assert_allclose(table[name][7 + place], highest, rtol=1e-3, atol=1e-5, err_msg=name)


def test_every_frame_of_own_clips_has_its_label_and_a_score(doors: Project) -> None:
    train, test = (load_split(doors.folder / f"data/splits/doors/{part}") for part in ("train", "test"))
    assert train.clips == ("hall-1", "hall-2", "hall-10")
    assert np.bincount(train.group).tolist() == [LENGTHS[f"train/{name}"] for name in train.clips]
    assert not train.labels.any()
    assert test.clips == ("gate-1", "gate-2")
    assert test.images.shape == (15, 1, 24, 36)
    assert test.labels.astype(bool).tolist() == ANOMALOUS
    for detector in DETECTORS:
        table = scores(doors, DOORS, detector)
        assert table["sample"].tolist() == list(range(15))
        assert table["group"].tolist() == [0] * 7 + [1] * 8
        assert table["is_anomaly"].tolist() == ANOMALOUS
        assert np.isfinite(table.drop(columns=["target_class"]).to_numpy(dtype=float)).all()
    cells = pd.read_csv(doors.folder / "reports/doors/cells.csv")
    assert set(cells["detector"]) == set(DETECTORS)


def test_the_frames_of_own_clips_are_those_of_the_files(doors: Project) -> None:
    from alpa.data.clips import find_clips
    from alpa.data.frames import read_frames

    clips = [clip for clip in find_clips(doors.folder.parent / DOORS) if clip.part == "test"]
    expected = [frame for clip in clips for frame in read_frames(clip, (24, 36), 1)]
    np.testing.assert_array_equal(load_split(doors.folder / "data/splits/doors/test").images, expected)


@pytest.mark.parametrize("key", [PARTS, DOORS])
def test_stages_called_again_write_the_same_bytes(
    key: str, request: pytest.FixtureRequest, code: Project, tmp_path: Path
) -> None:
    if key == DOORS:
        project = own_project(code, tmp_path, key)
        project.edit({"benchmarks.doors.training": {"steps": 2, "batch_size": 8}})
        switch_off_tracking(project)
        run_through(project, key)
    else:
        project = request.getfixturevalue("parts").copy(tmp_path / "project")
    outputs = ("data", "runs", "reports")
    before = project.files(*outputs)
    run_through(project, key)
    after = project.files(*outputs)
    changed = {name for name in before if before[name] != after.get(name) and not name.endswith("facts.json")}
    assert changed == set()
    assert list(after) == list(before)


@pytest.mark.parametrize("key", [PARTS, DOORS])
def test_preflight_says_whether_a_folder_is_there_and_that_its_cells_are_not_known_yet(
    key: str, code: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = own_project(code, tmp_path, key)
    project.call("preflight", key)
    out = capsys.readouterr().out
    assert f"{key}: the data of {key} are at hand.\n" in out
    assert "every cell has a model" not in out
    shutil.rmtree(tmp_path / key)
    project.call("preflight", key)
    out = capsys.readouterr().out
    assert f"{key}: folders.{key} is {tmp_path / key}, which does not exist; give a folder's path" in out


def test_pictures_in_both_parts_are_counted_aloud(
    code: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = own_project(code, tmp_path, PARTS)
    top = tmp_path / PARTS
    for name in ("train/normal", "test/normal", "test/anomalous"):
        (top / name).mkdir(parents=True)
    for place in range(20):
        (top / f"normal/{place:03}.png").rename(top / f"train/normal/{place:03}.png")
    for place in range(5):
        (top / f"anomalous/{place:03}.png").rename(top / f"test/anomalous/{place:03}.png")
        copied = (top / f"train/normal/{place:03}.png").read_bytes()
        (top / f"test/normal/copy-{place}.png").write_bytes(copied)
    for name in ("normal", "anomalous"):
        for path in (top / name).iterdir():
            path.unlink()
        (top / name).rmdir()
    project.call("folder", PARTS)
    project.call("split", PARTS)
    assert capsys.readouterr().err == "parts: 5 of 10 test images also occur in the train split.\n"


def test_one_line_in_the_folder_list_and_one_benchmark_run_by_dvc(code: Project, tmp_path: Path) -> None:
    project = own_project(code, tmp_path, PARTS)
    project.edit({"pipeline.detectors": ["pca"], "detectors": {"pca": {"components": 4}}, "tuning": False})
    switch_off_tracking(project)
    assert project.run("git", "init").returncode == 0
    target = "pipeline/dvc.yaml:leaderboard@parts"
    stages = {"plugins", "folder@parts", "split@parts", "leaderboard@parts"}
    stages |= {f"{name}@parts-pca" for name in ("tune", "train", "evaluate")}
    assert stages_run(project.repro(target)) == stages
    assert (project.folder / "reports/parts/leaderboard.csv").is_file()
    (tmp_path / PARTS / "anomalous/000.png").unlink()
    assert project.run("dvc", "status", "--with-deps", target).stdout.count("folder@parts") == 1
