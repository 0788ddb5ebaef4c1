"""GPUs are shared out among the worker processes of a machine, and are free again when one dies."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from alpa.errors import ConfigError
from alpa.training import gpus
from alpa.training.workers import Pool, run_in_workers

# torch is faked, since importing it takes seconds and there may be no GPU. A worker names its GPU and waits to be told.
WORKER = """
import sys, types
torch = types.ModuleType("torch")
torch.cuda = types.SimpleNamespace(device_count=lambda: int(sys.argv[1]), set_device=print)
sys.modules["torch"] = torch
from alpa.training.gpus import take_gpu
take_gpu()
sys.stdout.flush()
sys.stdin.read()
"""

Start = Callable[..., tuple[subprocess.Popen[str], str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a worker process where torch sees `count` GPUs; return it and the index of the GPU that it took."""
    started = []

    def worker(count: int, visible: str = "") -> tuple[subprocess.Popen[str], str]:
        own = os.environ | {"TMPDIR": str(tmp_path), "CUDA_VISIBLE_DEVICES": visible, "PYTHONPATH": os.getcwd()}
        command = [sys.executable, "-c", WORKER, str(count)]
        process = subprocess.Popen(command, env=own, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    yield worker
    for process in started:
        process.communicate()


def test_eight_workers_on_two_gpus_get_four_each(start: Start) -> None:
    assert Counter(start(2)[1] for _ in range(8)) == {"0": 4, "1": 4}


def test_the_gpu_of_a_killed_worker_is_the_next_to_be_taken(start: Start) -> None:
    workers = [start(3) for _ in range(3)]
    assert [index for _, index in workers] == ["0", "1", "2"]
    os.kill(workers[1][0].pid, signal.SIGKILL)
    workers[1][0].wait()
    assert start(3)[1] == "1"
    assert start(3)[1] == "0"


def test_gpus_that_are_hidden_from_a_worker_are_left_to_others(start: Start) -> None:
    assert start(1, visible="1")[1] == "0", "the machine's second, which is torch's first here"
    assert start(2, visible="0,1")[1] == "0"
    assert start(2, visible="0,1")[1] == "0", "one process has the second already, so each has one"
    assert start(2, visible="0,1")[1] == "1"


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Let this process see two GPUs; return the list of those that it makes the current one."""
    current: list[int] = []
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", current.append)
    yield current
    gpus._own_gpu.cache_clear()
    while gpus._held:
        gpus._held.pop().release()


def test_a_worker_keeps_its_gpu_and_sets_it_before_every_call(asked: list[int]) -> None:
    done = list(run_in_workers(lambda number: asked[:], [(1,), (2,)], Pool(on_gpu=True)))
    assert done == [(0, [0]), (1, [0, 0])], "the current GPU belongs to a thread, and the next call may run in another"


def test_without_a_gpu_the_device_is_left_alone(asked: list[int]) -> None:
    list(run_in_workers(abs, [(1,)], Pool()))
    assert asked == []


@pytest.mark.usefixtures("asked")
def test_a_machine_without_gpus_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(ConfigError, match=r"^runtime\.device is 'cuda' but torch sees no GPU; choose auto or cpu\.$"):
        gpus.take_gpu()
