"""Bad input: one sentence that says what is wrong and what to do, exit code 1, and not a file changed."""

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from alpa.data.splits import load_split, write_split
from alpa.detectors import DETECTORS
from tests.pipeline.distance import Distance
from tests.pipeline.project import Project

FullDisk = Callable[[int], AbstractContextManager[None]]
OUTPUTS = ("data", "runs", "reports")
STUDIES = ".cache/studies"
RAW = "data/raw/digits"
JOURNAL = f"{STUDIES}/digits-alpa.journal"


def truncate(name: str) -> Callable[[Path], object]:
    """Return what cuts a file off in the middle."""
    return lambda folder: os.truncate(folder / name, (folder / name).stat().st_size // 2)


def corrupt(name: str) -> Callable[[Path], object]:
    """Return what changes the last byte of a file."""
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-1] + b"\x07")


def garble(name: str) -> Callable[[Path], object]:
    """Return what changes the first byte of a file."""
    return lambda folder: (folder / name).write_bytes(b"\x07" + (folder / name).read_bytes()[1:])


def empty(name: str) -> Callable[[Path], object]:
    """Return what removes everything in a folder."""

    def remove(folder: Path) -> None:
        shutil.rmtree(folder / name)
        (folder / name).mkdir()

    return remove


def without_class_1(folder: Path) -> None:
    """Make a train split in which the images of class 1 are called 2."""
    train = folder / "data/splits/digits/train"
    split = load_split(train, in_memory=True)
    labels = np.where(split.labels == 1, 2, split.labels)
    digest = hashlib.sha256(split.images.tobytes() + labels.tobytes() + split.group.tobytes()).hexdigest()
    write_split(train, replace(split, labels=labels, digest=digest))


def of_different_sizes(folder: Path) -> None:
    """Make raw files of mnist whose test images are smaller than the others."""
    raw = folder / "data/raw/mnist"
    raw.mkdir()
    for part, n, side in (("train", 3, 28), ("t10k", 2, 27)):
        header = bytes([0, 0, 8, 3, *(0, 0, 0, n), *(0, 0, 0, side), *(0, 0, 0, side)])
        (raw / f"{part}-images-idx3-ubyte").write_bytes(header + bytes(n * side * side))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, n]) + bytes(n))


def without_column(folder: Path) -> None:
    """Take a column out of a score table and leave its description as it is."""
    path = folder / "runs/scores/digits/pca.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["sample"]), path)


def of_another_detector(folder: Path) -> None:
    """Put a model of ALPA where one of PCA belongs."""
    shutil.rmtree(folder / "runs/models/digits/pca/0-0")
    shutil.copytree(folder / "runs/models/digits/alpa/0-0", folder / "runs/models/digits/pca/0-0")


def of_another_class(folder: Path) -> None:
    """Put PCA's model of one class where that of another belongs."""
    shutil.rmtree(folder / "runs/models/digits/pca/0-0")
    shutil.copytree(folder / "runs/models/digits/pca/1-0", folder / "runs/models/digits/pca/0-0")


@dataclass(frozen=True)
class Case:
    """A stage's command, the sentence it ends with (its parts), and what is wrong beforehand."""

    command: str
    says: tuple[str, ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    damage: Callable[[Path], object] = lambda folder: None


AS_COMMANDS = {
    "an unknown key": Case("split digits", ("Unknown key training.stepz; known here: steps",), {"training.stepz": 1}),
    "an unknown data set": Case("download cifar", ("Data set cifar is unknown; choose digits, mnist",)),
    "a truncated raw file": Case("split digits", (f"{RAW}/images.npy", "run `"), damage=truncate(f"{RAW}/images.npy")),
    "a corrupted raw file": Case(
        "split digits", ("images.npy of digits is not the", "; run `"), damage=corrupt(f"{RAW}/images.npy")
    ),
    "an empty raw folder": Case("split digits", (f"{RAW} does not hold images.npy; run `",), damage=empty(RAW)),
    "images of different sizes": Case(
        "split mnist", ("different sizes (28x28 to train, 27x27 to test); run `",), damage=of_different_sizes
    ),
}
IN_PROCESS = {
    "an unknown key of a detector": Case(
        "tune digits alpa",
        ("Unknown key detectors.alpa.strenght; known here: width",),
        {"detectors.alpa.strenght": 1},
    ),
    "an unknown data set in params.yaml": Case(
        "split digits",
        ("benchmarks.digits.dataset is cifar; choose digits, mnist", "or add cifar to folders or, if it is published,"),
        {"benchmarks.digits.dataset": "cifar"},
    ),
    "an unknown protocol": Case(
        "split digits", ("Protocol luck is unknown; choose one_vs_rest",), {"benchmarks.digits.protocol": "luck"}
    ),
    **{
        f"an unknown benchmark to {command.split()[0]}": Case(
            command, ("Benchmark cifar is not in params.yaml; choose",)
        )
        for command in ("preflight cifar", "split cifar", "tune cifar pca", "train cifar pca", "evaluate cifar pca")
    },
    "an unknown benchmark to leaderboard": Case(
        "leaderboard cifar", ("Benchmark cifar is not in params.yaml; choose",)
    ),
    "an unknown benchmark to report": Case("report cifar", ("Benchmark cifar is not in params.yaml; choose",)),
    "an unknown benchmark to release": Case("release cifar", ("Benchmark cifar is not in params.yaml; choose",)),
    "an unknown detector to tune": Case("tune digits svdd", ("etector svdd", "; choose alpa")),
    "an unknown detector to train": Case("train digits svdd", ("etector svdd", "; choose alpa")),
    "an unknown detector to evaluate": Case("evaluate digits svdd", ("etector svdd", "; choose alpa")),
    **{
        f"an unknown class to {command.split()[0]}": Case(
            command, ("Normal class 12 is not in digits; choose 0-9.",), {"benchmarks.digits.classes": ["0", "12"]}
        )
        for command in ("preflight digits", "train digits pca", "evaluate digits pca", "leaderboard digits")
    },
    "a class with no images": Case("train digits pca", ("lass 1 ", " 0 ", "training images"), damage=without_class_1),
    "a negative strength": Case(
        "tune digits alpa",
        ("detectors.alpa.strength is -0.5: input should be greater than or equal to 0.",),
        {"detectors.alpa.strength": -0.5},
    ),
    "no trials": Case("tune digits alpa", ("tuning.trials is 0: ",), {"benchmarks.digits.tuning.trials": 0}),
    "an unknown family of pseudo-anomalies": Case(
        "tune digits alpa",
        ("Pseudo-anomaly family melted is unknown; choose permuted",),
        {"tuning.families": ["melted"]},
    ),
    "a search space of no parameter": Case(
        "tune digits alpa",
        ("Unknown key tuning.space.alpa.strenght; known here: width",),
        {"tuning.space.alpa": {"strenght": [1, 2]}},
    ),
    "a study made with another space": Case(
        "tune digits alpa",
        ("Study digits-alpa was made with another space (strength ", "giving tuning.study a name"),
        {"tuning.space.alpa.strength.high": 0.9},
    ),
    "a damaged journal": Case("tune digits alpa", (f"{JOURNAL} ", "move it away"), damage=garble(JOURNAL)),
    "a study that was not swept": Case(
        "sweep digits alpa",
        ("runs/tuned/digits/alpa.trials.json is missing or damaged; run `",),
        damage=truncate("runs/tuned/digits/alpa.trials.json"),
    ),
    "no seeds": Case("train digits pca", ("benchmarks.digits.seeds is []",), {"benchmarks.digits.seeds": []}),
    "a class without a model": Case(
        "evaluate digits pca", ("runs/models/digits/pca/2-0", "train"), {"benchmarks.digits.classes": ["2"]}
    ),
    "a model of another detector": Case(
        "evaluate digits pca", ("runs/models/digits/pca/0-0 holds a detector of kind alpa",), damage=of_another_detector
    ),
    "a model of another class": Case(
        "evaluate digits pca",
        ("runs/models/digits/pca/0-0 holds the model of another class or seed",),
        damage=of_another_class,
    ),
    "a score file without a column": Case(
        "leaderboard digits", ("pca.parquet: column sample is missing; run `",), damage=without_column
    ),
    "a cell without scores": Case(
        "leaderboard digits", ("digits class 2, seed 0 of alpa has no",), {"benchmarks.digits.classes": ["0", "2"]}
    ),
    "facts of other numbers": Case(
        "release digits", ("facts.json belongs to another cells.csv",), damage=truncate("reports/digits/cells.csv")
    ),
}


@pytest.fixture
def project(finished: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A finished project whose files may be damaged, with a registry that knows its detectors."""
    monkeypatch.setitem(DETECTORS, "distance", Distance)
    return finished.copy(tmp_path / "project", *OUTPUTS, STUDIES)


def prepare(project: Project, case: Case) -> dict[str, str]:
    """Do what is wrong and return all output files as they then are."""
    project.edit(case.params)
    case.damage(project.folder)
    return project.files(*OUTPUTS, STUDIES)


def one_sentence(text: object, parts: tuple[str, ...]) -> bool:
    """Tell whether it is the text of an error of one line that has all the parts."""
    assert isinstance(text, str)
    return text.startswith("error: ") and "\n" not in text and text.endswith(".") and all(p in text for p in parts)


@pytest.mark.parametrize("case", AS_COMMANDS.values(), ids=AS_COMMANDS)
def test_a_command_ends_with_one_sentence_and_code_1(case: Case, project: Project) -> None:
    before = prepare(project, case)
    done = project.stage(*case.command.split())
    assert (done.returncode, done.stdout) == (1, "")
    assert one_sentence(done.stderr.removesuffix("\n"), case.says), done.stderr
    assert project.files(*OUTPUTS, STUDIES) == before


@pytest.mark.parametrize("case", IN_PROCESS.values(), ids=IN_PROCESS)
def test_a_stage_ends_with_one_sentence(case: Case, project: Project) -> None:
    before = prepare(project, case)
    with pytest.raises(SystemExit) as stop:
        project.call(*case.command.split())
    # Python writes a text that is given as the exit code to stderr, and exits with 1.
    assert one_sentence(stop.value.code, case.says), stop.value.code
    assert project.files(*OUTPUTS, STUDIES) == before


FULL_DISK = {
    "download digits": 50_000,
    "split digits": 50_000,
    "tune digits alpa": 10,
    "train digits pca": 50_000,
    "evaluate digits pca": 1_000,
    "leaderboard digits": 300,
    "report digits": 10_000,
}


@pytest.mark.parametrize(("command", "limit"), FULL_DISK.items())
def test_a_full_disk_leaves_what_was_there(
    command: str, limit: int, project: Project, full_disk: FullDisk, capsys: pytest.CaptureFixture[str]
) -> None:
    if command == "download digits":
        shutil.rmtree(project.folder / RAW)
    before = project.files(*OUTPUTS, STUDIES)
    with full_disk(limit), pytest.raises(SystemExit) as stop:
        project.call(*command.split())
    assert one_sentence(stop.value.code, ("File too large", "no file was half-written")), stop.value.code
    assert project.files(*OUTPUTS, STUDIES, ".cache/cells") == before


@pytest.mark.parametrize("arguments", [(), ("digits", "pca")])
def test_a_wrong_number_of_names_shows_the_right_one(arguments: tuple[str, ...], project: Project) -> None:
    done = project.stage("split", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "usage: python -m pipeline.split <benchmark>\n"
