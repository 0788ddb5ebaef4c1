"""A real study, killed in a process of its own and gone on with in another one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from alpa.tuning import objective
from tests.tuning.small import JOURNAL, TRIALS, run_small, write_small_split

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder with its train split, in which the test stands."""
    monkeypatch.chdir(tmp_path)
    write_small_split()
    return tmp_path


def test_a_killed_study_goes_on_to_the_same_trials_and_trains_nothing_twice(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-m", "tests.tuning.small"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(3)] == ["1\n", "4\n", "1\n"]  # the second trial is half done
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    cells = {path.name for path in (folder / "cells").glob("[!.]*")}
    assert 3 <= len(cells) <= 2 * TRIALS

    fitted, fit_cell = [], objective.fit_cell

    def counting(*arguments: object) -> object:
        fitted.append(arguments[1])
        return fit_cell(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(objective, "fit_cell", counting)
    resumed = run_small()
    assert not cells & set(fitted)
    assert len(resumed) == TRIALS
    assert [list(trial.aurocs) for trial in resumed] == [["1", "4"]] * TRIALS

    (folder / "undisturbed").mkdir()
    monkeypatch.chdir(folder / "undisturbed")
    write_small_split()
    assert run_small() == resumed
    assert Path(JOURNAL).is_file()
