"""The undisturbed run: what every disturbed one must come to, and the project as it was before each stage."""

import contextlib
import json
import shutil
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from alpa.training.cells import CellStore
from tests.faults import warm
from tests.faults.benchmark import DISTURBED, STAGES, Stage, make_project, make_repro
from tests.pipeline.project import Project

RESULTS = ("data/raw", "data/splits", "runs", "reports")
OF_THE_DAY = (  # times and hardware
    "facts.json",
    *(f"reports/faults/report.{form}" for form in ("html", "md", "pdf", "tex", "json")),
    *(f"reports/faults/tables/{table}.tex" for table in ("facts", "cost")),
)
UNFINISHED = (".partial", ".part", ".tmp")
SECONDS = 300.0  # after which a command counts as hanging


@dataclass(frozen=True)
class Undisturbed:
    """A run without faults, stage by stage."""

    folder: Path
    before: dict[Stage, Project] = field(default_factory=dict)
    seconds: dict[Stage, float] = field(default_factory=dict)
    outputs: dict[Stage, set[str]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        """An MLflow database without a run."""
        return self.folder / "mlflow.db"

    def run(self) -> None:
        """Run every stage once, by DVC, and keep a copy of the project before each that is to be disturbed."""
        project = make_project(self.folder / "project")
        make_database(self.database)
        shutil.copy(self.database, project.folder)
        for stage in STAGES:
            if stage.name == "sync":  # it makes the database itself, and sends all
                (project.folder / "mlflow.db").unlink()
                shutil.rmtree(project.folder / ".cache/tracking")
            if stage in DISTURBED:
                self.before[stage] = project.copy(self.folder / f"before-{stage.name}")
            known = results(project)
            started = time.monotonic()
            done(project, stage.repro)
            self.seconds[stage] = time.monotonic() - started
            self.outputs[stage] = set(results(project)) - set(known)
        self.files.update(results(project))

    def differences(self, project: Project, required: set[str]) -> list[str]:
        """Return the results that are not as they are here, and those of the required ones that are not there."""
        found = results(project)
        return sorted(
            {path for path, digest in found.items() if self.files.get(path) != digest} | (required - found.keys())
        )

    def required(self, stage: Stage, whole: bool) -> set[str]:
        """Return the results that a finished run must have: all, or those of the stages up to this one."""
        if whole and not stage.finish:
            return {path for path in self.files if "digits" not in path}
        return self.outputs[stage] | set(results(self.before[stage]))


def make_database(path: Path) -> None:
    """Make an empty MLflow database, in a process of its own: mlflow keeps what it opened."""

    def make() -> None:
        from mlflow import MlflowClient

        MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()

    warm.call(make)


def done(project: Project, *commands: tuple[str, ...]) -> str:
    """Run commands, which must succeed, and return what they printed."""
    running = warm.start(project.folder, commands, project.environment())
    try:
        code = running.wait(SECONDS)
        assert code == 0, running.log()
        return running.log()
    finally:
        running.close()


def results(project: Project) -> dict[str, str]:
    """Return the digest of every result that does not depend on the day, but for what is being written."""
    files = project.files(*RESULTS)
    return {path: digest for path, digest in files.items() if digest and "/." not in path and not _is_of_the_day(path)}


def _is_of_the_day(path: str) -> bool:
    return path.endswith(OF_THE_DAY)


def half_written(project: Project) -> list[str]:
    """Return what a finished run may not leave: temporary files, damaged cells, torn journals, pages or databases."""
    return sorted(str(path.relative_to(project.folder)) for path in set(_half_written(project.folder)))


def _half_written(folder: Path) -> Iterator[Path]:
    parts = [folder / name for name in (".cache", "data", "runs", "reports")]
    paths = [*folder.glob("*"), *(path for part in parts for path in part.rglob("*"))]
    yield from (path for path in paths if path.name.endswith(UNFINISHED))
    store = CellStore(folder / ".cache/cells")
    yield from (path for path in store.folder.glob("[!.]*") if store.get(path.name) is None)
    for journal in (folder / ".cache/studies").glob("*.journal"):
        if journal.name.count(".") == 1 and not _is_journal(journal):  # one that was set aside is as it was
            yield journal
    yield from (page for page in folder.glob("reports/**/*.html") if "</html>" not in page.read_text()[-20:])
    if (folder / "mlflow.db").exists() and not _is_database(folder / "mlflow.db"):
        yield folder / "mlflow.db"


def _is_journal(path: Path) -> bool:
    content = path.read_bytes()
    try:
        return content.endswith(b"\n") and all(json.loads(line) for line in content.splitlines())
    except ValueError:
        return False


def _is_database(path: Path) -> bool:
    with contextlib.closing(sqlite3.connect(path)) as database:
        try:
            return bool(database.execute("pragma integrity_check").fetchone() == ("ok",))
        except sqlite3.DatabaseError:
            return False


def finishing(stage: Stage, whole: bool) -> list[tuple[str, ...]]:
    """Return the commands that finish a run: `make repro`, or the same as far as the stage alone."""
    return make_repro(stage.finish or ((stage.target,) if stage.target and not whole else ()))
