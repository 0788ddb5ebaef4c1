"""Download a file whose checksum is known: whole or not at all, and what a cut connection left is gone on with."""

from base64 import b64encode
from http.client import HTTPException
from pathlib import Path
from ssl import SSLError
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import Request, urlopen

from filelock import FileLock
from tqdm import tqdm

from alpa.data.sources import difference
from alpa.errors import DataError

STALLED_SECONDS = 60.0  # a server that is silent for so long counts as unreachable
TRIES = 5  # at one address, and only while each brings more of the file
CHUNK = 1 << 16
MOST_BYTES = 2 * 2**30  # a server that sends more fills a disk: no published file has as much

# A full disk is also an OSError, but none of these: it must not read as a failed connection.
NETWORK_ERRORS = (URLError, ConnectionError, TimeoutError, SSLError, HTTPException, ValueError)


def download(path: Path, checksum: str, addresses: list[str]) -> str:
    """Download a file to `path` from the first of the addresses that gives the content, and return that address.

    Until its SHA-256 fits, the content lies in `<path>.part`. That stays when the connection breaks, and the next try,
    in this run or a later one, asks for the rest. A file that is at `path` already and fits is not downloaded again.

    Raises:
        DataError: no address gave the content; the message is a part of a sentence.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f"{path.name}.lock")):  # two data sets may come in one archive
        if path.is_file() and difference(path, checksum) is None:
            return addresses[0]
        failures = []
        for address in addresses:
            failure = _try(address, path, checksum)
            if failure is None:
                return address
            failures.append(f"{address}: {failure}")
    raise DataError("; ".join(failures))


def _try(address: str, path: Path, checksum: str) -> str | None:
    """Download from one address to `path`, and return what failed, None if nothing did."""
    part = path.with_name(f"{path.name}.part")
    failure: str | None = None
    for _ in range(TRIES):
        before = _size(part)
        try:
            _receive(address, part, before)
        except NETWORK_ERRORS as error:
            beyond_the_end = bool(before) and isinstance(error, HTTPError) and error.code == 416
            if not beyond_the_end:
                failure = " ".join(str(error).split()).removesuffix(".")
                if _size(part) > MOST_BYTES:
                    part.unlink()
                elif _size(part) > before:
                    continue
                return failure
        failure = difference(part, checksum)
        if failure is None:
            part.replace(path)
            return None
        part.unlink()
        if not before:  # else the old beginning may be what is wrong
            return f"not the published file, {failure}"
    return failure


def _receive(address: str, part: Path, start: int) -> None:
    """Append what the server has after the first `start` bytes to the file `part`, or write it anew if it sends all."""
    with urlopen(_request(address, start), timeout=STALLED_SECONDS) as answer:
        resumed = answer.status == 206
        if resumed and not answer.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            raise ConnectionError("the server sent another part of the file than it was asked for")
        done = start if resumed else 0
        length = answer.headers.get("Content-Length")
        total = done + int(length) if length else None
        if (total or 0) > MOST_BYTES:
            raise ConnectionError(f"the server has more than {MOST_BYTES:,} bytes")
        name = part.name.removesuffix(".part")
        with (
            part.open("ab" if resumed else "wb") as file,
            tqdm(desc=name, total=total, initial=done, unit="B", unit_scale=True, disable=None) as bar,
        ):
            while chunk := answer.read(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
                if file.tell() > MOST_BYTES:
                    raise ConnectionError(f"the server sends more than {MOST_BYTES:,} bytes")
    if total is not None and _size(part) < total:
        raise ConnectionError(f"the connection broke off after {_size(part)} of {total} bytes")


def _request(address: str, start: int) -> Request:
    """Return the request for what comes after the first `start` bytes; a redirect does not take a password along."""
    parts = urlsplit(address)
    headers = {"User-Agent": "alpa"} | ({"Range": f"bytes={start}-"} if start else {})
    request = Request(urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])), headers=headers)
    if parts.username is not None:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        request.add_unredirected_header("Authorization", f"Basic {b64encode(user.encode()).decode()}")
    return request


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0
