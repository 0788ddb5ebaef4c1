"""Bad folders of a user's own: one sentence that names the file, exit code 1, and nothing half-written."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.pipeline.own import DOORS, PARTS, own_project
from tests.pipeline.project import Project
from tests.pipeline.test_bad_input import FullDisk, one_sentence, truncate

OUTPUTS = ("data", "runs", "reports")


def write(name: str, text: str) -> Callable[[Path], object]:
    """Return what writes a file of text."""
    return lambda folder: (folder / name).write_text(text)


def without_files(name: str) -> Callable[[Path], object]:
    """Return what leaves a folder empty."""

    def remove(folder: Path) -> None:
        shutil.rmtree(folder / name)
        (folder / name).mkdir()

    return remove


def remove(name: str) -> Callable[[Path], object]:
    """Return what removes a file, or a folder with all that it holds."""
    return lambda folder: (folder / name).unlink() if (folder / name).is_file() else shutil.rmtree(folder / name)


def picture(name: str, width: int, height: int) -> Callable[[Path], object]:
    """Return what writes a black picture."""
    return lambda folder: Image.fromarray(np.zeros((height, width), np.uint8)).save(folder / name)


def one_frame(name: str) -> Callable[[Path], object]:
    """Return what leaves the first frame of a clip alone."""

    def shorten(folder: Path) -> None:
        for path in sorted((folder / name).iterdir())[1:]:
            path.unlink()

    return shorten


@dataclass(frozen=True)
class Case:
    """The data set, what is wrong with its folder, the stage that says so and how (its parts), and settings."""

    key: str
    damage: Callable[[Path], object]
    stage: str
    says: tuple[str, ...]
    params: Mapping[str, Any] = field(default_factory=dict)


NOTHING: Callable[[Path], object] = lambda folder: None  # noqa: E731 (only the settings are wrong)
CASES = {
    "a truncated PNG": Case(
        PARTS,
        truncate("normal/003.png"),
        "split after folder",
        (
            "normal/003.png in ",
            "/parts is damaged (",
            "replace or remove it, and run `python -m pipeline.folder parts`.",
        ),
    ),
    "a text named .jpg": Case(
        PARTS,
        write("anomalous/note.jpg", "no picture"),
        "folder",
        ("anomalous/note.jpg in ", "/parts is not a PNG, JPEG, ", "picture; replace or remove it."),
    ),
    "an empty picture": Case(
        PARTS,
        write("normal/004.png", ""),
        "folder",
        ("normal/004.png in ", "/parts is empty (0 bytes); replace or remove it."),
    ),
    "a class folder without pictures": Case(
        PARTS,
        without_files("anomalous"),
        "folder",
        ("anomalous in ", "/parts holds no pictures; put some there, or remove the folder."),
    ),
    "a picture that is gone since it was listed": Case(
        PARTS,
        remove("normal/005.png"),
        "split",
        ("normal/005.png in ", "/parts cannot be read", "run `python -m pipeline.folder parts`."),
    ),
    "a picture that has changed since it was listed": Case(
        PARTS,
        picture("normal/005.png", 8, 8),
        "split",
        ("normal/005.png in ", "/parts has changed since it was listed", "run `python -m pipeline.folder parts`."),
    ),
    "too few normal pictures to split": Case(
        PARTS,
        lambda folder: [(folder / f"normal/{place:03}.png").unlink() for place in range(1, 30)],
        "split after folder",
        ("Class normal of parts has 1 images in the data set", "at least 2."),
    ),
    "a folder that is not there": Case(
        PARTS, shutil.rmtree, "folder", ("folders.parts is ", "which does not exist; give a folder's path")
    ),
    "a file instead of a folder": Case(
        PARTS,
        lambda folder: (shutil.rmtree(folder), folder.write_text("zip")),
        "folder",
        ("folders.parts is ", "which is not a folder; give the path of one"),
    ),
    "a folder that was never listed": Case(
        PARTS,
        NOTHING,
        "split without folder",
        ("data/raw/parts/inventory.json does not exist; run `python -m pipeline.folder parts`.",),
    ),
    "still pictures under protocol video": Case(
        PARTS,
        NOTHING,
        "split",
        ("parts holds still images, and protocol video is for clips; choose another one.",),
        {"benchmarks.parts.protocol": "video"},
    ),
    "clips under one_vs_rest": Case(
        DOORS,
        NOTHING,
        "split",
        ("doors holds clips", "choose a protocol for clips."),
        {"benchmarks.doors.protocol": "one_vs_rest", "benchmarks.doors.image_size": 32},
    ),
    "an unlabelled clip": Case(
        DOORS,
        write("labels.csv", "clip,first,last\ngate-1,4,7\n"),
        "split after folder",
        ("Test clip gate-2 has no row in ", "doors/labels.csv; add one"),
    ),
    "no labels": Case(
        DOORS,
        remove("labels.csv"),
        "split",
        ("labels.csv in ", "/doors cannot be read", "run `python -m pipeline.folder doors`."),
    ),
    "a range past the end of its clip": Case(
        DOORS,
        write("labels.csv", "clip,first,last\ngate-1,4,8\ngate-2,,\n"),
        "split after folder",
        ("Clip gate-1 (", "has 7 frames, but its labels have a range from 4 to 8; correct them."),
    ),
    "overlapping ranges": Case(
        DOORS,
        write("labels.csv", "clip,first,last\ngate-1,2,5\ngate-1,5,6\ngate-2,,\n"),
        "split after folder",
        ("gate-1 in ", "doors/labels.csv has the ranges 2 to 5 and 5 to 6, which overlap; join them."),
    ),
    "labels of one kind alone": Case(
        DOORS,
        write("labels.csv", "clip,first,last\ngate-1,,\ngate-2,,\n"),
        "split after folder",
        ("All test frames of doors are labelled normal; a test needs both kinds.",),
    ),
    "a clip of one frame": Case(
        DOORS,
        one_frame("train/hall-2"),
        "split after folder",
        ("doors/train/hall-2 has one frame; a clip needs at least two frames.",),
    ),
    "frames of different size": Case(
        DOORS,
        picture("test/gate-2/003.png", 41, 28),
        "split after folder",
        ("doors/test/gate-2, 003.png is 28x41, 001.png is 28x40; give all its frames one size.",),
    ),
    "a truncated frame": Case(
        DOORS,
        truncate("test/gate-2/008.png"),
        "split after folder",
        ("doors/test/gate-2/008.png is damaged (",),
    ),
    "no train clips": Case(
        DOORS,
        without_files("train"),
        "split after folder",
        ("doors/train holds no train clips; a clip is a folder of frames or a video file.",),
    ),
    "clips prepared by their own contrast": Case(
        DOORS,
        NOTHING,
        "split",
        ("benchmarks.doors.training.preparation is gcn, ", "; choose unit or scaled."),
        {"training.preparation": "gcn"},
    ),
    "frames smaller than a window": Case(
        DOORS,
        NOTHING,
        "train pca",
        ("Frames of 24 pixels a side do not hold windows of 32; set video.window lower.",),
        {"video.window": 32},
    ),
    "an unknown data set": Case(
        DOORS,
        NOTHING,
        "split",
        ("benchmarks.doors.dataset is gates; choose digits, doors, or add gates to folders",),
        {"benchmarks.doors.dataset": "gates"},
    ),
    "the key of a published set": Case(
        DOORS,
        NOTHING,
        "split",
        ("digits is in folders and in pipeline.datasets; give the folder another name.",),
        {"folders": {"digits": "somewhere", "doors": "elsewhere"}},
    ),
    "a folder that nobody named": Case(
        PARTS, NOTHING, "folder gates", ("Data set gates is not under folders in params.yaml; choose parts.",)
    ),
}


@pytest.fixture
def project(case: Case, code: Project, tmp_path: Path) -> Project:
    """The project with the folder of the case, listed and split as far as the stage needs it, and then damaged."""
    project = own_project(code, tmp_path, case.key)
    stage, *how = case.stage.split()
    late = how[:1] == ["after"]  # what is wrong is listed too
    if late:
        case.damage(tmp_path / case.key)
    if stage != "folder" and how[:1] != ["without"]:
        project.call("folder", case.key)
    if stage == "train":
        project.call("split", case.key)
        project.call("tune", case.key, *how)
    if not late:
        case.damage(tmp_path / case.key)
    project.edit(case.params)
    return project


def command(case: Case) -> tuple[str, ...]:
    """Return the stage's name and what it is called with."""
    stage, *how = case.stage.split()
    if stage == "train":
        return stage, case.key, *how
    return stage, (how[0] if stage == "folder" and how else case.key)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_bad_folder_ends_a_stage_with_one_sentence_and_nothing_half_written(case: Case, project: Project) -> None:
    before = project.files(*OUTPUTS)
    with pytest.raises(SystemExit) as stop:
        project.call(*command(case))
    assert one_sentence(stop.value.code, case.says), stop.value.code
    after = project.files(*OUTPUTS)
    assert {name: digest for name, digest in after.items() if digest} == {
        name: digest for name, digest in before.items() if digest
    }
    assert [name for name in after if "/." in name] == []


@pytest.mark.parametrize("case", [CASES["a text named .jpg"]], ids=["a text named .jpg"])
def test_a_command_on_a_bad_folder_ends_with_code_1(case: Case, project: Project) -> None:
    done = project.stage(*command(case))
    assert (done.returncode, done.stdout) == (1, "")
    assert one_sentence(done.stderr.removesuffix("\n"), case.says), done.stderr


@pytest.mark.parametrize(("key", "limit"), [(PARTS, 1_000), (DOORS, 10_000)])
def test_a_full_disk_leaves_the_split_that_was_there(
    key: str, limit: int, code: Project, tmp_path: Path, full_disk: FullDisk
) -> None:
    project = own_project(code, tmp_path, key)
    project.call("folder", key)
    project.call("split", key)
    before = project.files(*OUTPUTS)
    with full_disk(limit), pytest.raises(SystemExit) as stop:
        project.call("split", key)
    assert one_sentence(stop.value.code, ("File too large", "no file was half-written")), stop.value.code
    assert project.files(*OUTPUTS) == before


@pytest.mark.parametrize("key", [PARTS, DOORS])
def test_preflight_says_whether_a_folder_is_there_and_that_its_cells_are_not_known_yet(
    key: str, code: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = own_project(code, tmp_path, key)
    project.call("preflight", key)
    out = capsys.readouterr().out
    assert f"{key}: the data of {key} are at hand.\n" in out
    assert "every cell has a model" not in out
    shutil.rmtree(tmp_path / key)
    project.call("preflight", key)
    out = capsys.readouterr().out
    assert f"{key}: folders.{key} is {tmp_path / key}, which does not exist; give a folder's path" in out
