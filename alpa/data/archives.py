"""Unpack the part of a published archive that is needed, and nothing that an archive should not hold.

The filters of tarfile would do, but Python has them from 3.11.4 on, and Debian 12 comes with 3.11.2.
"""

import gzip
import os
import shutil
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from alpa.data.sources import difference
from alpa.errors import DataError

DAMAGED = (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile)


def unpack(archive: Path, checksum: str, parts: Sequence[str], folder: Path) -> None:
    """Unpack the files below the `parts` of a tar archive into `folder`, once all of the archive has been looked at.

    Links are not unpacked: no known archive needs one.

    Raises:
        DataError: the archive has not this SHA-256, is damaged, or holds something that would land outside of `folder`.
    """
    if found := difference(archive, checksum):
        raise DataError(f"{archive} is not the published file ({found}); get a fresh copy of it, or remove it.")
    try:
        with tarfile.open(archive, "r:gz") as tar:
            members = tar.getmembers()
            for member in members:
                if problem := _problem(member):
                    raise DataError(
                        f"{archive} holds {member.name}, which {problem}, so nothing of it was unpacked; "
                        "get a fresh copy of it, or remove it."
                    )
            for member in members:
                if _is_needed(member, parts):
                    _write(tar, member, folder / member.name)
    except (*DAMAGED, FileExistsError, IsADirectoryError, NotADirectoryError) as error:
        raise DataError(f"{archive} is damaged ({_reason(error)}); get a fresh copy of it, or remove it.") from None


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    """Write a file's content; there are no links in a folder that all is written to in this way."""
    content = tar.extractfile(member)
    assert content is not None, "it is a file"
    path.parent.mkdir(parents=True, exist_ok=True)
    with content, path.open("wb") as file:
        shutil.copyfileobj(content, file)


def _problem(member: tarfile.TarInfo) -> str | None:
    """Return what is wrong with a member, as a part of a sentence."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        return "lies outside of the archive's folder"
    if not (member.isfile() or member.isdir() or member.issym() or member.islnk()):
        return "is neither a file nor a folder"
    if member.issym() or member.islnk():
        start = os.path.dirname(member.name) if member.issym() else ""
        target = os.path.normpath(os.path.join(start, member.linkname))
        if os.path.isabs(target) or target.split(os.sep)[0] == os.pardir:
            return "is a link to outside of the archive's folder"
    return None


def _is_needed(member: tarfile.TarInfo, parts: Sequence[str]) -> bool:
    """Tell whether a member is a file below one of the parts; what macOS adds in hidden files is not data."""
    path = PurePosixPath(member.name)
    return member.isfile() and not path.name.startswith(".") and any(path.is_relative_to(part) for part in parts)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()).removesuffix(".")
