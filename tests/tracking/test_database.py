"""MLflow's database is there whole or not at all, and a damaged one is told from one that is busy."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from alpa.database import ensure_database, is_damaged

MAKE = "from pathlib import Path; from alpa.database import ensure_database; ensure_database(Path('mlflow.db'))"
STOP = """
import os, signal
from alembic.runtime.migration import MigrationContext
MigrationContext._ensure_version_table = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_database_whose_making_was_stopped_is_made_anew(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": str(root)}
    stopped = subprocess.run([sys.executable, "-c", STOP + MAKE], cwd=tmp_path, env=environment, check=False)
    assert stopped.returncode == -signal.SIGKILL
    assert list(tmp_path.glob(".mlflow.db.*.partial"))
    assert not (tmp_path / "mlflow.db").exists()
    subprocess.run([sys.executable, "-c", MAKE], cwd=tmp_path, env=environment, check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]
    with contextlib.closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        assert database.execute("select count(*) from experiments").fetchone() == (1,)


def test_a_database_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    path.write_bytes(b"somebody's")
    ensure_database(path)
    assert path.read_bytes() == b"somebody's"


@pytest.mark.parametrize(
    "failure",
    [
        "(sqlite3.DatabaseError) file is not a database",
        "(sqlite3.OperationalError) table logged_models already exists",
        "(sqlite3.OperationalError) no such table: runs",
    ],
)
def test_a_failure_may_say_that_the_database_is_damaged(tmp_path: Path, failure: str) -> None:
    assert is_damaged(tmp_path / "mlflow.db", failure)


def test_where_the_failure_does_not_say_it_the_file_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    failure = "(sqlite3.OperationalError) disk I/O error"
    assert not is_damaged(path, failure)
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("create table runs (name text)")
        database.executemany("insert into runs values (?)", [("x" * 500,)] * 100)
        database.commit()
        assert not is_damaged(path, failure)
        database.execute("begin exclusive")
        assert not is_damaged(path, failure)
    path.write_bytes(path.read_bytes()[:6000])
    assert is_damaged(path, failure)
