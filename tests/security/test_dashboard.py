"""`make dashboard` serves this machine alone, and its own pages alone; a stub stands for optuna-dashboard."""

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from alpa.tuning.journal import FOLDER
from tests.security.servers import PYTHON, free_port, listening, recipe, served, status

STUB = """
def wsgi(storage):
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [str(len(storage.get_all_studies())).encode()]
    return application
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[psutil.Process, int]]:
    """The process that `make dashboard` ends with, in a folder with a study, and its port."""
    folder, port = tmp_path_factory.mktemp("dashboard"), free_port()
    (folder / "optuna_dashboard.py").write_text(STUB)
    (folder / FOLDER).mkdir(parents=True)
    make_study(folder / FOLDER / "toy.journal")
    chosen = "$(if $(filter file,$(origin PORT)),8080,$(PORT))"  # make's own function, here answered
    text = recipe("dashboard", RUN=PYTHON, **{chosen[2:-1]: port})
    command = text.splitlines()[-1]  # the line before installs the package
    assert command.endswith(f"pipeline.dashboard {port}")
    with served(f"exec {command}", folder, port, {"PATH": os.environ["PATH"]}) as process:
        yield process, port


def make_study(path: Path) -> None:
    import optuna
    from optuna.storages.journal import JournalFileBackend

    optuna.create_study(study_name="toy", storage=optuna.storages.JournalStorage(JournalFileBackend(str(path))))


def test_it_listens_on_this_machine_alone(server: tuple[psutil.Process, int]) -> None:
    process, port = server
    assert listening(process) == {("127.0.0.1", port)}


def test_its_own_pages_reach_it(server: tuple[psutil.Process, int]) -> None:
    _, port = server
    for host in (f"127.0.0.1:{port}", f"localhost:{port}"):
        assert status(port, "GET", "/", host=host) == 200
        assert status(port, "DELETE", "/api/studies/0", host=host, origin=f"http://{host}") == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", "127.0.0.1"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_foreign_host_is_refused(method: str, host: str, server: tuple[psutil.Process, int]) -> None:
    _, port = server
    assert status(port, method, "/", host=host) == 403
    assert status(port, method, "/", host=f"{host}:{port + 1}") == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://127.0.0.1"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_foreign_origin_is_refused(method: str, origin: str, server: tuple[psutil.Process, int]) -> None:
    _, port = server
    assert status(port, method, "/api/studies", origin=origin.format(port=port)) == 403
