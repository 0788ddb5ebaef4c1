"""The short version of `make faults`, and what makes it worth anything: it sees a result that is not as it was."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.faults.attempt import Outcome
from tests.faults.benchmark import make_project
from tests.faults.series import FAULTS, SHORT
from tests.faults.table import as_table, write_tables
from tests.faults.undisturbed import Undisturbed, half_written, results
from tests.pipeline.project import ROOT, Project

COLD = "pipeline/dvc.yaml:evaluate@faults-alpa"


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """The short version, which leaves its undisturbed run in a folder."""
    folder = tmp_path_factory.mktemp("short")
    command = [sys.executable, "-m", "tests.faults", "--short", "--keep", str(folder / "kept")]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_every_fault_ends_in_the_undisturbed_results(short: subprocess.CompletedProcess[str]) -> None:
    assert short.returncode == 0, short.stdout + short.stderr
    for fault in FAULTS:
        stage, _ = SHORT[fault]
        assert f"{fault}, {stage}: 1 tried, 0 wrong" in short.stdout


def test_the_plain_commands_give_the_same_bytes(short: subprocess.CompletedProcess[str], tmp_path: Path) -> None:
    kept = Project(Path(short.args[-1]) / "project")
    project = make_project(tmp_path / "project")
    project.repro(COLD)
    found, expected = results(project), results(kept)
    assert [path for path in found if found[path] != expected.get(path)] == []
    assert "runs/scores/faults/alpa.parquet" in found


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A few results of a project."""
    project = Project(tmp_path / "project")
    for name in ("runs/scores/faults/alpa.parquet", "reports/faults/cells.csv"):
        path = project.folder / name
        path.parent.mkdir(parents=True)
        path.write_text("whole")
    return project


def test_a_result_that_differs_or_is_missing_is_seen(project: Project, tmp_path: Path) -> None:
    undisturbed = Undisturbed(tmp_path, files=results(project))
    required = set(undisturbed.files)
    assert undisturbed.differences(project, required) == []
    (project.folder / "runs/scores/faults/alpa.parquet").write_text("other")
    (project.folder / "reports/faults/cells.csv").unlink()
    assert undisturbed.differences(project, set()) == ["runs/scores/faults/alpa.parquet"]
    assert undisturbed.differences(project, required) == ["reports/faults/cells.csv", "runs/scores/faults/alpa.parquet"]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("runs/scores/.alpa.parquet.1.0a.partial", b""),
        (".cache/cells/0a", b"no cell"),
        (".cache/studies/faults-alpa.journal", b'{"op_code": 0}\n{"op_'),
        ("reports/faults/report.html", b"<html>"),
        ("mlflow.db", b"no database"),
    ],
)
def test_what_is_half_written_is_seen(path: str, content: bytes, project: Project) -> None:
    assert half_written(project) == []
    (project.folder / path).parent.mkdir(parents=True, exist_ok=True)
    (project.folder / path).write_bytes(content)
    assert half_written(project) == [path]


def test_the_table_counts_what_was_tried_what_survived_and_what_is_identical(tmp_path: Path) -> None:
    faults = ["clock jumps", "journal corrupted"]
    outcomes = [
        Outcome("clock jumps", "train", 0, True, [], ""),
        Outcome("clock jumps", "train", 1, True, ["different: a"], ""),
        Outcome("clock jumps", "train", 2, False, [], ""),
        Outcome("journal corrupted", "tune", 0, True, [], ""),
    ]
    write_tables(tmp_path, as_table(faults, outcomes), faults)
    table = pd.read_csv(tmp_path / "faults.csv")
    assert table.values.tolist() == [["clock jumps", "train", 3, 2, 1], ["journal corrupted", "tune", 1, 1, 1]]
    page = (tmp_path / "faults.md").read_text()
    assert "| clock jumps | – | – | – | – | – | **3 / 2 / 1** | – |" in page
    assert "| journal corrupted | – | – | – | – | 1 | – | – |" in page
    assert "In total 4 runs, 3 survived, 2 identical." in page


def test_faults_that_were_tried_before_stay_in_the_table(tmp_path: Path) -> None:
    faults = ["clock jumps", "journal corrupted"]
    first = Outcome("journal corrupted", "tune", 0, True, [], "")
    worse, better = (Outcome("clock jumps", "train", 0, True, wrong, "") for wrong in (["different: a"], []))
    for outcome in (first, worse, better):
        write_tables(tmp_path, as_table(faults, [outcome]), faults)
    table = pd.read_csv(tmp_path / "faults.csv")
    assert table.values.tolist() == [["clock jumps", "train", 1, 1, 1], ["journal corrupted", "tune", 1, 1, 1]]
