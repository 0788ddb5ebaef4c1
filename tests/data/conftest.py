"""Tiny data sets in their publishers' form, known to the table of sources, and a server on this machine."""

import gzip
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from alpa.data import download
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


@pytest.fixture(autouse=True)
def downloads(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of downloads, for this test alone."""
    folder = tmp_path_factory.mktemp("downloads")
    monkeypatch.setattr(download, "DOWNLOADS", folder)
    return folder


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


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
def packed(tiny: dict[str, bytes]) -> dict[str, bytes]:
    """The same files as they are published."""
    return {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in tiny.items()}


@pytest.fixture
def known_tiny(tiny: dict[str, bytes], packed: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The tiny files, which pass for the published ones of mnist."""
    files = {name: sha256(content) for name, content in tiny.items()}
    downloads = {f"MNIST/raw/{name}": sha256(content) for name, content in packed.items()}
    monkeypatch.setitem(SOURCES, "mnist", replace(SOURCES["mnist"], files=files, downloads=downloads))
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
    """What the server offers by path, and what it was asked for: the path and the range.

    The paths in `cut` break off half-way of what is asked for, those in `silent` never answer. With `ranges` off, it
    sends a whole file whatever part is asked for.
    """

    address: str
    content: dict[str, bytes]
    cut: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    ranges: bool = True
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def answer(self, path: str, wanted: str | None) -> tuple[int, bytes, dict[str, str]]:
        """Return the status, the content, and what the headers say of it."""
        content = self.content.get(path)
        if content is None:
            return 404, b"", {}
        if wanted is None or not self.ranges:
            return 200, content, {}
        start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if start >= len(content):
            return 416, b"", {}
        return 206, content[start:], {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}


@pytest.fixture
def server(known_tiny: dict[str, bytes], packed: dict[str, bytes]) -> Iterator[Server]:
    """A server that offers the tiny files under /mnist/."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            offer.asked.append((self.path, self.headers.get("Range")))
            if self.path in offer.silent:
                offer.released.wait(timeout=10)
                return
            status, content, headers = offer.answer(self.path, self.headers.get("Range"))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if self.path in offer.cut else content)

        def log_message(self, *args: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: object) -> None:
            pass  # a client that gave up closes its connection

    with Quiet(("127.0.0.1", 0), Handler) as running:
        content = {f"/mnist/{name}": value for name, value in packed.items()}
        offer = Server(f"http://127.0.0.1:{running.server_port}", content)
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield offer
        offer.released.set()
        running.shutdown()
        thread.join()
