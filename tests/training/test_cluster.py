"""A Dask cluster: all results come, whatever dies; what is unfit is named; bits are those of a single machine."""

import os
import pickle
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alpa.config import RuntimeConfig
from alpa.data.images import read_npy
from alpa.data.stored import StoredImages
from alpa.errors import ConfigError, DataError, ModelError
from alpa.runtime import Runtime
from alpa.training import cluster as cluster_module
from alpa.training.cells import Cell, CellStore, train_cells
from alpa.training.cluster import connect
from alpa.training.site import Site, own_site, require_same
from alpa.training.workers import Pool, open_pool, run_in_workers
from tests.cluster import ROOT, Cluster, cluster

# Functions that workers call are defined inside the tests, so that they travel by value.

CPU = RuntimeConfig(device="cpu", precision="fp32")


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of two worker processes."""
    with cluster(tmp_path_factory.mktemp("empty")) as started:
        started.scheduler()
        started.worker(number=2)
        cluster_module.CONNECTING, before = 30, cluster_module.CONNECTING
        connect(started.address).wait_for_workers(2, timeout=30)
        cluster_module.CONNECTING = before
        yield started
        hang_up(started)


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A cluster that has nothing yet."""
    monkeypatch.setattr(cluster_module, "CONNECTING", 30)
    monkeypatch.setattr(cluster_module, "ARRIVING", 30)
    (tmp_path / "empty").mkdir()
    with cluster(tmp_path / "empty") as started:
        yield started
        hang_up(started)


def hang_up(started: Cluster) -> None:
    connect(started.address).close(timeout=1)
    connect.cache_clear()


def config(started: Cluster) -> RuntimeConfig:
    return replace(CPU, scheduler=started.address)


def pool(started: Cluster) -> Pool:
    return Pool(2, started.address)


def test_a_cluster_tells_its_workers_and_what_auto_is_there(two_workers: Cluster) -> None:
    assert open_pool(config(two_workers)) == (Runtime("cpu", "fp32", 1), pool(two_workers))
    auto = replace(config(two_workers), device="auto", precision="auto")
    assert open_pool(auto)[0] == open_pool(RuntimeConfig())[0], "they are on this machine"


def test_results_come_with_their_index_as_they_finish_from_both_workers(two_workers: Cluster) -> None:
    def slow_first(seconds: float) -> tuple[float, int]:
        time.sleep(seconds)
        return seconds, os.getpid()

    calls = [(5.0,), (0.0,), (0.1,), (0.0,), (0.0,)]
    results = list(run_in_workers(slow_first, calls, pool(two_workers)))  # on a busy machine too
    assert {index: seconds for index, (seconds, _) in results} == {i: call[0] for i, call in enumerate(calls)}
    assert results[-1][0] == 0, "the slowest comes last, though it was the first"
    pids = {pid for _, (_, pid) in results}
    assert len(pids) == 2
    assert os.getpid() not in pids


def test_a_killed_worker_loses_nothing(two_workers: Cluster) -> None:
    def slow(number: int) -> tuple[int, int]:
        time.sleep(0.3)
        return number, os.getpid()

    found: dict[int, tuple[int, int]] = {}
    for index, result in run_in_workers(slow, [(number,) for number in range(10)], pool(two_workers)):
        if not found:
            os.kill(result[1], signal.SIGKILL)
        found[index] = result
    assert [found[index][0] for index in range(10)] == list(range(10))
    assert len({pid for _, pid in found.values()}) >= 2


def test_an_error_ends_the_run_as_it_is(two_workers: Cluster) -> None:
    def failing(number: int) -> int:
        if number == 1:
            raise DataError("Number 1 is bad; take another.")
        return number

    with pytest.raises(DataError, match=r"^Number 1 is bad; take another\.$"):
        list(run_in_workers(failing, [(0,), (1,), (2,)], pool(two_workers)))


def test_a_call_that_kills_whoever_takes_it_ends_in_one_sentence(two_workers: Cluster) -> None:
    with pytest.raises(ModelError, match=r"^A call killed each worker of the cluster .* is memory short\?$"):
        list(run_in_workers(lambda number: os.kill(os.getpid(), signal.SIGKILL), [(1,)], pool(two_workers)))


def test_arguments_travel_without_their_files_and_only_a_few_ahead(two_workers: Cluster) -> None:
    read = []

    class Lazy:
        def __init__(self, number: int, is_detached: bool = False) -> None:
            self.number, self.is_detached = number, is_detached

        def detached(self) -> "Lazy":
            read.append(self.number)
            return Lazy(self.number, is_detached=True)

    def look(lazy: Any) -> tuple[int, bool]:
        return lazy.number, lazy.is_detached

    running = run_in_workers(look, [(Lazy(number),) for number in range(20)], pool(two_workers))
    first = next(running)
    assert len(read) <= 4, "two workers, two calls for each"
    assert sorted([first, *running]) == [(number, (number, True)) for number in range(20)]


def test_images_of_a_file_travel_as_they_are_wherever_an_argument_holds_them(tmp_path: Path) -> None:
    images = np.arange(4 * 12, dtype=np.uint8).reshape(4, 1, 3, 4)
    np.save(tmp_path / "images.npy", images)
    stored = StoredImages.of(read_npy(tmp_path / "images.npy")).select(slice(1, None))
    packed = cluster_module._packed({"deep": [stored]})
    (tmp_path / "images.npy").unlink()
    [found] = pickle.loads(packed)["deep"]
    assert type(found) is np.ndarray
    np.testing.assert_array_equal(found, images[1:])


def test_cells_have_the_bytes_that_processes_of_this_machine_give(
    two_workers: Cluster, make_cell: Callable[..., Cell], tmp_path: Path
) -> None:
    wanted = [make_cell(detector, seed=seed) for detector in ("autoencoder", "pca") for seed in (0, 1)]
    for cells in (wanted[:2], wanted[2:]):
        here, there = (
            train_cells(cells, Runtime(), CellStore(tmp_path / str(place)), where, facts={}, title="toy")
            for place, where in enumerate((Pool(2), pool(two_workers)))
        )
        assert list(here) == ["1-0", "1-1"]
        assert here == there


def test_a_worker_that_came_later_and_is_unfit_is_named(two_workers: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    own = replace(own_site(), code="other")
    monkeypatch.setattr(cluster_module, "own_site", lambda: own)
    with pytest.raises(
        ConfigError, match=r"^Worker tcp://127\.0\.0\.1:\d+ has other code of alpa than there is here; "
    ):
        list(run_in_workers(abs, [(1,)], pool(two_workers)))


# What is not there, or is not the same


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "tls://127.0.0.1:1"])
def test_a_scheduler_that_is_not_there_is_named(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "CONNECTING", 0.5)
    with pytest.raises(ConfigError, match=rf"^No Dask scheduler answers at {address} \(.*\); start one with `dask sch"):
        open_pool(replace(CPU, scheduler=address))


def test_without_dask_its_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    problem = r'^runtime\.scheduler is tcp://head:1 but Dask is not installed; run `pip install "alpa\[dask\]"`, or set'
    with pytest.raises(ConfigError, match=problem):
        open_pool(replace(CPU, scheduler="tcp://head:1"))


def test_a_scheduler_without_workers_is_named(fresh: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "ARRIVING", 0.5)
    fresh.scheduler()
    with pytest.raises(ConfigError, match=rf"^The Dask scheduler at {fresh.address} has no worker; start one with `da"):
        open_pool(config(fresh))


def test_a_scheduler_that_goes_away_ends_the_run_in_one_sentence(fresh: Cluster) -> None:
    scheduler = fresh.scheduler()
    fresh.worker()
    running = run_in_workers(time.sleep, [(0.1,)] * 200, pool(fresh))
    assert next(running)[1] is None
    scheduler.kill()
    started = time.monotonic()
    with pytest.raises(
        ModelError, match=rf"^The Dask scheduler at {fresh.address} went away; what is finished is kept"
    ):
        list(running)
    assert time.monotonic() - started < 10


def test_a_worker_with_other_code_is_named(fresh: Cluster, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "alpa", tmp_path / "alpa", ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "alpa/training/loop.py").open("a") as loop:
        loop.write("\n")
    fresh.scheduler()
    fresh.worker(tmp_path)
    with pytest.raises(
        ConfigError, match=r"^Worker tcp://127\.0\.0\.1:\d+ has other code of alpa than there is here; "
    ):
        open_pool(config(fresh))


def test_a_worker_with_other_packages_is_named(fresh: Cluster, tmp_path: Path) -> None:
    (tmp_path / "alpa").symlink_to(ROOT / "alpa")
    (tmp_path / "scipy-0.1.dist-info").mkdir()
    (tmp_path / "scipy-0.1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: scipy\nVersion: 0.1\n")
    fresh.scheduler()
    fresh.worker(tmp_path)
    with pytest.raises(
        ConfigError, match=r"^Worker tcp://127\.0\.0\.1:\d+ has scipy 0\.1, and not \S+ as here; start it "
    ):
        open_pool(config(fresh))


@pytest.mark.parametrize("without", ["scheduler", "worker"])
def test_a_scheduler_or_a_worker_without_alpa_is_named(without: str, fresh: Cluster, tmp_path: Path) -> None:
    places = dict.fromkeys(("scheduler", "worker"), ROOT) | {without: tmp_path / "empty"}
    fresh.scheduler(places["scheduler"])
    fresh.worker(places["worker"])
    with pytest.raises(
        ConfigError, match=rf"(?i)^(the dask )?{without}\b.* cannot run this alpa \(.*alpa.*\); start it anew w"
    ):
        open_pool(config(fresh))


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        ({"versions": {"python": "3.11"}}, "There has torch None, and not 2 as here; start it anew where the packages"),
        ({"code": "b"}, "There has other code of alpa than there is here; start it anew where the packages"),
        ({"threads": 4}, "There runs 4 calls at once in one process, where .* start it with --nthreads 1, and"),
    ],
)
def test_whatever_differs_is_named(other: dict[str, Any], problem: str) -> None:
    own = Site({"python": "3.11", "torch": "2"}, "a")
    require_same(own, own, "There")
    with pytest.raises(ConfigError, match=f"^{problem}"):
        require_same(replace(own, **other), own, "There")


def test_workers_of_different_kinds_are_named(two_workers: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"Worker a": (own_site(), Runtime("cuda", "bf16")), "Worker b": (own_site(), Runtime("cpu", "fp32"))}
    monkeypatch.setattr(cluster_module, "_ask", lambda client, config: answers)
    with pytest.raises(
        ConfigError, match=r"^Workers differ: Worker a has cuda with bf16 and Worker b has cpu with fp32; "
    ):
        open_pool(config(two_workers))


def test_a_device_that_no_worker_has_is_named(two_workers: Cluster) -> None:
    problem = r"^Worker tcp://127\.0\.0\.1:\d+: runtime\.device is 'cuda' but torch sees no GPU; choose auto or cpu\.$"
    with pytest.raises(ConfigError, match=problem):
        open_pool(replace(config(two_workers), device="cuda"))
