"""DVC's lock file after a kill: entries of living processes stay, all others go."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from pipeline.unlock import drop_stale_locks


@pytest.fixture
def zombie():
    """A process that has ended and that nobody has reaped yet."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    yield process.pid
    process.wait()


@pytest.fixture
def ended():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def holder(pid: int) -> dict[str, object]:
    return {"pid": pid, "cmd": "dvc repro"}


def test_what_ended_processes_hold_is_freed_and_what_living_ones_hold_is_not(
    zombie: int, ended: int, tmp_path: Path
) -> None:
    path, living = tmp_path / "rwlock", os.getpid()
    locks = {
        "write": {"a": holder(zombie), "b": holder(ended), "c": holder(living)},
        "read": {"d": [holder(zombie), holder(living)], "e": [holder(ended)]},
    }
    path.write_text(json.dumps(locks))
    drop_stale_locks(path)
    assert json.loads(path.read_text()) == {"write": {"c": holder(living)}, "read": {"d": [holder(living)]}}


def test_a_namesake_that_started_later_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "rwlock"
    path.write_text(json.dumps({"write": {"a": holder(os.getpid())}, "read": {}}))
    before = psutil.Process().create_time() - 60
    os.utime(path, (before, before))
    drop_stale_locks(path)
    assert json.loads(path.read_text())["write"] == {}


def test_without_a_lock_file_there_is_nothing_to_do(tmp_path: Path) -> None:
    drop_stale_locks(tmp_path / "rwlock")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", '{"write": {"a": {"pi', "[]", '{"write": {"a": 1}}'])
def test_a_lock_file_that_was_torn_is_removed(content: str, tmp_path: Path) -> None:
    path = tmp_path / "rwlock"
    path.write_text(content)
    drop_stale_locks(path)
    assert not path.exists()
