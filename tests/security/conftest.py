import pickle
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.security.answers import Answer
from tests.security.evil import Evil


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    """What exists as soon as a program has run."""
    return tmp_path / "ran"


@pytest.fixture
def pickled(tmp_path: Path) -> bytes:
    """A pickle that runs its program where it is loaded."""
    return pickle.dumps(Evil(tmp_path))


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """A function that takes an answer per path and returns the address of a server that gives them."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    answers: dict[str, Answer] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, content = answers[self.path](self.headers)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()

        def serving(**paths: Answer) -> str:
            answers.update({f"/{name}": answer for name, answer in paths.items()})
            return f"http://127.0.0.1:{server.server_port}"

        yield serving
        server.shutdown()
        thread.join()
