"""The generated benchmark: a folder of two classes, two cheap detectors, of which one is tuned; and its stages."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tests.pipeline.project import ROOT, Project, copy_code

KEY = "faults"
REPRO = ("pipeline.in_turn", "dvc", "--wait-for-lock", "repro")
PICTURES = "pictures"  # within the project, so that a copy of the project is whole
IMAGES = 24  # of a class
PARAMS = {
    "pipeline": {"default": KEY, "datasets": ["digits"], "detectors": ["alpa", "pca"], "paper": []},
    "folders": {KEY: PICTURES},
    "benchmarks": {
        KEY: {
            "dataset": KEY,
            "protocol": "one_vs_rest",
            "classes": "all",
            "seeds": [0, 1],  # a study trains cells of the first alone
            "image_size": 16,
            "split_seed": 0,
            "training": {"steps": 20, "batch_size": 8},
            "video": {},
            "tuning": {},
            "detectors": {},
        },
        "digits": {
            "dataset": "digits",
            "protocol": "one_vs_rest",
            "classes": "all",
            "seeds": [0],
            "image_size": 16,
            "split_seed": 0,
            "training": {},
            "video": {},
            "tuning": False,
            "detectors": {},
        },
    },
    "tuning": {
        "trials": 3,
        "training": {"steps": 20, "batch_size": 8},  # as the benchmark's, so that training finds cells of trials
        "families": ["permuted", "warped"],
        "strengths": 2,
        "space": {"alpa": {"strength": {"low": 0.05, "high": 0.5, "log": True}}},
    },
    "detectors": {"alpa": {"width": 4, "latent": 2}, "pca": {"components": 4}},
    "evaluation.bootstrap_samples": 20,
    "runtime.device": "cpu",
    "runtime.precision": "fp32",
    "runtime.workers": 1,
}


@dataclass(frozen=True)
class Stage:
    """A stage of the workflow: its command, its name in pipeline/dvc.yaml, and what finishes a run that it is in."""

    name: str
    arguments: tuple[str, ...]
    target: str | None  # None for what DVC does not know
    finish: tuple[str, ...] = ()  # targets of DVC; none are the default benchmark

    @property
    def command(self) -> tuple[str, ...]:
        """What stands behind `python -m`."""
        return f"pipeline.{self.name}", *self.arguments

    @property
    def repro(self) -> tuple[str, ...]:
        """The same, alone and by DVC where DVC runs it."""
        return (*REPRO, "-s", self.target) if self.target else self.command


def _stage(name: str, *arguments: str, finish: tuple[str, ...] = ()) -> Stage:
    return Stage(name, arguments, f"pipeline/dvc.yaml:{name}@{'-'.join(arguments)}", finish)


# In the order in which they run; `download` is of another benchmark, since this one's pictures are the user's own.
STAGES = (
    Stage("plugins", (), "pipeline/dvc.yaml:plugins"),
    _stage("download", "digits", finish=("pipeline/dvc.yaml:download@digits",)),
    _stage("folder", KEY),
    _stage("split", KEY),
    _stage("tune", KEY, "pca"),
    _stage("tune", KEY, "alpa"),
    _stage("train", KEY, "pca"),
    _stage("train", KEY, "alpa"),
    _stage("evaluate", KEY, "pca"),
    _stage("evaluate", KEY, "alpa"),
    _stage("sweep", KEY, "pca"),
    _stage("sweep", KEY, "alpa"),
    _stage("tuning", KEY),
    _stage("leaderboard", KEY),
    _stage("report", KEY),
    Stage("sync", (), None),
)
DISTURBED = tuple(stage for stage in STAGES if "pca" not in stage.arguments)  # PCA has no study and no steps


def write_pictures(folder: Path) -> None:
    """Write two classes of pictures, stripes that lie and stripes that stand, 20 x 20 pixels."""
    random = np.random.default_rng(0)
    for name, axis in (("lying", 0), ("standing", 1)):
        (folder / name).mkdir(parents=True)
        for place in range(IMAGES):
            wave = np.sin(np.arange(20) / 2 + random.uniform(0, 6))
            pixels = 120 + 60 * np.expand_dims(wave, 1 - axis) + random.normal(0, 8, (20, 20))
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / name / f"{place:03}.png")


def make_project(folder: Path) -> Project:
    """Return the project in a new folder, with the generated benchmark as its default, of which nothing was run."""
    project = copy_code(folder)
    project.edit(PARAMS)
    write_pictures(folder / PICTURES)
    (folder / "pipeline/dvc.lock").unlink(missing_ok=True)  # other benchmarks', which DVC would write again each time
    config = folder / ".dvc/config"
    config.write_text(config.read_text() + "    no_scm = true\n")
    return project


def make_repro(finish: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the commands of `make repro` as the Makefile has them, or of the same for other targets of DVC."""
    recipe = (ROOT / "Makefile").read_text().partition("\nrepro:")[2].partition("\n\n")[0]
    commands = [tuple(line.split()) for line in re.findall(r"\$\(RUN\) (.*)", recipe.replace("$(DEFAULT)", KEY))]
    assert commands == [("pipeline.preflight", KEY), REPRO, ("pipeline.sync",)]
    return [(*command, *finish) if command == REPRO else command for command in commands]
