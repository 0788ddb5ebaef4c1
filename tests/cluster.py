"""A Dask scheduler and its workers, started on 127.0.0.1 by the commands that docs/gpu-and-cluster.md names."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]


class Cluster:
    """A scheduler with workers that have the code of a folder and nothing else of it: they run where nothing is."""

    def __init__(self, empty: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.empty = empty
        self.address = f"tcp://127.0.0.1:{port}"
        self.processes: list[subprocess.Popen[bytes]] = []

    def scheduler(self, code: Path = ROOT) -> subprocess.Popen[bytes]:
        """Start the scheduler."""
        return self._start(code, "scheduler", "--port", self.address.rpartition(":")[2])

    def worker(self, code: Path = ROOT, number: int = 1) -> subprocess.Popen[bytes]:
        """Start so many worker processes."""
        return self._start(code, "worker", self.address, "--nworkers", str(number), "--nthreads", "1")

    def _start(self, code: Path, *command: str) -> subprocess.Popen[bytes]:
        own = os.environ | {"PYTHONPATH": str(code), "OMP_NUM_THREADS": "1"}
        local = ("--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0")
        with (self.empty / f"{command[0]}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", *command, *local], cwd=self.empty, env=own, stdout=log, stderr=log
            )
        self.processes.append(process)
        return process


@contextlib.contextmanager
def cluster(empty: Path) -> Iterator[Cluster]:
    """Yield a cluster that has nothing yet; whatever is started ends with the block."""
    started = Cluster(empty)
    try:
        yield started
    finally:
        for process in reversed(started.processes):  # a worker whose scheduler is gone would look for it
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
