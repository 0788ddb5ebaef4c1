"""`make ui` serves this machine alone, and its own pages alone, whatever the environment asks of MLflow."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.security.servers import PYTHON, free_port, listening, recipe, served, status
from tests.tracking.conftest import empty_database  # noqa: F401  a fixture

CREATE = "/api/2.0/mlflow/experiments/create"
SECRET = "with-a-password.db"
OPEN = {
    "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": "true",
    "MLFLOW_SERVER_ALLOWED_HOSTS": "*",
    "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": "*",
}


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory,
    empty_database: Path,  # noqa: F811
) -> Iterator[tuple[psutil.Process, int]]:
    """The process of `make ui` in a folder of its own, and its port."""
    folder, port = tmp_path_factory.mktemp("ui"), free_port()
    shutil.copy(empty_database, folder / SECRET)
    environment = OPEN | {"MLFLOW_TRACKING_URI": f"sqlite:///{SECRET}"}
    with served(recipe("ui", RUN=PYTHON, PORT=port), folder, port, environment) as process:
        yield process, port


def create(port: int, name: str, **headers: str) -> int:
    return status(port, "POST", CREATE, json.dumps({"name": name}), content_type="application/json", **headers)


def test_it_listens_on_this_machine_alone(server: tuple[psutil.Process, int]) -> None:
    process, port = server
    assert listening(process) == {("127.0.0.1", port)}


def test_the_address_of_the_store_is_on_no_command_line(server: tuple[psutil.Process, int]) -> None:
    process, port = server
    create(port, "anything")
    assert not [each for each in [process, *process.children(recursive=True)] if SECRET in " ".join(each.cmdline())]


def test_its_own_pages_reach_it(server: tuple[psutil.Process, int]) -> None:
    _, port = server
    assert status(port, "GET", "/") == 200
    assert status(port, "GET", "/", host=f"localhost:{port}") == 200
    assert create(port, "own", origin=f"http://127.0.0.1:{port}") == 200


@pytest.mark.parametrize("host", ["evil.example", "10.evil.example", "192.168.evil.example", "127.0.0.1.evil.example"])
def test_a_foreign_host_is_refused(host: str, server: tuple[psutil.Process, int]) -> None:
    _, port = server
    for name in (host, f"{host}:{port}"):
        assert status(port, "GET", "/", host=name) == 403
        assert create(port, host, host=name) == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "https://127.0.0.1.evil.example", "null"])
def test_a_foreign_origin_changes_nothing(origin: str, server: tuple[psutil.Process, int]) -> None:
    _, port = server
    assert create(port, origin, origin=origin) == 403
