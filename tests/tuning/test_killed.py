"""A study that is stopped at any place goes on as if it had not been."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from alpa.tuning.finished import Finished
from alpa.tuning.study import run_study
from tests.tuning.conftest import LOCK_SECONDS
from tests.tuning.toy import TRIALS, interrupting, run_toy, toy_plan

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("classes", range(12))
def test_a_study_that_is_interrupted_in_a_class_goes_on_as_if_it_had_not_been(
    classes: int, undisturbed: list[Finished], path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_study(path, toy_plan(), interrupting(classes), TRIALS, minutes=None)
    assert run_toy(path, TRIALS) == undisturbed


def test_a_study_that_is_interrupted_again_and_again_ends_all_the_same(undisturbed: list[Finished], path: Path) -> None:
    for classes in (1, 3, 4, 6, 7):
        with pytest.raises(KeyboardInterrupt):
            run_study(path, toy_plan(), interrupting(classes), TRIALS, minutes=None)
    assert run_toy(path, TRIALS) == undisturbed


# What a process that is killed at any time can leave of a journal is a part of it from its beginning.
def test_from_every_line_of_a_journal_a_study_goes_on_to_the_same_trials(
    undisturbed: list[Finished], path: Path, tmp_path: Path
) -> None:
    run_toy(path, 5)
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) > 50
    for number in range(len(lines)):
        part = tmp_path / str(number) / path.name
        part.parent.mkdir()
        part.write_bytes(b"".join(lines[:number]))
        assert run_toy(part, 5) == undisturbed[:5], f"cut after line {number}"


@pytest.mark.parametrize("left", [1, 40, -2, -1])
def test_what_is_left_of_a_torn_last_line_is_dropped(left: int, undisturbed: list[Finished], path: Path) -> None:
    run_toy(path, TRIALS)
    lines = path.read_bytes().splitlines(keepends=True)
    for number in (5, 20, len(lines) - 1):
        path.write_bytes(b"".join(lines[:number]) + lines[number][:left])
        assert run_toy(path, TRIALS) == undisturbed
        for line in path.read_bytes().splitlines():
            json.loads(line)


def kill_at(journal: Path, kind: str, place: int) -> subprocess.Popen[str]:
    """Return a new process that runs the toy study and is killed in the class or the line of that number."""
    command = [sys.executable, "-m", "tests.tuning.toy", str(journal), kind, str(place)]
    return subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_a_process_that_is_killed_leaves_a_study_that_goes_on(undisturbed: list[Finished], path: Path) -> None:
    places = [("class", 1), ("class", 4), ("class", 9), ("line", 3), ("line", 24)]
    journals = [path.parent / f"{kind}-{place}/toy.journal" for kind, place in places]
    running = [kill_at(journal, *place) for journal, place in zip(journals, places, strict=True)]
    for process, (kind, place) in zip(running, places, strict=True):
        assert process.stdout is not None
        if kind == "class":
            assert all(process.stdout.readline() for _ in range(place))
            process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
    for journal, (kind, _) in zip(journals, places, strict=True):
        in_a_line = not journal.read_bytes().endswith(b"\n")
        assert in_a_line == Path(f"{journal}.lock").is_symlink() == (kind == "line"), "lines are written under a lock"
        assert run_toy(journal, TRIALS) == undisturbed
        assert not Path(f"{journal}.lock").is_symlink()


def test_the_lock_of_a_living_process_is_waited_for(
    undisturbed: list[Finished], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = Path(f"{path}.lock")
    naps = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        lock.unlink()  # the other process has written a line,
        if len(naps) == 1:
            lock.symlink_to(path)  # and writes another one already

    run_toy(path, 2)
    lock.symlink_to(path)
    os.utime(lock, (0, 0), follow_symlinks=False)
    monkeypatch.setattr(time, "sleep", sleep)
    assert run_toy(path, TRIALS) == undisturbed
    assert naps == [LOCK_SECONDS, 0.001], "the second nap is Optuna's, which found the other lock"


def test_a_lock_that_was_left_behind_is_removed(undisturbed: list[Finished], path: Path) -> None:
    for trials in (2, TRIALS):
        path.parent.mkdir(exist_ok=True)
        Path(f"{path}.lock").symlink_to(path)
        assert run_toy(path, trials) == undisturbed[:trials]
    assert [file.name for file in path.parent.iterdir()] == [path.name]
