"""A disk that is full: one sentence, exit code 1, and what was there stays as it was."""

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from alpa.detectors import DETECTORS
from tests.pipeline.distance import Distance
from tests.pipeline.own import DOORS, PARTS, own_project
from tests.pipeline.project import Project

FullDisk = Callable[[int], AbstractContextManager[None]]
OUTPUTS = ("data", "runs", "reports")
STUDIES = ".cache/studies"
RAW = "data/raw/digits"
FULL_DISK = {
    "download digits": 50_000,
    "split digits": 50_000,
    "tune digits alpa": 10,
    "train digits pca": 50_000,
    "evaluate digits pca": 1_000,
    "leaderboard digits": 300,
    "report digits": 10_000,
}


@pytest.fixture
def project(finished: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A finished project whose files may be damaged, with a registry that knows its detectors."""
    monkeypatch.setitem(DETECTORS, "distance", Distance)
    return finished.copy(tmp_path / "project", *OUTPUTS, STUDIES)


def ends_with_one_sentence(project: Project, command: str, full_disk: AbstractContextManager[None]) -> bool:
    """Tell whether a stage ends so while the disk is full."""
    with full_disk, pytest.raises(SystemExit) as stop:
        project.call(*command.split())
    text = str(stop.value.code)
    return text.startswith("error: File too large") and text.count("\n") == 0 and "no file was half-written" in text


@pytest.mark.parametrize(("command", "limit"), FULL_DISK.items())
def test_a_full_disk_leaves_what_was_there(command: str, limit: int, project: Project, full_disk: FullDisk) -> None:
    if command == "download digits":
        shutil.rmtree(project.folder / RAW)
    before = project.files(*OUTPUTS, STUDIES)
    assert ends_with_one_sentence(project, command, full_disk(limit))
    assert project.files(*OUTPUTS, STUDIES, ".cache/cells") == before


@pytest.mark.parametrize(("key", "limit"), [(PARTS, 1_000), (DOORS, 10_000)])
def test_a_full_disk_leaves_the_split_that_was_there(
    key: str, limit: int, code: Project, tmp_path: Path, full_disk: FullDisk
) -> None:
    project = own_project(code, tmp_path, key)
    project.call("folder", key)
    project.call("split", key)
    before = project.files(*OUTPUTS)
    assert ends_with_one_sentence(project, f"split {key}", full_disk(limit))
    assert project.files(*OUTPUTS) == before
