"""A tiny data set in MNIST's format, known to the table of sources, and a server on this machine that offers it."""

import gzip
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from alpa.data.sources import SOURCES

IMAGE_FILES = ("train-images-idx3-ubyte", "t10k-images-idx3-ubyte")
LABEL_FILES = ("train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte")


def idx(array: np.ndarray) -> bytes:
    """Return the array of bytes as the content of an idx file."""
    header = bytes([0, 0, 8, array.ndim]) + b"".join(length.to_bytes(4, "big") for length in array.shape)
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the machine's own settings out of the tests."""
    for variable in ("ALPA_DATA_ROOT", "ALPA_DOWNLOAD_MIRROR"):
        monkeypatch.delenv(variable, raising=False)
    for variable in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(variable, "127.0.0.1")


@pytest.fixture
def tiny() -> dict[str, bytes]:
    """The four raw files: 30 images to train and 20 to test, each 28x28, all ten classes in both."""
    random = np.random.default_rng(0)
    files = {}
    for images, labels, n in zip(IMAGE_FILES, LABEL_FILES, (30, 20), strict=True):
        files[images] = idx(random.integers(0, 256, (n, 28, 28)))
        files[labels] = idx(np.arange(n) % 10)
    return files


@pytest.fixture
def known_tiny(tiny: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The tiny files, which pass for the published ones of mnist."""
    checksums = {name: hashlib.sha256(content).hexdigest() for name, content in tiny.items()}
    monkeypatch.setitem(SOURCES, "mnist", replace(SOURCES["mnist"], files=checksums))
    return tiny


@pytest.fixture
def local_root(known_tiny: dict[str, bytes], tmp_path: Path) -> Path:
    """A folder in torchvision's layout with the tiny files."""
    folder = tmp_path / "root/MNIST/raw"
    folder.mkdir(parents=True)
    for name, content in known_tiny.items():
        (folder / name).write_bytes(content)
    return tmp_path / "root"


@dataclass
class Server:
    """What the server offers by path; the paths in `cut` break off half-way, those in `silent` never answer."""

    address: str
    content: dict[str, bytes]
    cut: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    released: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def server(known_tiny: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that offers the tiny files under /mnist/, with the MD5 values that torchvision will ask for."""
    import torchvision.datasets

    packed = {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in known_tiny.items()}
    resources = [(name, hashlib.md5(content).hexdigest()) for name, content in packed.items()]
    monkeypatch.setattr(torchvision.datasets.MNIST, "resources", resources)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path in offer.silent:
                offer.released.wait(timeout=10)
                return
            content = offer.content.get(self.path)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            if content is not None:
                self.wfile.write(content[: len(content) // 2] if self.path in offer.cut else content)

        def log_message(self, *args: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: object) -> None:
            pass  # torchvision closes its first connection, made to follow redirects, without reading

    with Quiet(("127.0.0.1", 0), Handler) as running:
        content = {f"/mnist/{name}": value for name, value in packed.items()}
        offer = Server(f"http://127.0.0.1:{running.server_port}", content)
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield offer
        offer.released.set()
        running.shutdown()
        thread.join()
