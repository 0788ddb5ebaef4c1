"""A tracking server that is away costs one warning; what it missed is sent when it is back."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from alpa.tracking import Outcome, sync

START_SECONDS = 90


@pytest.fixture
def port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def start_server(port: int, tmp_path: Path, empty_database: Path) -> Iterator[Callable[[], None]]:
    """A function that starts a tracking server on the port and waits for it."""
    servers: list[subprocess.Popen] = []

    def start() -> None:
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
        database = shutil.copy(empty_database, tmp_path / "server.db")
        command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{database}"]
        environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        environment.pop("MLFLOW_TRACKING_URI")
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        servers.append(subprocess.Popen(command, env=environment, **quiet))
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        raise TimeoutError("the server did not start")

    yield start
    for server in servers:
        server.terminate()
        server.wait(timeout=30)


def test_a_dead_server_costs_one_warning_and_gets_everything_when_it_is_back(
    project, port, start_server, monkeypatch, capfd
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://reader:secret@127.0.0.1:{port}")
    project.train("alpa", "38")
    assert sync("toy") == Outcome(sent=0, waiting=3)
    assert sync("toy") == Outcome(sent=0, waiting=3)  # a second stage neither waits nor complains
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"warning: MLflow at http://127.0.0.1:{port} failed: ")
    assert captured.err.endswith("; the next run or `make sync` sends what is left.\n")
    assert captured.err.count("\n") == 1
    assert "secret" not in captured.err
    assert sync(insist=True) == Outcome(sent=0, waiting=3)
    assert capfd.readouterr().err == captured.err, "who insists hears of it again"

    project.evaluate("alpa", "38")
    project.draw("leaderboard.svg")
    start_server()
    assert sync(insist=True) == Outcome(sent=3, waiting=0)
    assert sync() == Outcome(sent=0, waiting=0)
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


def test_a_store_that_cannot_be_opened_is_a_warning_too(project, monkeypatch, capfd):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nonsense://somewhere")
    project.train("pca", "3")
    assert sync() == Outcome(sent=0, waiting=2)
    assert capfd.readouterr().err.startswith("warning: MLflow at nonsense://somewhere failed: ")
