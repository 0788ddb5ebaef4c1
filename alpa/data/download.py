"""From where a data set lies to data/raw/: embedded, in a local root, or on its official server.

Digits lies in scikit-learn. The others are copied from a local root in torchvision's layout if one is named, and are
otherwise fetched by torchvision's official download; only content whose SHA-256 fits is ever put in place.
"""

import contextlib
import gzip
import os
import shutil
import socket
import zlib
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from ssl import SSLError
from urllib.error import URLError

from alpa.data.sources import RAW_FOLDER, check_files, find_source
from alpa.errors import DataError
from alpa.files import whole_folder
from alpa.params import DataConfig

STALLED_SECONDS = 60.0  # a server that is silent for so long counts as unreachable

# A full disk is also an OSError, but neither of these: it must not read as a failed connection.
NETWORK_ERRORS = (RuntimeError, URLError, ConnectionError, TimeoutError, SSLError, HTTPException, ValueError)


def fetch(key: str, destination: Path, config: DataConfig) -> None:
    """Put the raw files of the data set `key` into the folder `destination`: all of them, checked, or none.

    What is there already and is the published content stays.

    Raises:
        DataError: the set is unknown, not at the named root, not reachable, or its content is not the published one.
    """
    source = find_source(key)
    if _is_there(key, destination):
        return
    with whole_folder(destination) as folder:
        if source.torchvision is None:
            _write_digits(folder)
            origin = "scikit-learn"
        elif root := _local_root(config):
            origin = _copy(key, source.torchvision, root, folder)
        else:
            origin = _download(key, source.torchvision, config, folder)
        check_files(key, folder, f"take it from elsewhere than {origin}")


def _is_there(key: str, folder: Path) -> bool:
    try:
        check_files(key, folder, "")
    except (OSError, DataError):
        return False
    return True


def missing(key: str, config: DataConfig, raw: Path = RAW_FOLDER) -> str | None:
    """Return one sentence if the data set `key` would have to be downloaded or its root lacks it, None otherwise.

    Looks at file names alone: no network, no checksum, no import of torch.
    """
    source = find_source(key)
    if source.torchvision is None or all((raw / key / name).is_file() for name in source.files):
        return None
    root = _local_root(config)
    if root is None:
        return f"{key} is not on this machine: {_ways_to_get(key)}."
    try:
        _local_files(key, source.torchvision, root)
    except DataError as error:
        return str(error)
    return None


def _ways_to_get(key: str) -> str:
    """Return the two ways to get the data set, as a part of a sentence."""
    source = find_source(key)
    first = f"{source.torchvision}/raw/{next(iter(source.files))}"
    return (
        f"set ALPA_DATA_ROOT to a folder that holds {first} and the set's other files, "
        "or connect to the internet (ALPA_DOWNLOAD_MIRROR may name another server)"
    )


def _write_digits(folder: Path) -> None:
    """Write scikit-learn's digits as images.npy, uint8 (1797, 8, 8) with values 0 to 16, and labels.npy, int64."""
    import numpy as np
    from sklearn.datasets import load_digits

    from alpa.files import write_npy

    digits = load_digits()
    write_npy(folder / "images.npy", digits.images.astype(np.uint8))
    write_npy(folder / "labels.npy", digits.target.astype("<i8"))


def _setting(variable: str, name: str, value: str | None) -> tuple[str, str] | None:
    """Return where a setting was found and its value; the environment goes before params.yaml."""
    if os.environ.get(variable):
        return variable, os.environ[variable]
    return (name, value) if value else None


def _local_root(config: DataConfig) -> tuple[str, str] | None:
    """Return the name and value of the setting that holds the local root, if there is one."""
    return _setting("ALPA_DATA_ROOT", "data.root", config.root)


def _local_files(key: str, subfolder: str, root: tuple[str, str]) -> dict[str, Path]:
    """Map each raw file to where it lies under the local root, plain or with .gz.

    Raises:
        DataError: the root does not hold one of them.
    """
    setting, value = root
    folder = Path(value).expanduser() / subfolder / "raw"
    found = {}
    for name in find_source(key).files:
        candidates = [path for path in (folder / name, folder / f"{name}.gz") if path.is_file()]
        if not candidates:
            lacks = f"{setting} is {value}, which does not hold {subfolder}/raw/{name}"
            raise DataError(f"{lacks}; name a folder that holds {key}, or unset it to download the set.")
        found[name] = candidates[0]
    return found


def _copy(key: str, subfolder: str, root: tuple[str, str], folder: Path) -> str:
    """Copy the raw files from the local root, uncompressed, and return where they came from."""
    files = _local_files(key, subfolder, root)
    for name, path in files.items():
        open_raw = gzip.open if path.suffix == ".gz" else open
        try:
            with open_raw(path, "rb") as stream, (folder / name).open("wb") as copy:
                shutil.copyfileobj(stream, copy)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(f"{path} is damaged ({error}); get a fresh copy of it.") from None
    return str(path.parent)


def _mirrors(key: str, config: DataConfig, official: list[str]) -> list[str]:
    """Return the addresses to try: the official ones, or `<mirror>/<key>/` and `<mirror>/` if a mirror is named."""
    mirror = _setting("ALPA_DOWNLOAD_MIRROR", "data.mirror", config.mirror)
    if mirror is None:
        return official
    setting, address = mirror
    if not address.startswith(("http://", "https://")):
        raise DataError(f"{setting} is {address}; give an address that begins with http:// or https://.")
    return [f"{address.rstrip('/')}/{key}/", f"{address.rstrip('/')}/"]


def _download(key: str, dataset_class: str, config: DataConfig, folder: Path) -> str:
    """Download with torchvision's class, which shows its progress and checks MD5, and return the address.

    Each address has a class of its own with the same name, since torchvision goes on to its next mirror after some
    failures and not after others. Files that came whole stay for the next address.
    """
    import torchvision.datasets

    official = getattr(torchvision.datasets, dataset_class)
    failures = []
    for mirror in _mirrors(key, config, official.mirrors):
        dataset = type(dataset_class, (official,), {"mirrors": [mirror]})
        try:
            with _no_endless_wait():
                raw = Path(dataset(folder / "download", download=True).raw_folder)
        except NETWORK_ERRORS as error:
            failures.append(" ".join(str(error).split()).removesuffix("."))
            continue
        for name in find_source(key).files:
            (raw / name).replace(folder / name)
        shutil.rmtree(folder / "download")
        return mirror
    raise DataError(f"{key} could not be downloaded ({'; '.join(failures)}): {_ways_to_get(key)}.")


@contextlib.contextmanager
def _no_endless_wait() -> Iterator[None]:
    """Give the sockets opened inside a timeout, which torchvision leaves unset."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALLED_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
