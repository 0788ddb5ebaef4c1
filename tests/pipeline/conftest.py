"""A tiny benchmark, run once by the real commands: two classes of digits, two seeds, a few steps, three detectors."""

import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pipeline.project import Interrupted, Project, copy_code

TRIALS = 3
TRIAL_CELLS = 2 * TRIALS  # two classes with one seed; those of the chosen trial are cells of the benchmark too
TINY = {
    "pipeline.detectors": ["alpa", "pca"],
    "benchmarks.digits.classes": ["0", "1"],
    "benchmarks.digits.seeds": [0, 1],
    "benchmarks.digits.training": {"steps": 20, "batch_size": 32},
    "benchmarks.digits.detectors": {},
    "benchmarks.digits.tuning": {"trials": TRIALS, "training": {}, "classes": ["0", "1"], "strengths": 2},
    "tuning.space": {"alpa": {"strength": {"low": 0.05, "high": 0.5, "log": True}}},
    "tuning.shortened": {},
    "tuning.trials_of": {},
    "runtime.device": "cpu",
    "runtime.precision": "fp32",
    "runtime.workers": 1,
    "evaluation.bootstrap_samples": 20,
}


def add_distance(project: Project) -> None:
    """Add a user's own detector: a file, its entry in the registry, its section and its name in params.yaml."""
    detectors = project.folder / "alpa/detectors"
    shutil.copy(Path(__file__).with_name("distance.py"), detectors)
    registry = (detectors / "__init__.py").read_text()
    first = '        "alpa": "alpa.detectors.alpa:ALPA",\n'
    assert first in registry
    registry = registry.replace(first, f'{first}        "distance": "alpa.detectors.distance:Distance",\n')
    (detectors / "__init__.py").write_text(registry)
    project.edit({"detectors.distance": {"power": 2.0}, "pipeline.detectors": ["alpa", "pca", "distance"]})


def switch_off_tracking(project: Project) -> None:
    """Tell the stages that the tracking server failed just now, so that they leave it alone for an hour."""
    from alpa.tracking import DEFAULT_URI, Ledger

    failure = project.folder / Ledger(DEFAULT_URI).failure
    failure.parent.mkdir(parents=True)
    failure.touch()


@pytest.fixture(scope="session")
def code(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project's code as it is; not to be changed."""
    return copy_code(tmp_path_factory.mktemp("code") / "project")


@pytest.fixture(scope="session")
def tiny(code: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project with the tiny benchmark and a user's own detector, of which nothing was run; not to be changed."""
    project = code.copy(tmp_path_factory.mktemp("tiny") / "project")
    params = project.params()
    project.edit({f"benchmarks.{name}.detectors": {} for name in params["benchmarks"]})
    project.edit(TINY | {"detectors": {name: params["detectors"][name] for name in ("alpa", "pca")}})
    add_distance(project)
    switch_off_tracking(project)
    assert project.run("git", "init").returncode == 0
    project.commit()
    return project


def kill_when(project: Project, ready: Callable[[], bool]) -> None:
    """Start `dvc repro` and kill it, with all that it started, as soon as it is so far."""
    with (project.folder.parent / "log").open("w") as log:
        running = project.start("dvc", "repro", stdout=log, stderr=log, start_new_session=True)
        while not ready():
            assert running.poll() is None, (project.folder.parent / "log").read_text()
            time.sleep(0.01)
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()


@pytest.fixture(scope="session")
def interrupted(tiny: Project, tmp_path_factory: pytest.TempPathFactory) -> Interrupted:
    """The tiny benchmark, killed in the middle of a study, then of a training, and then finished; not to be changed."""
    project = tiny.copy(tmp_path_factory.mktemp("interrupted") / "project")
    kill_when(project, lambda: bool(project.finished_cells("alpa")))
    tuned = project.folder / "runs/tuned/digits/alpa.yaml"
    kill_when(project, lambda: tuned.exists() and len(project.finished_cells("alpa")) > TRIAL_CELLS)
    cells = project.finished_cells("alpa")
    log = project.repro()
    project.commit()
    return Interrupted(project, cells, log)


@pytest.fixture(scope="session")
def finished(interrupted: Interrupted) -> Project:
    """The tiny benchmark with its report; not to be changed."""
    return interrupted.project


@pytest.fixture(scope="session")
def undisturbed(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """ALPA, tuned and trained in one go where there is no test split; not to be changed."""
    folder = tmp_path_factory.mktemp("undisturbed") / "project"
    project = finished.copy(folder, "data/splits/digits/train")
    project.call("tune", "digits", "alpa")
    project.call("train", "digits", "alpa")
    return project
