"""Worker processes: all results come, what a dead worker left is done again, and their number changes no bit."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cloudpickle  # type: ignore[import-untyped]
import pytest

from alpa.config import RuntimeConfig
from alpa.errors import DataError, ModelError
from alpa.runtime import Runtime
from alpa.training import workers as workers_module
from alpa.training.cells import Cell, CellStore, train_cells
from alpa.training.workers import Pool, run_in_workers, worker_count

# Functions that workers call are defined inside the tests, so that they travel by value.


@pytest.fixture
def _light_workers() -> Iterator[None]:
    """Send this project's part of a call by value as well, so that workers need not import torch for seconds."""
    cloudpickle.register_pickle_by_value(workers_module)
    yield
    cloudpickle.unregister_pickle_by_value(workers_module)


@pytest.mark.parametrize("workers", [1, 2])
def test_no_calls_give_no_results(workers: int) -> None:
    assert list(run_in_workers(print, [], Pool(workers))) == []


def test_one_worker_is_this_process() -> None:
    calls = [(1, 2), (3, 4)]
    results = dict(run_in_workers(lambda x, y: (x + y, os.getpid()), calls, Pool(1)))
    assert results == {0: (3, os.getpid()), 1: (7, os.getpid())}


@pytest.mark.usefixtures("_light_workers")
def test_results_of_many_workers_come_with_their_index_and_as_they_finish() -> None:
    def slow_first(seconds: float) -> tuple[float, int]:
        time.sleep(seconds)
        return seconds, os.getpid()

    calls = [(1.0,), (0.0,), (0.1,), (0.0,), (0.0,)]
    results = list(run_in_workers(slow_first, calls, Pool(2)))
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

    results = list(run_in_workers(killed_once, [(number, tmp_path) for number in range(6)], Pool(2)))
    assert sorted(results) == [(number, number * number) for number in range(6)]
    assert (tmp_path / "tries-3").read_text() == "xx"
    assert (tmp_path / "tries-0").read_text() == "x", "what was finished is not done again"


@pytest.mark.usefixtures("_light_workers")
def test_what_killed_a_worker_is_not_run_in_this_process_even_if_nothing_else_is_left(tmp_path: Path) -> None:
    def killed_once(number: int, folder: Path) -> int:
        if number == 1 and not (folder / "killed").exists():
            time.sleep(0.5)  # the other has arrived by then
            (folder / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return os.getpid()

    results = dict(run_in_workers(killed_once, [(number, tmp_path) for number in range(2)], Pool(2)))
    assert (tmp_path / "killed").exists()
    assert os.getpid() not in results.values()


@pytest.mark.usefixtures("_light_workers")
def test_a_worker_that_always_dies_ends_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers_module, "ROUNDS", 1)
    with pytest.raises(ModelError, match=r"^Worker processes were killed 1 times; .* Set runtime\.workers to 1\.$"):
        list(run_in_workers(lambda number: os.kill(os.getpid(), signal.SIGKILL), [(1,), (2,)], Pool(2)))


@pytest.mark.usefixtures("_light_workers")
@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_ends_the_run_as_it_is(workers: int) -> None:
    def failing(number: int) -> int:
        if number == 1:
            raise DataError("Number 1 is bad; take another.")
        return number

    with pytest.raises(DataError, match=r"^Number 1 is bad; take another\.$"):
        list(run_in_workers(failing, [(0,), (1,), (2,)], Pool(workers)))


# With 1000 images and more than one thread BLAS would give other principal components.
@pytest.mark.parametrize(("detector", "n"), [("autoencoder", 40), ("pca", 1000)])
def test_the_number_of_workers_does_not_change_a_bit(
    detector: str, n: int, make_cell: Callable[..., Cell], tmp_path: Path
) -> None:
    wanted = [make_cell(detector, target_class=name, seed=seed, n=n) for name in "12" for seed in (0, 1)]
    found = [
        train_cells(wanted, Runtime(), CellStore(tmp_path / str(workers)), Pool(workers), facts={}, title=detector)
        for workers in (1, 2)
    ]
    assert list(found[0]) == list(found[1]) == ["1-0", "1-1", "2-0", "2-1"]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("workers", "device", "threads", "expected"),
    [
        (3, "cpu", 1, 3),
        (0, "cpu", 1, 16),
        (0, "cpu", 2, 8),
        (0, "cpu", 100, 1),
        (0, "cuda", 1, 6),  # 3 on each of 2
        (0, "cuda", 4, 4),  # the cores of 16 are fewer
        (9, "cuda", 1, 9),
    ],
)
def test_workers_are_as_many_as_asked_else_as_cores_and_on_gpus_a_few_each(
    workers: int, device: str, threads: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("joblib.cpu_count", lambda: 16)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    config = RuntimeConfig(workers=workers, workers_per_gpu=3)
    assert worker_count(config, Runtime(device, "fp32", threads)) == expected


@pytest.mark.parametrize(("useful", "expected"), [(99, 8), (5, 5), (0, 1)])
def test_no_more_processes_are_started_than_are_useful_and_a_cluster_has_its_own(useful: int, expected: int) -> None:
    assert Pool(8).at_most(useful).workers == expected
    assert Pool(8, "tcp://head:8786").at_most(useful).workers == 8
