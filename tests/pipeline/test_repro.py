"""What `dvc repro` does when it is killed, typed again, or meets a changed params.yaml."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alpa.data.splits import load_split
from alpa.detectors import DETECTORS, load_detector
from tests.pipeline.conftest import TRIAL_CELLS
from tests.pipeline.distance import Distance
from tests.pipeline.project import Interrupted, Project, stages_run

CELLS = 4  # of each detector: two classes with two seeds
OUTPUTS = ("data", "runs", "reports")


def trained_keys(project: Project) -> list[str]:
    """Return the keys of the cells that ALPA was trained in for the benchmark."""
    folders = (project.folder / "runs/models/digits/alpa").iterdir()
    return [json.loads((folder / "cell.json").read_text())["key"] for folder in folders]


def test_a_killed_run_trains_no_finished_cell_again(interrupted: Interrupted) -> None:
    before, after = interrupted.cells, interrupted.project.finished_cells("alpa")
    assert TRIAL_CELLS < len(before) < len(after), "the kill did not come in the middle"
    assert {key: after[key] for key in before} == before
    new = len(set(trained_keys(interrupted.project)) - set(before))
    assert f"train alpa on digits: {new} cells trained, {CELLS - new} were there already." in interrupted.log


def test_a_chosen_setting_is_not_trained_again(undisturbed: Project) -> None:
    stored = undisturbed.finished_cells("alpa")
    assert set(trained_keys(undisturbed)) <= set(stored)
    assert len(stored) == TRIAL_CELLS + CELLS - 2  # two classes with the study's seed


def test_a_killed_run_leaves_nothing_half_written(finished: Project) -> None:
    assert [name for name in finished.files(*OUTPUTS, ".cache/cells") if "/." in name] == []


def test_a_killed_run_ends_with_the_models_and_scores_of_an_undisturbed_one(
    finished: Project, undisturbed: Project, tmp_path: Path
) -> None:
    folder = "runs/models/digits/alpa"
    assert finished.files(folder) == undisturbed.files(folder)
    project = undisturbed.copy(tmp_path / "project", folder)
    finished.copy(project.folder, "data/splits/digits/test")
    project.call("evaluate", "digits", "alpa")
    scores = "runs/scores/digits/alpa.parquet"
    assert (project.folder / scores).read_bytes() == (finished.folder / scores).read_bytes()


def test_every_cell_is_scored_by_its_own_model(finished: Project) -> None:
    split = load_split(finished.folder / "data/splits/digits/test")
    table = pd.read_parquet(finished.folder / "runs/scores/digits/alpa.parquet")
    cells = table.groupby(["target_class", "seed"])
    assert len(cells) == CELLS
    for (name, seed), rows in cells:
        model = load_detector(finished.folder / f"runs/models/digits/alpa/{name}-{seed}")
        expected = model.scores(split.images[rows["sample"]])
        for score, values in expected.items():
            np.testing.assert_allclose(rows[score], values, rtol=1e-4, atol=1e-6, err_msg=f"{name}-{seed} {score}")
        assert (rows["is_anomaly"] == (split.labels[rows["sample"]] != int(name))).all()


def test_a_second_repro_does_nothing_and_says_so(finished: Project) -> None:
    assert "Data and pipelines are up to date." in finished.repro()
    assert finished.run("git", "status", "--porcelain").stdout == ""


def test_a_new_detector_goes_through_the_whole_pipeline(finished: Project) -> None:
    reports = finished.folder / "reports/digits"
    for name in ("cells.csv", "leaderboard.csv"):
        rows = pd.read_csv(reports / name).query("detector == 'distance'")
        assert list(rows["score"].unique()) == ["distance"]
        assert len(rows) == (CELLS if name == "cells.csv" else 1)
    ranked = pd.read_csv(reports / "leaderboard.csv").set_index("detector")["auroc_mean"]
    assert ranked["distance"] > 0.8
    assert "distance" in (reports / "report.md").read_text()


def test_a_detectors_parameter_runs_that_detector_alone(finished: Project, tmp_path: Path) -> None:
    project = finished.copy(tmp_path / "project")
    project.edit({"detectors.distance.power": 1.0})
    own = {f"{stage}@digits-distance" for stage in ("tune", "train", "evaluate")}
    joint = {f"{stage}@digits" for stage in ("leaderboard", "tuning", "report")}
    assert stages_run(project.repro()) == own | joint | {"default"}
    before, after = (pd.read_csv(p.folder / "reports/digits/cells.csv") for p in (finished, project))
    changed = before["auroc"] != after["auroc"]
    assert set(after["detector"][changed]) == {"distance"}


def test_a_new_class_and_a_new_seed_train_the_new_cells_alone(finished: Project, tmp_path: Path) -> None:
    project = finished.copy(tmp_path / "project")
    before = project.finished_cells("alpa")
    project.edit({"benchmarks.digits.classes": ["0", "1", "2"], "benchmarks.digits.seeds": [0, 1, 2]})
    log = project.repro("pipeline/dvc.yaml:train@digits-alpa")
    assert stages_run(log) == {"tune@digits-alpa", "train@digits-alpa"}  # the study is as it was
    assert project.files("runs/tuned") == finished.files("runs/tuned")
    assert "train alpa on digits: 5 cells trained, 4 were there already." in log
    assert project.finished_cells("alpa").items() >= before.items()


def test_what_a_killed_write_left_behind_runs_no_stage_again(finished: Project, tmp_path: Path) -> None:
    project = finished.copy(tmp_path / "project")
    for folder in ("data/splits/digits/.test.k1ll3d00", "runs/models/digits/.alpa.k1ll3d00"):
        (project.folder / folder).mkdir()
        (project.folder / folder / "half.npy").write_bytes(b"half")
    (project.folder / "runs/scores/digits/.pca.parquet.k1ll3d00").write_bytes(b"half")
    status = project.run("dvc", "status", "--with-deps", "default").stdout
    assert status == "Data and pipelines are up to date.\n"


def test_released_results_made_again_are_the_same_bytes(
    finished: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DETECTORS, "distance", Distance)
    project = finished.copy(tmp_path / "project")
    project.call("release", "digits")
    for round_of_stages in range(2):
        project.call("leaderboard", "digits")
        project.call("report", "digits")
        if round_of_stages == 0:
            project.commit()
    assert project.run("git", "status", "--porcelain").stdout == ""
