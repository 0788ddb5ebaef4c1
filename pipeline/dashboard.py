"""Show a copy of all studies in optuna-dashboard, on 127.0.0.1, to the pages of this very address alone."""

import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from wsgiref.simple_server import make_server

from alpa.errors import ConfigError, StudyError
from pipeline import stage

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

HOST = "127.0.0.1"


@stage
def main(port: str = "8080") -> None:
    """Serve until interrupted. A copy, so that whatever is renamed or deleted there leaves the studies as they are."""
    if not re.fullmatch("[1-9][0-9]{0,4}", port) or int(port) >= 2**16:
        raise ConfigError(f"{port} is no port; name a whole number from 1 to 65535.")
    try:
        from optuna_dashboard import wsgi
    except ImportError:
        raise StudyError("optuna-dashboard is missing; run `make dashboard`, which installs it.") from None
    from alpa.tuning.journal import FOLDER, copy_studies

    with tempfile.TemporaryDirectory() as folder:
        storage, number = copy_studies(FOLDER, Path(folder) / "studies.journal")
        with make_server(HOST, int(port), guarded(wsgi(storage), int(port))) as server:
            print(f"A copy of {number} studies: http://{HOST}:{port} (Ctrl-C ends it)", flush=True)
            server.serve_forever()


def guarded(application: "WSGIApplication", port: int) -> "WSGIApplication":
    """Return the application behind a check: only what is addressed to this server, by its own pages, reaches it.

    A foreign Host comes from a page whose name was pointed to this machine (DNS rebinding), a foreign Origin from a
    page of another site (cross-site request forgery). optuna-dashboard itself checks neither.
    """
    hosts = {f"{HOST}:{port}", f"localhost:{port}"}
    origins = {f"http://{host}" for host in hosts}

    def checked(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        origin = environ.get("HTTP_ORIGIN")
        if environ.get("HTTP_HOST") in hosts and (origin is None or origin in origins):
            return application(environ, start_response)
        start_response("403 Forbidden", [("Content-Type", "text/plain")])
        return [b"Refused: the request is addressed to another host or comes from another site.\n"]

    return checked


if __name__ == "__main__":
    main()
