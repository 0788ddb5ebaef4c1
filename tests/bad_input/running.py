"""One runner for all cases: do what is wrong, run the command, and tell how it ended and what changed on disk."""

import contextlib
import hashlib
import os
import stat
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.bad_input.bases import Bases
from tests.bad_input.case import Case
from tests.bad_input.privileges import bound_by_permissions
from tests.pipeline.project import Project

MOST_SECONDS = 150  # that a command may take
PASSING = (".lock", "__pycache__")  # what may come and go: locks that nobody holds, and Python's own


@dataclass(frozen=True)
class Outcome:
    """How a command ended; `changed` names the files that it changed, added or removed."""

    code: int
    output: str
    errors: str
    changed: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The last line of what it wrote to stderr."""
        return self.errors.rstrip("\n").rpartition("\n")[2]


def run_case(case: Case, bases: Bases, home: Path) -> Outcome:
    """Run a case in a new folder."""
    project = bases.copy(case.base, home)
    for command in case.before:
        project.call(*command.split())
    case.damage(home / bases.damaged(case.base))
    for command in case.after:
        project.call(*command.split())
    if case.params:
        project.edit(case.params)
    environment = {name: value.replace("<home>", str(home)) for name, value in case.environment.items()}
    before = state_of(home)
    with bound_by_permissions() if case.unprivileged else contextlib.nullcontext():
        run = as_command if case.as_command else in_process
        code, output, errors = run(project, case.command.split(), environment)
    after = state_of(home)
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return Outcome(code, output, errors, tuple(changed))


def as_command(project: Project, command: list[str], environment: Mapping[str, str]) -> tuple[int, str, str]:
    """Run a stage as users do; one that takes too long counts as hung."""
    name, *arguments = command
    process = project.start(
        "python",
        "-m",
        f"pipeline.{name}",
        *arguments,
        settings=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        output, errors = process.communicate(timeout=MOST_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return -1, "", f"no end after {MOST_SECONDS} seconds"
    return process.returncode, output, errors


def in_process(project: Project, command: list[str], environment: Mapping[str, str]) -> tuple[int, str, str]:
    """Run a stage in this process, and write what it exits with where Python writes it."""
    try:
        project.call(*command, settings=environment)
    except SystemExit as stop:
        # Python writes a text that is given as the exit code to stderr, and exits with 1.
        return (1, "", f"{stop.code}\n") if isinstance(stop.code, str) else (stop.code or 0, "", "")
    return 0, "", ""


def state_of(home: Path) -> dict[str, str]:
    """Return a digest of each file below a folder, and of all else what it is. New folders are welcome."""
    found = {}
    for parent, folders, files in os.walk(home):
        for name in [*files, *(name for name in folders if name.endswith(".partial"))]:
            path = Path(parent, name)
            if not any(part.endswith(PASSING) for part in path.relative_to(home).parts):
                found[path.relative_to(home).as_posix()] = _state(path)
    return found


def _state(path: Path) -> str:
    kind = path.lstat().st_mode
    if not stat.S_ISREG(kind):
        return f"{stat.S_IFMT(kind):o}"
    return hashlib.sha256(path.read_bytes()).hexdigest()
