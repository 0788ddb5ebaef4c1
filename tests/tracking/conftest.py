"""A project's result files, made up, in a folder of their own, with a tracking database that nobody has used."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alpa.evaluation.scores import ScoreInfo, write_scores
from alpa.tuning.finished import Finished, StudyRecord, record_path, write_record

FACTS = {
    "commit": "0123abc",
    "device": "cpu",
    "versions": {"torch": "2.14.1"},
    "seconds": 2.5,
    "finished": "2026-01-02T03:04:05+00:00",
}
SPACE = {"strength": '{"name": "FloatDistribution", "attributes": {"low": 0.01, "high": 1.0, "log": true}}'}
SETTINGS = {
    "objective": "pseudo",
    "classes": ["3", "8"],
    "steps": 40,
    "pruner": "wilcoxon",
    "training": {"batch_size": 32},
    "untuned": {"strength": 0.1},
    "code": ["abc", "def"],
    "data": "digest of train",
    "runtime": {"device": "cpu", "threads": 1},
    "versions": {"torch": "2.14.1"},
}


@dataclass(frozen=True)
class Project:
    """Writes the files that the stages would write."""

    folder: Path

    def train(self, detector: str, classes: str, strength: float = 0.1) -> None:
        """Write one cell with seed 0 per class name, as the train stage does."""
        for name in classes:
            key = f"{detector}{name}{strength}".encode().hex()
            self.write(f"runs/models/toy/{detector}/{name}-0/cell.json", self.cell(key, detector, name))
            description = {"config": {"strength": strength}, "image_shape": [1, 32, 32], "primary_score": "latent"}
            self.write(f"runs/models/toy/{detector}/{name}-0/detector.json", {"detector": detector, **description})
            history = "step,autoencoder,distorter\n10,0.5,-0.5\n20,0.25,-0.75\n"
            (self.folder / f"runs/models/toy/{detector}/{name}-0/history.csv").write_text(history)
            self.write(f".cache/cells/{key}/facts.json", FACTS)
        for part in ("train", "test"):
            self.write(f"data/splits/toy/{part}/split.json", {"digest": f"digest of {part}"})

    def evaluate(self, detector: str, classes: str, wrong: str = "") -> None:
        """Write a score table in which `latent` is right about every image and `feature` about half of the pairs.

        For the classes in `wrong`, `latent` is wrong about every image.
        """
        cell = {"seed": 0, "sample": range(4), "group": -1, "is_anomaly": [False, False, True, True]}
        scores = {"latent": np.arange(4.0), "feature": [0.0, 2.0, 0.0, 2.0]}
        tables = {name: pd.DataFrame({"target_class": name, **cell, **scores}) for name in classes}
        for name in wrong:
            tables[name]["latent"] *= -1
        table = pd.concat(tables.values())
        path = Path(f"runs/scores/toy/{detector}.parquet")
        write_scores(path, table, ScoreInfo("toy", "digits", "one_vs_rest", detector, "latent"))

    def draw(self, *names: str) -> None:
        """Write figures of the report."""
        for name in names:
            path = self.folder / "reports/toy/figures" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"<svg>{name}</svg>")

    def tune(self, detector: str, *trials: Finished, benchmark: str = "toy", **settings: object) -> Path:
        """Write a study's record, as the tune stage does, and return its path."""
        path = record_path(benchmark, detector)
        write_record(path, StudyRecord(f"{benchmark}-{detector}", SPACE, SETTINGS | settings, trials))
        return path

    @staticmethod
    def cell(key: str, detector: str, name: str) -> dict:
        counts = {"n_train": 90, "n_validation": 10}
        return {"key": key, "detector": detector, "target_class": name, "seed": 0, "training": {"steps": 20}, **counts}

    def write(self, name: str, value: object) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without a run; making one takes seconds."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An empty project in the working directory, and no address in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return Project(tmp_path)


@pytest.fixture
def tracked(project: Project, empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose tracking database is there, under its full path: mlflow keeps what it opened under a name."""
    shutil.copy(empty_database, project.folder / "mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project.folder / 'mlflow.db'}")
    return project
