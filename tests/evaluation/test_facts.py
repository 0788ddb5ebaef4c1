import hashlib
import json
import subprocess
from dataclasses import replace

import pytest

from alpa.config import fill
from alpa.errors import DataError, ScoreError
from alpa.evaluation.facts import current_facts, gather_facts, git_state, hardware, release, versions
from alpa.params import Params

PARAMS = {
    "pipeline": {"default": "toy", "datasets": ["digits"], "detectors": ["alpa", "pca"]},
    "benchmarks": {"toy": {"dataset": "digits", "protocol": "one_vs_rest", "seeds": [0, 1]}},
    "detectors": {"alpa": {}, "pca": {}},
    "training": {},
    "video": {},
    "tuning": {},
    "runtime": {"workers": 3},
    "evaluation": {},
    "data": {},
}
TRAINED = {
    "commit": "abc",
    "changed": False,
    "device": "cpu",
    "precision": "fp32",
    "threads": 1,
    "versions": {"torch": "2"},
    "hardware": {"cpu": "one"},
}


@pytest.fixture
def params():
    return fill(Params, PARAMS, "")


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))


def add_cell(root, detector, cell, **facts):
    """Write one cell of the model folder and, if facts are given, its record of training."""
    key = f"{detector}{cell}"
    write(root / "runs/models/toy" / detector / cell / "cell.json", {"key": key})
    if facts:
        write(root / ".cache/cells" / key / "facts.json", TRAINED | facts)


@pytest.fixture
def project(tmp_path):
    for part in ("train", "test"):
        write(
            tmp_path / "data/splits/toy" / part / "split.json",
            {"targets": ["0"], "digest": f"{part} digest", "shared": 3},
        )
    write(tmp_path / "reports/toy/cells.csv", "a,b\n")
    return tmp_path


def test_test_images_that_are_also_training_images_are_a_fact(project, params):
    assert gather_facts(params, "toy", project)["shared"] == 3


def test_training_times_are_summed_per_detector(project, params):
    add_cell(project, "alpa", "0-0", seconds=2.0, finished="2026-01-02T00:00:00Z")
    add_cell(project, "alpa", "0-1", seconds=3.0, finished="2026-01-01T00:00:00Z")
    add_cell(project, "pca", "0-0", seconds=0.5, finished="2026-01-01T00:00:00Z")
    facts = gather_facts(params, "toy", project)
    assert facts["seconds"] == {"alpa": 5.0, "pca": 0.5}
    assert facts["cells"] == {"alpa": 2, "pca": 1}
    assert facts["finished"] == "2026-01-02T00:00:00Z"
    assert facts["trained"] == [TRAINED | {"cells": 3}]
    assert facts["cells_without_facts"] == 0


def test_cells_trained_elsewhere_are_told_apart(project, params):
    add_cell(project, "alpa", "0-0", seconds=2.0, finished="2026", device="cuda")
    add_cell(project, "pca", "0-0", seconds=2.0, finished="2026")
    add_cell(project, "pca", "0-1", seconds=2.0, finished="2026")
    trained = gather_facts(params, "toy", project)["trained"]
    assert [(group["device"], group["cells"]) for group in trained] == [("cpu", 2), ("cuda", 1)]


def test_cells_without_a_record_are_counted_and_tolerated(project, params):
    add_cell(project, "alpa", "0-0", seconds=2.0, finished="2026")
    add_cell(project, "alpa", "0-1")
    write(project / "runs/models/toy/pca/0-0/cell.json", "damaged")
    facts = gather_facts(params, "toy", project)
    assert facts["cells_without_facts"] == 2
    assert facts["seconds"] == {"alpa": 2.0}


def test_facts_of_a_project_without_models_have_no_time(project, params):
    facts = gather_facts(params, "toy", project)
    assert (facts["seconds"], facts["trained"], facts["finished"]) == ({}, [], None)


def test_facts_name_data_seeds_workers_and_the_table_they_belong_to(project, params):
    facts = gather_facts(params, "toy", project)
    assert facts["data"] == {"train": "train digest", "test": "test digest"}
    assert facts["seeds"] == [0, 1]
    assert facts["workers"] == 3
    on_a_cluster = replace(params, runtime=replace(params.runtime, scheduler="tcp://head:8786"))
    assert gather_facts(on_a_cluster, "toy", project)["workers"] == "a Dask cluster", "whose address is no fact"
    assert facts["cells_sha256"] == hashlib.sha256(b"a,b\n").hexdigest()
    json.dumps(facts)


def test_a_missing_split_is_named(project, params):
    (project / "data/splits/toy/train/split.json").unlink()
    with pytest.raises(
        DataError, match=r"train/split\.json is missing or damaged; run `dvc repro pipeline/dvc.yaml:split@toy`"
    ):
        gather_facts(params, "toy", project)


def test_the_release_speaks_for_the_released_numbers_and_the_last_run_for_others(project):
    folder = project / "reports/toy"
    digest = hashlib.sha256(b"a,b\n").hexdigest()
    write(folder / "facts.json", {"cells_sha256": digest, "commit": "last run"})
    write(folder / "release.json", {"cells_sha256": digest, "commit": "release"})
    assert current_facts(folder)["commit"] == "release"
    write(folder / "release.json", {"cells_sha256": "other", "commit": "release"})
    assert current_facts(folder)["commit"] == "last run"


def test_stale_facts_speak_for_nothing(project):
    write(project / "reports/toy/facts.json", {"cells_sha256": "other"})
    assert current_facts(project / "reports/toy") == {}


def test_damaged_facts_are_an_error(project):
    write(project / "reports/toy/release.json", "{")
    with pytest.raises(ScoreError, match=r"release\.json is not a JSON object; delete it or restore it from git"):
        current_facts(project / "reports/toy")


def test_a_release_is_a_copy_of_the_facts(project):
    folder = project / "reports/toy"
    write(folder / "facts.json", {"cells_sha256": hashlib.sha256(b"a,b\n").hexdigest()})
    release(folder)
    assert (folder / "release.json").read_bytes() == (folder / "facts.json").read_bytes()


def test_a_release_needs_facts(project):
    with pytest.raises(
        ScoreError, match=r"facts\.json does not exist; run `dvc repro -f pipeline/dvc.yaml:leaderboard@toy`"
    ):
        release(project / "reports/toy")


def test_a_release_needs_the_facts_of_the_current_table(project):
    write(project / "reports/toy/facts.json", {"cells_sha256": "other"})
    with pytest.raises(ScoreError, match=r"belongs to another cells\.csv than the current one"):
        release(project / "reports/toy")
    assert not (project / "reports/toy/release.json").exists()


def git(folder, *arguments):
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_a_changed_tracked_file_is_told_but_a_run_s_own_results_are_not(tmp_path):
    for name in ("code.py", "dvc.lock", "reports/toy/cells.csv"):
        write(tmp_path / name, "before")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    write(tmp_path / "dvc.lock", "after")
    write(tmp_path / "reports/toy/cells.csv", "after")
    write(tmp_path / "untracked.py", "new")
    state = git_state(tmp_path)
    assert len(state["commit"]) == 40
    assert state["changed"] is False
    write(tmp_path / "code.py", "after")
    assert git_state(tmp_path)["changed"] is True


def test_a_repository_without_commits_has_none(tmp_path):
    git(tmp_path, "init", "-q")
    assert git_state(tmp_path)["commit"] is None


def test_a_folder_outside_git_has_no_commit(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_state(tmp_path) == {"commit": None, "changed": False}


def test_versions_and_hardware_are_known():
    assert {"python", "numpy", "torch"} <= set(versions())
    assert hardware()["cpu"]
    assert hardware()["cores"] >= 1
