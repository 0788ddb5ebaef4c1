"""What of the result files is to be logged."""

import os
from pathlib import Path

from alpa.cell_runs import read_detector_runs


def test_a_figure_belongs_to_the_detectors_that_its_name_names_or_to_all(project):
    project.train("alpa", "3")
    project.train("pca", "3")
    project.evaluate("alpa", "3")
    project.draw("leaderboard.svg", "samples_alpa_3.svg", "samples_pca_3.svg", "alpacas.svg")
    assert [path.name for path in read_detector_runs("toy")[0].figures] == [
        "alpacas.svg",
        "leaderboard.svg",
        "samples_alpa_3.svg",
    ]


def test_scores_older_than_the_models_are_not_these_models_scores(project):
    project.train("alpa", "3")
    project.evaluate("alpa", "3")
    assert read_detector_runs("toy")[0].metrics
    os.utime("runs/scores/toy/alpa.parquet", ns=(0, Path("runs/models/toy/alpa").stat().st_mtime_ns - 1))
    assert read_detector_runs("toy")[0].metrics == {}


def test_parameters_that_differ_between_cells_are_not_the_detectors(project):
    project.train("ganomaly", "38")
    project.write(
        "runs/models/toy/ganomaly/8-0/cell.json", project.cell("k", "ganomaly", "8") | {"training": {"steps": 99}}
    )
    run = read_detector_runs("toy")[0]
    assert run.parameters["strength"] == "0.1"
    assert "training.steps" not in run.parameters
    assert [cell.parameters["training.steps"] for cell in run.cells] == ["20", "99"]


def test_a_folder_without_a_finished_cell_is_no_run(project):
    project.write("runs/models/toy/alpa/3-0/detector.json", {})
    assert read_detector_runs() == []


def test_a_cell_without_a_training_record_ended_when_its_file_was_written(project):
    project.train("pca", "3")
    for path in Path(".cache").rglob("facts.json"):
        path.unlink()
    os.utime("runs/models/toy/pca/3-0/cell.json", (7, 7))
    cell = read_detector_runs()[0].cells[0]
    assert cell.started == cell.finished == 7000
    assert cell.environment == {}
