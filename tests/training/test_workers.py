"""Worker processes: all results come, what a dead worker left is done again, and their number changes no bit."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cloudpickle  # type: ignore[import-untyped]
import pytest

from alpa.errors import DataError, ModelError
from alpa.runtime import Runtime
from alpa.training import cells
from alpa.training.cells import Cell, CellStore, run_in_workers, train_cells

# Functions that workers call are defined inside the tests, so that they travel by value.


@pytest.fixture
def _light_workers() -> Iterator[None]:
    """Send this project's part of a call by value as well, so that workers need not import torch for seconds."""
    cloudpickle.register_pickle_by_value(cells)
    yield
    cloudpickle.unregister_pickle_by_value(cells)


@pytest.mark.parametrize("workers", [1, 2])
def test_no_calls_give_no_results(workers: int) -> None:
    assert list(run_in_workers(print, [], workers)) == []


def test_one_worker_is_this_process() -> None:
    calls = [(1, 2), (3, 4)]
    results = dict(run_in_workers(lambda x, y: (x + y, os.getpid()), calls, workers=1))
    assert results == {0: (3, os.getpid()), 1: (7, os.getpid())}


@pytest.mark.usefixtures("_light_workers")
def test_results_of_many_workers_come_with_their_index_and_as_they_finish() -> None:
    def slow_first(seconds: float) -> tuple[float, int]:
        time.sleep(seconds)
        return seconds, os.getpid()

    calls = [(1.0,), (0.0,), (0.1,), (0.0,), (0.0,)]
    results = list(run_in_workers(slow_first, calls, workers=2))
    assert {index: seconds for index, (seconds, _) in results} == {i: call[0] for i, call in enumerate(calls)}
    assert results[-1][0] == 0, "the slowest comes last, though it was the first"
    pids = {pid for _, (_, pid) in results}
    assert len(pids) == 2
    assert os.getpid() not in pids


@pytest.mark.usefixtures("_light_workers")
def test_what_a_killed_worker_left_undone_is_done_by_another_and_nothing_is_lost(tmp_path: Path) -> None:
    def killed_once(number: int, folder: Path) -> int:
        with (folder / f"tries-{number}").open("a") as tries:
            tries.write("x")
        if number == 3 and not (folder / "killed").exists():
            time.sleep(0.5)  # what is finished by then has arrived
            (folder / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return number * number

    results = list(run_in_workers(killed_once, [(number, tmp_path) for number in range(6)], workers=2))
    assert sorted(results) == [(number, number * number) for number in range(6)]
    assert (tmp_path / "tries-3").read_text() == "xx"
    assert (tmp_path / "tries-0").read_text() == "x", "what was finished is not done again"


@pytest.mark.usefixtures("_light_workers")
def test_a_worker_that_always_dies_ends_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "ROUNDS", 1)
    with pytest.raises(ModelError, match=r"^Worker processes were killed 1 times; .* Set runtime\.workers to 1\.$"):
        list(run_in_workers(lambda number: os.kill(os.getpid(), signal.SIGKILL), [(1,), (2,)], workers=2))


@pytest.mark.usefixtures("_light_workers")
@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_ends_the_run_as_it_is(workers: int) -> None:
    def failing(number: int) -> int:
        if number == 1:
            raise DataError("Number 1 is bad; take another.")
        return number

    with pytest.raises(DataError, match=r"^Number 1 is bad; take another\.$"):
        list(run_in_workers(failing, [(0,), (1,), (2,)], workers))


# With 1000 images and more than one thread BLAS would give other principal components.
@pytest.mark.parametrize(("detector", "n"), [("autoencoder", 40), ("pca", 1000)])
def test_the_number_of_workers_does_not_change_a_bit(
    detector: str, n: int, make_cell: Callable[..., Cell], tmp_path: Path
) -> None:
    wanted = [make_cell(detector, target_class=name, seed=seed, n=n) for name in "12" for seed in (0, 1)]
    found = [
        train_cells(wanted, Runtime(), CellStore(tmp_path / str(workers)), workers, facts={}, title=detector)
        for workers in (1, 2)
    ]
    assert list(found[0]) == list(found[1]) == ["1-0", "1-1", "2-0", "2-1"]
    assert found[0] == found[1]
