"""Unpack the part of a published archive that is needed, and nothing that an archive should not hold."""

import gzip
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from alpa.data.sources import difference
from alpa.errors import DataError


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
                if problem := _problem(member, folder):
                    raise DataError(
                        f"{archive} holds {member.name}, which {problem}, so nothing of it was unpacked; "
                        "get a fresh copy of it, or remove it."
                    )
            tar.extractall(folder, [member for member in members if _is_needed(member, parts)], filter="data")
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{archive} is damaged ({_reason(error)}); get a fresh copy of it, or remove it.") from None


def _problem(member: tarfile.TarInfo, folder: Path) -> str | None:
    """Return what is wrong with a member, as a part of a sentence; the standard filter alone drops a leading slash."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        return "lies outside of the archive's folder"
    if not (member.isfile() or member.isdir() or member.issym() or member.islnk()):
        return "is neither a file nor a folder"
    try:
        tarfile.data_filter(member, str(folder))
    except tarfile.FilterError as error:
        return f"is refused ({_reason(error)})"
    return None


def _is_needed(member: tarfile.TarInfo, parts: Sequence[str]) -> bool:
    """Tell whether a member is a file below one of the parts; what macOS adds in hidden files is not data."""
    path = PurePosixPath(member.name)
    return member.isfile() and not path.name.startswith(".") and any(path.is_relative_to(part) for part in parts)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()).removesuffix(".")
