"""One disturbed run: a copy of the project before a stage, a fault in that stage, and `make repro` once."""

import contextlib
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tests.faults import warm
from tests.faults.benchmark import Stage
from tests.faults.undisturbed import SECONDS, Undisturbed, finishing, half_written
from tests.pipeline.project import Project


@dataclass
class Outcome:
    """What became of a disturbed run: whether it was finished, and what was not as it should be."""

    fault: str
    stage: str
    number: int
    survived: bool
    wrong: list[str]
    log: str


@dataclass
class Attempt:
    """A project in which one fault is to come over one stage."""

    undisturbed: Undisturbed
    stage: Stage
    number: int
    whole: bool  # finished by all of `make repro`, or up to the scores
    project: Project
    random: np.random.Generator
    environment: dict[str, str]
    wrong: list[str] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    damaged: dict[Path, bytes | None] = field(default_factory=dict)  # files that a fault changed, as it left them

    @property
    def folder(self) -> Path:
        """The project's."""
        return self.project.folder

    def moment(self) -> float:
        """Return a random moment within the stage, in seconds from its start."""
        return float(self.random.uniform(0, self.undisturbed.seconds[self.stage]))

    @contextlib.contextmanager
    def running(self, *commands: tuple[str, ...], **steps: warm.Step | None) -> Iterator[warm.Running]:
        """Run commands, the stage's by DVC where none are named, and leave none of their processes behind."""
        running = warm.start(self.folder, commands or [self.stage.repro], self.environment, **steps)
        try:
            yield running
        finally:
            running.close()
            self.logs.append(running.log())

    def run(self, *commands: tuple[str, ...], **steps: warm.Step | None) -> int:
        """Run commands to their end and return the exit code."""
        with self.running(*commands, **steps) as running:
            return running.wait(SECONDS)

    def start_anew(self) -> None:
        """Bring the project back to where it was before the stage."""
        shutil.rmtree(self.folder)
        self.undisturbed.before[self.stage].copy(self.folder)

    def interrupt(self) -> None:
        """Begin the stage and kill its process group at a random moment."""
        with self.running() as running:
            pause(running, self.moment())

    def look(self, allow_unfinished: bool = True) -> None:
        """Note every result that is there but not whole, right after the fault."""
        differing = [path for path in self.undisturbed.differences(self.project, set())]
        self.wrong += [f"half-written: {path}" for path in differing]
        if not allow_unfinished:
            left = [path for path in self.project.files("data", "runs", "reports", ".cache") if ".partial" in path]
            self.wrong += [f"left behind: {path}" for path in left]

    def finish(self, *commands: tuple[str, ...]) -> bool:
        """Type `make repro` once; return whether it succeeded, and note what is not as in the undisturbed run.

        Commands that are named take its place, unless this attempt is to be finished by the whole of it.
        """
        try:
            survived = self.run(*((not self.whole and commands) or finishing(self.stage, self.whole))) == 0
        except TimeoutError as error:
            self.logs.append(str(error))
            return False
        required = self.undisturbed.required(self.stage, self.whole)
        self.wrong += [f"different: {path}" for path in self.undisturbed.differences(self.project, required)]
        bad = [path for path in half_written(self.project) if not self._was_damaged(path) and not self._was_named(path)]
        self.wrong += [f"half-written: {path}" for path in bad]
        return survived

    def _was_damaged(self, path: str) -> bool:
        """Tell whether a file is bad, or a cell's file is, since it is as the fault left it: nobody needed it."""
        return any(
            str(Path(damaged).relative_to(self.folder)).startswith(path)
            and damaged.exists() == (content is not None)
            and (content is None or damaged.read_bytes() == content)
            for damaged, content in self.damaged.items()
        )

    def _was_named(self, path: str) -> bool:
        """Tell whether the user heard that a file which a fault damaged is damaged, whatever MLflow then did to it."""
        return self.folder / path in self.damaged and any(f"{path} is damaged" in log for log in self.logs)


Fault = Callable[[Attempt], bool | None]


def disturb(
    undisturbed: Undisturbed, name: str, fault: Fault, stage: Stage, number: int, whole: bool, seed: int
) -> Outcome | None:
    """Run one attempt in a folder of its own; None where the fault has nothing to work on in this stage."""
    folder = undisturbed.folder / f"{name}-{stage.name}-{number}".replace(" ", "-").replace("/", "-")
    seeds = [seed, number, *map(ord, f"{name}/{stage.name}")]
    project = undisturbed.before[stage].copy(folder / "project")
    attempt = Attempt(undisturbed, stage, number, whole, project, np.random.default_rng(seeds), project.environment())
    try:
        survived = fault(attempt)
    except (AssertionError, OSError) as error:
        survived = False
        attempt.logs.append(f"{type(error).__name__}: {error}")
    if survived is None or (survived and not attempt.wrong):
        shutil.rmtree(folder, ignore_errors=True)
    if survived is None:
        return None
    return Outcome(name, stage.name, number, survived, attempt.wrong, "\n".join(attempt.logs))


def pause(running: warm.Running, seconds: float) -> None:
    """Wait so long, or until the command has ended."""
    deadline = time.monotonic() + seconds
    while running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.001)


def free_port() -> int:
    """Return a port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
