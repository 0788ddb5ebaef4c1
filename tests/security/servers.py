"""Start what a target of the Makefile starts, and talk to it as a browser may be made to."""

import http.client
import os
import re
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
START_SECONDS = 120


def recipe(target: str, **variables: object) -> str:
    """Return the commands of a Makefile's target as make gives them to the shell."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", "\\\n\t")
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", text, re.MULTILINE)
    assert found is not None, target
    commands = found[1].replace("$$", "\0")
    for name, value in variables.items():
        commands = commands.replace(f"$({name})", str(value))
    assert "$(" not in commands, commands
    return re.sub(r"^\t+@?", "", commands, flags=re.MULTILINE).replace("\0", "$")


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(commands: str, folder: Path, port: int, environment: Mapping[str, str]) -> Iterator[psutil.Process]:
    """Run shell commands in a folder until they listen on the port; end them and all that they started."""
    own = os.environ | {"PYTHONPATH": str(ROOT), **environment}
    with (folder / "server.log").open("wb") as log:
        process = psutil.Popen(["sh", "-c", commands], cwd=folder, env=own, stdout=log, stderr=log)
    try:
        _wait(process, port, folder / "server.log")
        yield process
    finally:
        for each in [*process.children(recursive=True), process]:
            each.kill()
        process.wait(timeout=30)


def _wait(process: psutil.Process, port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise TimeoutError(f"nothing listens: {log.read_text()}")


def listening(process: psutil.Process) -> set[tuple[str, int]]:
    """Return the addresses and ports that a process and all below it listen on."""
    tree = [process, *process.children(recursive=True)]
    found = [connection for each in tree for connection in each.net_connections(kind="inet")]
    return {tuple(connection.laddr) for connection in found if connection.status == psutil.CONN_LISTEN}


def status(port: int, method: str, path: str, body: str | None = None, **headers: str) -> int:
    """Return the HTTP status that a request gets; headers are named in Python's way, as content_type."""
    sent = {name.replace("_", "-").title(): value for name, value in headers.items()}
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request(method, path, body, sent)
        return connection.getresponse().status


PYTHON = f"{sys.executable} -m"  # what $(RUN) stands for
