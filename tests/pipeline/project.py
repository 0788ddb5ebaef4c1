"""A copy of the project in a folder of its own, in which tests do what users do."""

import hashlib
import importlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

CODE = ("alpa", "pipeline", ".dvc/config", ".dvcignore", ".gitignore", "dvc.yaml", "params.yaml", "Makefile")
ROOT = Path(__file__).parents[2]
KEPT_OUT = ("ALPA_", "MLFLOW_TRACKING_URI", "DVC_", "MAKE", "MFLAGS")  # settings of the machine or of a make above


@dataclass(frozen=True)
class Project:
    """A folder with the project's code, in which tests may do as users do."""

    folder: Path

    def params(self) -> dict[str, Any]:
        """Return params.yaml as it is, with what is merged."""
        return dict(yaml.safe_load((self.folder / "params.yaml").read_text()))

    def edit(self, changes: Mapping[str, Any]) -> None:
        """Set values of params.yaml, named by their path."""
        path = self.folder / "params.yaml"
        params = yaml.safe_load(path.read_text())
        for name, value in changes.items():
            *sections, key = name.split(".")
            section = params
            for part in sections:
                section = section[part]
            section[key] = value
        path.write_text(yaml.safe_dump(params, sort_keys=False))

    def environment(self) -> dict[str, str]:
        """Return what commands in the folder have around them: this Python, and none of the machine's own settings."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(KEPT_OUT)}
        own["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{own['PATH']}"
        own["OPENBLAS_NUM_THREADS"] = "1"  # its threads wait actively for one another, long on a busy machine
        for kind in ("SITE_CACHE", "GLOBAL_CONFIG", "SYSTEM_CONFIG"):
            own[f"DVC_{kind}_DIR"] = str(self.folder.parent / "dvc")
        own["DVC_NO_ANALYTICS"] = "true"
        return own

    def start(self, *command: str, settings: Mapping[str, str] | None = None, **options: Any) -> subprocess.Popen[str]:
        """Start a command in the folder, with these settings instead of the machine's own."""
        own = self.environment() | dict(settings or {})
        return subprocess.Popen(command, cwd=self.folder, env=own, text=True, **options)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end and return what it printed."""
        process = self.start(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = process.communicate()
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def stage(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a stage's command."""
        return self.run("python", "-m", f"pipeline.{name}", *arguments)

    def repro(self, *targets: str) -> str:
        """Run `dvc repro`, which must succeed, and return what it printed."""
        done = self.run("dvc", "--wait-for-lock", "repro", *targets)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def call(self, name: str, *arguments: str, settings: Mapping[str, str] | None = None) -> None:
        """Run a stage's command in this process, which has torch at hand; importing that takes seconds."""
        with pytest.MonkeyPatch.context() as patch:
            for variable in os.environ:
                if variable.startswith(KEPT_OUT):
                    patch.delenv(variable)
            for variable, value in (settings or {}).items():
                patch.setenv(variable, value)
            patch.chdir(self.folder)
            patch.setattr(sys, "argv", [name, *arguments])
            importlib.import_module(f"pipeline.{name}").main()

    def commit(self) -> None:
        """Commit everything that git does not ignore."""
        author = ("-c", "user.name=user", "-c", "user.email=user@localhost")
        for command in (("add", "."), (*author, "commit", "--quiet", "-m", "work")):
            assert self.run("git", *command).returncode == 0

    def copy(self, folder: Path, *parts: str) -> "Project":
        """Return a copy in a new folder: of the code and of these parts, or of everything where none is named."""
        for part in (*CODE, ".cache/tracking", *parts) if parts else (".",):
            source, target = self.folder / part, folder / part
            if source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
        return Project(folder)

    def files(self, *folders: str) -> dict[str, str]:
        """Return the digest of every file in the folders by its path; a folder's is empty."""
        paths = [path for folder in folders for path in sorted((self.folder / folder).rglob("*"))]
        return {
            str(path.relative_to(self.folder)): "" if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
            for path in paths
        }

    def finished_cells(self, detector: str) -> dict[str, tuple[int, bytes]]:
        """Return when each finished cell of a detector was written and the record of its training, by key."""
        marker = f'"detector": "{detector}"'
        cells = [path.parent for path in self.folder.glob(".cache/cells/[!.]*/cell.json") if marker in path.read_text()]
        return {cell.name: (cell.stat().st_mtime_ns, (cell / "facts.json").read_bytes()) for cell in cells}


@dataclass(frozen=True)
class Interrupted:
    """A project whose `dvc repro` was killed while it tuned ALPA and while it trained ALPA, and typed again."""

    project: Project
    cells: dict[str, tuple[int, bytes]]  # those of ALPA that were finished when it was killed for the second time
    log: str  # of the run after that


def copy_code(folder: Path) -> Project:
    """Return the project's code as it is, in a new folder."""
    for name in CODE:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return Project(folder)


def stages_run(log: str) -> set[str]:
    """Return the names of the stages that `dvc repro` ran, without their file's."""
    return {name.removeprefix("pipeline/dvc.yaml:") for name in re.findall(r"Running stage '(.*)'", log)}
