"""What is odd and yet no fault: names with spaces and foreign letters, and machines that lack what is not needed."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.bad_input.bases import Bases
from tests.bad_input.running import as_command
from tests.pipeline.conftest import switch_off_tracking
from tests.pipeline.own import PARTS
from tests.pipeline.project import Project

NAME = "Größe π data"
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}  # as a minimal container may be set up
MACHINES = {
    "no home": {"HOME": "/no/such/folder"},
    "no folder for temporary files": {"TMPDIR": "/no/such/folder"},
    "no number of threads": {"OMP_NUM_THREADS": "many", "MKL_NUM_THREADS": "-1"},
    "no letters but ASCII's": ASCII,
    "the locale POSIX": {"LC_ALL": "POSIX", "LANG": ""},
    "a locale that is not installed": {"LC_ALL": "xx_YY.ISO-8859-15"},
    "no GPU of this name": {"CUDA_VISIBLE_DEVICES": "nonsense"},
    "no such time zone": {"TZ": "Nowhere/Nothing"},
}


def parts_in(folder: Path, bases: Bases) -> Project:
    """Return a project with pictures of the user's own in a folder of this name, to be scored by PCA alone."""
    project = bases.copy(PARTS, folder)
    (folder / PARTS).rename(folder / NAME)
    project.edit({"folders": {PARTS: str(folder / NAME)}, "tuning": False})
    project.edit({"pipeline.detectors": ["pca"], "detectors": {"pca": {"components": 4}}})
    switch_off_tracking(project)
    return project


def test_names_with_spaces_and_foreign_letters_go_through_all_stages(bases: Bases, tmp_path: Path) -> None:
    project = parts_in(tmp_path / NAME, bases)
    picture = tmp_path / NAME / NAME / "normal" / "Bild Ä, 7 日.png"
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(picture)
    for code in ("alpa", "pipeline"):  # DVC keeps its lock beside dvc.yaml
        source = (project.folder / code).resolve()
        (project.folder / code).unlink()
        shutil.copytree(source, project.folder / code, ignore=shutil.ignore_patterns("__pycache__", "dvc.lock"))
    assert project.run("git", "init").returncode == 0
    assert project.run("dvc", "init", "--quiet").returncode == 0
    project.repro("pipeline/dvc.yaml:report@parts")
    assert "Bild Ä, 7 日.png" in (project.folder / "data/raw/parts/inventory.json").read_text(encoding="utf-8")
    assert (project.folder / "reports/parts/report.html").is_file()


@pytest.mark.parametrize("settings", MACHINES.values(), ids=MACHINES)
def test_a_machine_may_lack_what_is_not_needed(settings: dict[str, str], bases: Bases, tmp_path: Path) -> None:
    project = bases.copy("finished", tmp_path / "home")
    model = project.folder / "runs/models/digits/pca/0-0/model.safetensors"
    before = model.read_bytes()
    shutil.rmtree(project.folder / "runs/models")
    shutil.rmtree(project.folder / ".cache/cells")
    code, output, errors = as_command(project, ["train", "digits", "pca"], settings)
    assert (code, "train pca on digits: 4 cells trained" in output) == (0, True), errors
    assert model.read_bytes() == before


@pytest.mark.parametrize("settings", [ASCII, {"PYTHONIOENCODING": "ascii"}], ids=["locale", "terminal"])
def test_a_terminal_without_foreign_letters_shows_them_escaped(
    settings: dict[str, str], bases: Bases, tmp_path: Path
) -> None:
    project = bases.copy(PARTS, tmp_path / "home")
    project.edit({"folders": {PARTS: "/no/Größe"}})
    code, output, errors = as_command(project, ["preflight", PARTS], settings)
    assert code == 0, errors
    assert "folders.parts is /no/Gr\\xf6\\xdfe, which does not exist; " in output


@pytest.mark.parametrize("uri", ["nonsense", "http://127.0.0.1:9", "sqlite:///params.yaml/mlflow.db"])
def test_a_tracking_server_that_is_none_costs_one_warning(uri: str, bases: Bases, tmp_path: Path) -> None:
    project = bases.copy("finished", tmp_path / "home")
    code, output, errors = as_command(project, ["report", "digits"], {"MLFLOW_TRACKING_URI": uri})
    assert code == 0, errors
    assert "Wrote reports/digits/report.html.\n" in output
    warnings = [line for line in errors.splitlines() if line.startswith("warning: ")]
    assert len(warnings) == 1, errors
    assert warnings[0].startswith(f"warning: MLflow at {uri} failed: ")
    assert "Traceback" not in errors
