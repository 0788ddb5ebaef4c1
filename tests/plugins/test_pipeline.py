"""A detector and a data set of another package, from their names in params.yaml to a report, by the real commands."""

import os
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from alpa.detectors import DETECTORS
from tests.cluster import cluster
from tests.pipeline.conftest import switch_off_tracking
from tests.pipeline.project import Project, copy_code, stages_run
from tests.plugins.installed import MEDIAN, write_acme

BENCHMARK = {
    "dataset": "stripes",
    "protocol": "one_vs_rest",
    "classes": "all",
    "seeds": [0],
    "image_size": 16,
    "split_seed": 0,
    "training": {},
    "video": {},
    "tuning": {},
    "detectors": {},
}
PARAMS = {
    "pipeline": {"default": "stripes", "datasets": ["stripes"], "detectors": ["median", "pca"], "paper": ["stripes"]},
    "benchmarks": {"stripes": BENCHMARK},
    "detectors": {"median": {"power": 1.0}, "pca": {"components": 4}},
    "tuning.space": {"median": {"power": {"low": 0.5, "high": 2.0}}},
    "tuning.trials": 2,
    "tuning.trials_of": {},
    "tuning.shortened": {},
    "tuning.classes": 2,
    "runtime.device": "cpu",
    "runtime.precision": "fp32",
    "runtime.workers": 2,
    "evaluation.bootstrap_samples": 20,
}
TARGET = "pipeline/dvc.yaml:report@stripes"
MODELS = [f"runs/models/stripes/median/{name}-0/model.safetensors" for name in ("down", "across")]
OF_MEDIAN = {f"{stage}@stripes-median" for stage in ("tune", "train", "evaluate", "sweep")}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a package, on the search path of every command."""
    folder = tmp_path_factory.mktemp("packages")
    write_acme(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        yield folder


@pytest.fixture(scope="module")
def finished(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    """The benchmark of the package's detector and data set with its report, and what was printed; not to be changed."""
    project = copy_code(tmp_path_factory.mktemp("plugins") / "project")
    project.edit(PARAMS)
    switch_off_tracking(project)
    assert project.run("git", "init").returncode == 0
    before = project.stage("preflight", "stripes")
    assert before.returncode == 0, before.stderr
    return project, before.stdout + project.repro(TARGET)


def test_their_names_in_params_are_all_that_it_takes(finished: tuple[Project, str]) -> None:
    project, log = finished
    assert "stripes: the data of stripes are at hand.\n" in log
    assert {"plugins", "download@stripes", "split@stripes", "report@stripes", *OF_MEDIAN} <= stages_run(log)
    cells = pd.read_csv(project.folder / "reports/stripes/cells.csv")
    assert set(zip(cells["detector"], cells["normal_class"], strict=True)) == {
        (detector, name) for detector in ("median", "pca") for name in ("down", "across")
    }
    assert cells.query("detector == 'median'")["auroc"].min() > 0.9


def test_a_report_tells_of_a_detector_that_alpa_has_never_heard_of(finished: tuple[Project, str]) -> None:
    page = (finished[0].folder / "reports/stripes/report.md").read_text()
    assert "Stripes" in page
    assert "made up for a test" in page
    assert "`median`" in page
    assert "power" in page
    assert "this package has its own." in page


def test_a_second_run_does_nothing(finished: tuple[Project, str]) -> None:
    project, _ = finished
    assert project.stage("preflight", "stripes").returncode == 0
    assert "Data and pipelines are up to date." in project.repro(TARGET)


def test_a_changed_package_runs_again_what_depends_on_it(
    finished: tuple[Project, str], packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = finished[0].copy(tmp_path / "project")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "packages"))
    write_acme(tmp_path / "packages", MEDIAN.replace(".abs()", ".clamp(0)"))
    assert project.stage("preflight", "stripes").returncode == 0
    log = project.repro(TARGET)
    ran = stages_run(log)
    assert {"plugins", "download@stripes", *OF_MEDIAN, "leaderboard@stripes", "report@stripes"} <= ran
    assert not {name for name in ran if name.endswith("-pca") or name.startswith("split")}
    old, new = (set(p.finished_cells("median")) for p in (finished[0], project))
    assert len(new - old) >= 2, "no cell of the package as it was is used again"
    before, after = (pd.read_csv(p.folder / "reports/stripes/cells.csv") for p in (finished[0], project))
    assert set(after["detector"][before["auroc"] != after["auroc"]]) <= {"median"}


def test_a_package_that_is_gone_is_named_before_anything_runs(
    finished: tuple[Project, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = finished[0].copy(tmp_path / "project")
    monkeypatch.delenv("PYTHONPATH")
    done = project.stage("preflight", "stripes")
    assert done.returncode == 1
    assert done.stderr == (f"error: Unknown detector median; choose {', '.join(DETECTORS)}.\n")


def test_workers_of_a_cluster_find_the_package_and_train_the_same_bytes(
    finished: tuple[Project, str], packages: Path, tmp_path: Path
) -> None:
    project = finished[0].copy(tmp_path / "project", "data/splits/stripes", "runs/tuned")
    (tmp_path / "empty").mkdir()
    with cluster(tmp_path / "empty") as started:
        project.edit({"runtime.scheduler": started.address})
        code = Path(os.pathsep.join([str(project.folder), str(packages)]))
        started.scheduler(code)
        started.worker(code)
        done = project.stage("train", "stripes", "median")
        assert done.returncode == 0, done.stderr
        assert "2 cells trained, 0 were there already" in done.stdout
    for path in MODELS:
        assert (project.folder / path).read_bytes() == (finished[0].folder / path).read_bytes()
    assert set(project.finished_cells("median")) <= set(finished[0].finished_cells("median")), "the keys are the same"
