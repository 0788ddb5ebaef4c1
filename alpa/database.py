"""The SQLite database in which MLflow keeps its runs: made whole or not at all, and known when it is damaged."""

import contextlib
import re
import sqlite3
from pathlib import Path

from alpa.files import whole_file

# What MLflow says of one whose making was cut short, and SQLAlchemy of one that is no database.
DAMAGED = re.compile(r"\(sqlite3\.DatabaseError\)|table \w+ already exists|duplicate column|no such (table|column)")


def ensure_database(path: Path) -> None:
    """Make MLflow's tables in a database that is missing or empty.

    MLflow makes them in some dozens of steps, and never opens a database again in which it was stopped between them;
    so they are made beside `path`, and moved there once they are whole.
    """
    if path.is_file() and path.stat().st_size:
        return
    from mlflow import MlflowClient

    with whole_file(path) as temporary:
        MlflowClient(tracking_uri=f"sqlite:///{temporary}").search_experiments(max_results=1)


def is_damaged(path: Path, failure: str) -> bool:
    """Tell whether a database is damaged, from what its user's failure says, or from a look at all of it."""
    if DAMAGED.search(failure):
        return True
    if not path.is_file():
        return False
    with contextlib.closing(sqlite3.connect(path)) as database:
        try:
            return bool(database.execute("pragma quick_check(1)").fetchone() != ("ok",))
        except sqlite3.OperationalError:  # one that is locked, say
            return False
        except sqlite3.DatabaseError:
            return True
