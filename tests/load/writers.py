"""Several processes that log to one tracking store at once, each its own benchmark's runs, and what arrived."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOSSES = ("autoencoder", "distorter")
SYNC = "import sys; from alpa.tracking import sync; print(sync(sys.argv[1], insist=True).waiting)"


def write_run(project: Path, benchmark: str, metrics: int) -> None:
    """Write a trained cell whose history holds so many values."""
    folder = project / "runs/models" / benchmark / "alpa/3-0"
    folder.mkdir(parents=True)
    cell = {"key": f"key of {benchmark}", "detector": "alpa", "target_class": "3", "seed": 0, "training": {"steps": 9}}
    (folder / "cell.json").write_text(json.dumps(cell))
    (folder / "detector.json").write_text(json.dumps({"detector": "alpa", "config": {"strength": 0.1}}))
    rows = [f"{step},{value_of(step, 0)},{value_of(step, 1)}" for step in range(metrics // len(LOSSES))]
    (folder / "history.csv").write_text("\n".join([f"step,{','.join(LOSSES)}", *rows, ""]))


def value_of(step: int, place: int) -> float:
    """Return a loss at a step, which is exact as text."""
    return step / 8 + place


def sync_at_once(projects: dict[str, Path], store: Path) -> list[str]:
    """Start a process per benchmark, each in its project's folder, and return what was wrong with any."""
    environment = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{store}", "PYTHONPATH": str(ROOT)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SYNC, benchmark],
            cwd=project,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for benchmark, project in projects.items()
    ]
    ended = [(process.communicate(), process.returncode) for process in processes]
    return [f"{out}{err}" for (out, err), code in ended if (out, err, code) != ("0\n", "", 0)]


def count_lost(store: Path, benchmarks: list[str], metrics: int) -> int:
    """Return how many of the values of all runs are not in the store, or not as they were."""
    query = (
        "select experiments.name, metrics.key, metrics.step, metrics.value from metrics "
        "join runs using (run_uuid) join experiments using (experiment_id)"
    )
    with sqlite3.connect(store) as database:
        found = set(database.execute(query))
    wanted = {
        (benchmark, f"training/{loss}", step, value_of(step, place))
        for benchmark in benchmarks
        for place, loss in enumerate(LOSSES)
        for step in range(metrics // len(LOSSES))
    }
    return len(wanted - found)
