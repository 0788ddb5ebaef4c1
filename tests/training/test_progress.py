"""The bar over calls side by side: its remaining time is right from the first result on, and logs stay short."""

import io
import sys
import time

import pytest

from alpa.training.progress import Progress
from alpa.training.workers import Pool, run_in_workers


def remaining(progress: Progress) -> float:
    """Return the seconds that the bar tells; tqdm derives them so."""
    known = progress.format_dict
    return (known["total"] - known["n"]) / known["rate"]


def test_the_first_of_eight_side_by_side_tells_the_remaining_time() -> None:
    with Progress("toy", total=80, workers=8) as progress:
        progress.finish(60.0)
        assert remaining(progress) == pytest.approx(79 * 60 / 8)
        progress.finish(20.0)
        assert remaining(progress) == pytest.approx(78 * 40 / 8)


def test_what_was_there_already_does_not_count_into_the_speed() -> None:
    with Progress("toy", total=100, done=90, workers=2) as progress:
        progress.finish(60.0)
        assert progress.n == 91
        assert remaining(progress) == pytest.approx(9 * 60 / 2)


def test_fewer_calls_than_workers_take_as_long_as_one() -> None:
    with Progress("toy", total=4, workers=3) as progress:
        progress.finish(60.0)
        progress.finish(60.0)
        assert remaining(progress) == pytest.approx(60)


def test_a_log_gets_the_first_state_and_the_last_of_a_short_run(monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    assert len(list(run_in_workers(time.sleep, [(0.002,)] * 100, Pool(), "toy", done=20))) == 100
    states = [state for state in log.getvalue().split("\r") if state]
    assert len(states) == 2
    assert "20/120" in states[0]
    assert "120/120" in states[1]


def test_no_bar_is_drawn_where_nothing_runs_or_none_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    list(run_in_workers(abs, [], Pool(), "toy", done=3))
    list(run_in_workers(abs, [(1,)], Pool()))
    assert capsys.readouterr().err == ""
