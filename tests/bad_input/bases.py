"""What cases begin with: params.yaml alone, a finished tiny benchmark, or a folder of the user's own pictures or clips.

Each is a folder with a project in `project`, beside which the user's data lie; made once, copied for each case.
"""

import shutil
import tempfile
import weakref
from functools import cache
from pathlib import Path

from tests.pipeline.own import DOORS, PARTS, set_up
from tests.pipeline.project import Project

ROOT = Path(__file__).parents[2]
TINY = {
    "pipeline.detectors": ["alpa", "pca"],
    "pipeline.datasets": ["digits", "mnist"],
    "pipeline.paper": [],
    "benchmarks.digits.classes": ["0", "1"],
    "benchmarks.digits.training": {"steps": 4, "batch_size": 32},
    "benchmarks.digits.detectors": {},
    "benchmarks.digits.tuning": {"trials": 2, "training": {}, "classes": ["0", "1"], "strengths": 2},
    "tuning.space": {"alpa": {"strength": {"low": 0.05, "high": 0.5, "log": True}}},
    "tuning.shortened": {},
    "tuning.trials_of": {},
    "detectors": {"alpa": {"width": 4, "latent": 2}, "pca": {"components": 4}},
    "runtime.device": "cpu",
    "runtime.precision": "fp32",
    "runtime.workers": 1,
    "evaluation.bootstrap_samples": 20,
}
STAGES = (
    "download digits",
    "split digits",
    *(f"{stage} digits {name}" for name in ("alpa", "pca") for stage in ("tune", "train", "evaluate", "sweep")),
    "tuning digits",
    "leaderboard digits",
)


class Bases:
    """The bases by name, each made in a folder of its own when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made = cache(self._make)

    def copy(self, name: str, target: Path) -> Project:
        """Copy a base to a new folder and return the project in it."""
        shutil.copytree(self.made(name), target, symlinks=True)
        return Project(target / "project")

    def damaged(self, name: str) -> str:
        """Return the name of the folder that the cases of a base damage."""
        return name if name in (PARTS, DOORS) else "project"

    def _make(self, name: str) -> Path:
        home = self.folder / name
        if name == "bare":
            (home / "project").mkdir(parents=True)
            shutil.copy(ROOT / "params.yaml", home / "project")
            for code in ("alpa", "pipeline"):
                (home / "project" / code).symlink_to(ROOT / code)
            return home
        project = self.copy("bare", home)
        if name in (PARTS, DOORS):
            set_up(project, name, home / name, Path("..", name))
        if name == "finished":
            finish(project)
        return home


@cache
def shared() -> Bases:
    """Return the bases of this process, in a folder that goes when it ends."""
    folder = tempfile.TemporaryDirectory()
    weakref.finalize(shared, folder.cleanup)
    return Bases(Path(folder.name))


def finish(project: Project) -> None:
    """Run the tiny benchmark as far as its leaderboard."""
    params = project.params()
    digits, mnist = (params["benchmarks"][key] for key in ("digits", "mnist"))
    project.edit({"benchmarks": {"digits": digits, "mnist": mnist | {"detectors": {}}}})
    project.edit(TINY)
    for command in STAGES:
        project.call(*command.split())
