"""From where a data set lies to data/raw/: embedded, in another package, in a local root, or on its official server.

Digits lies in scikit-learn. The others are taken from a local root if one is named. Otherwise they are downloaded into
a folder that is laid out like one, and then taken from there in the same way. Only content whose SHA-256 fits is ever
put in place; of a video's copy in a local root no checksum is published, so it is recorded instead.
"""

import gzip
import os
import shutil
import zlib
from pathlib import Path, PurePosixPath

from alpa.data.archives import unpack
from alpa.data.packaged import find_packaged, is_packaged, put_packaged
from alpa.data.places import find_place, is_archive, lacking, raw_file, wanted
from alpa.data.sources import MANIFEST, RAW_FOLDER, SOURCES, Source, check_files, find_source
from alpa.data.transfer import CHUNK, MOST_BYTES, download
from alpa.errors import DataError
from alpa.files import whole_folder
from alpa.params import DataConfig

DOWNLOADS = Path(".cache/downloads")  # laid out like a local root


def fetch(key: str, destination: Path, config: DataConfig) -> None:
    """Put the raw files of the data set `key` into the folder `destination`: all of them, checked, or none.

    What is there already and is the published content stays; what another package brings is loaded anew.

    Raises:
        ConfigError: another package declares the set, and it cannot be imported or is none.
        DataError: the set is unknown, not at the named root, not reachable, or its content is not the published one.
    """
    if packaged := find_packaged(key):
        put_packaged(key, packaged, destination)
        return
    source = find_source(key)
    if _is_there(key, destination):
        return
    if source.layout == "embedded":
        with whole_folder(destination) as folder:
            _write_digits(folder)
            check_files(key, folder, "install the pinned version of scikit-learn")
    elif root := _local_root(config):
        _put(key, _require_place(key, root), destination)
    else:
        server = _download(key, config)
        place = find_place(source, DOWNLOADS)
        assert place is not None, DOWNLOADS
        _put(key, place, destination, server)
        _tidy(source)


def missing(key: str, config: DataConfig, raw: Path = RAW_FOLDER) -> str | None:
    """Return one sentence if the data set `key` would have to be downloaded or its root lacks it, None otherwise.

    Looks at file names alone: no network, no checksum, no import of torch.
    """
    if is_packaged(key):
        return None
    source = find_source(key)
    names = source.files or (MANIFEST,)
    if source.layout == "embedded" or all((raw / key / name).is_file() for name in names):
        return None
    root = _local_root(config)
    if root is None:
        return f"{key} is not on this machine: {_ways_to_get(key)}."
    try:
        _require_place(key, root)
    except DataError as error:
        return str(error)
    return None


def _is_there(key: str, folder: Path) -> bool:
    try:
        check_files(key, folder, "")
    except (OSError, DataError):
        return False
    return True


def _ways_to_get(key: str) -> str:
    """Return the two ways to get the data set, as a part of a sentence."""
    return (
        f"set ALPA_DATA_ROOT to a folder that holds {wanted(find_source(key))}, "
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


def _require_place(key: str, root: tuple[str, str]) -> Path:
    """Return where the set lies under the local root; raise DataError, which names what is not there, otherwise."""
    setting, value = root
    source, base = find_source(key), Path(os.path.expanduser(value))  # which leaves an unknown user as it is
    try:
        place = find_place(source, base)
    except OSError as error:
        problem = f"{setting} is {value}, where {error.filename} cannot be read ({error.strerror})"
        raise DataError(f"{problem}; give yourself the permission, or name another folder.") from None
    if place is None:
        lacks = f"{setting} is {value}, which does not hold {lacking(source, base)}"
        raise DataError(f"{lacks}; name a folder that holds {key}, or unset it to download the set.")
    return place


def _put(key: str, place: Path, destination: Path, origin: str | None = None) -> None:
    """Make the set's raw folder from what lies in `place`, which came from `origin` if that is another name for it."""
    source = find_source(key)
    with whole_folder(destination) as folder:
        if is_archive(place):
            unpacked = folder / "unpacked"
            unpack(place, {**source.downloads, **source.archives}[place.name], source.places, unpacked)
            inner = find_place(source, unpacked)
            if inner is None:
                raise DataError(f"{place} does not hold {key}; get a fresh copy of it, or remove it.")
            _convert(source, inner, folder)
            shutil.rmtree(unpacked)
        else:
            _convert(source, place, folder)
        check_files(key, folder, f"take it from elsewhere than {origin or place}")


def _convert(source: Source, place: Path, folder: Path) -> None:
    """Write to `folder` what it shall hold of the set that lies, unpacked, in the folder `place`."""
    if source.layout == "cifar10":
        from alpa.data.cifar10 import write_cifar10

        write_cifar10(place, source.class_names, folder)
    elif source.layout == "ucsd":
        from alpa.data.published_clips import copy_frames

        copy_frames(place, folder)
    else:
        for name in source.files:
            _copy(place, name, folder)


def _copy(place: Path, name: str, folder: Path) -> None:
    """Copy a raw file, uncompressed if it is not published compressed."""
    path = raw_file(place, name)
    assert path is not None, name
    open_raw = open if path.name == name else gzip.open
    try:
        with open_raw(path, "rb") as stream, (folder / name).open("wb") as copy:
            while chunk := stream.read(CHUNK):
                copy.write(chunk)
                if copy.tell() > MOST_BYTES:  # which few compressed bytes may become
                    raise DataError(f"{path} holds more than {MOST_BYTES:,} bytes; get a fresh copy of it.")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is damaged ({error}); get a fresh copy of it.") from None


def _servers(key: str, config: DataConfig) -> list[str]:
    """Return the servers to try: the official ones, or `<mirror>/<key>/` and `<mirror>/` if a mirror is named."""
    mirror = _setting("ALPA_DOWNLOAD_MIRROR", "data.mirror", config.mirror)
    if mirror is None:
        return list(find_source(key).servers)
    setting, address = mirror
    if not address.startswith(("http://", "https://")):
        raise DataError(f"{setting} is {address}; give an address that begins with http:// or https://.")
    return [f"{address.rstrip('/')}/{key}/", f"{address.rstrip('/')}/"]


def _download(key: str, config: DataConfig) -> str:
    """Download the set's published files, checked, and return the address of the last one.

    What came whole stays when another file fails, and serves the next run.
    """
    servers, address = _servers(key, config), ""
    for name, checksum in find_source(key).downloads.items():
        addresses = [f"{server}{PurePosixPath(name).name}" for server in servers]
        try:
            address = download(DOWNLOADS / name, checksum, addresses)
        except DataError as error:
            raise DataError(f"{key} could not be downloaded ({error}): {_ways_to_get(key)}.") from None
    return address


def _tidy(source: Source) -> None:
    """Remove the set's downloads, apart from an archive in which another set comes too."""
    for name in source.downloads:
        if sum(name in other.downloads for other in SOURCES.values()) == 1:
            (DOWNLOADS / name).unlink()
