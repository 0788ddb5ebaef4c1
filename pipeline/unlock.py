"""Free what killed runs of DVC hold: its lock file names processes, and it takes a zombie or a namesake for alive."""

import json
from pathlib import Path
from typing import Any

import psutil

LOCKS = Path(".dvc/tmp/rwlock")


def drop_stale_locks(path: Path = LOCKS) -> None:
    """Remove from DVC's lock file the entries of processes that are gone; those of living ones stay.

    One that DVC cannot read, since it was killed while it wrote it, is removed.
    """
    if not path.is_file() or _is_free(path):
        return
    from dvc.fs import localfs
    from dvc.rwlock import RWLockFileCorruptedError, RWLockFileFormatError

    try:
        _drop_entries(path, localfs)
    except (RWLockFileCorruptedError, RWLockFileFormatError):
        path.unlink(missing_ok=True)


def _is_free(path: Path) -> bool:
    """Tell whether nobody holds anything."""
    try:
        return not any(json.loads(path.read_bytes()).values())
    except (ValueError, AttributeError):
        return False


def _drop_entries(path: Path, localfs: Any) -> None:
    from dvc.rwlock import _edit_rwlock  # DVC's own way in, which keeps other processes of its out meanwhile

    written = path.stat().st_mtime
    with _edit_rwlock(str(path.parent), localfs, False) as locks:
        for file, holder in list(locks["write"].items()):
            if _is_gone(holder, written):
                del locks["write"][file]
        for file, holders in list(locks["read"].items()):
            locks["read"][file] = [holder for holder in holders if not _is_gone(holder, written)]
            if not locks["read"][file]:
                del locks["read"][file]


def _is_gone(holder: dict[str, Any], written: float) -> bool:
    """Tell whether no living process that was there when the file was `written` has the holder's number."""
    try:
        process = psutil.Process(holder["pid"])
        return process.status() == psutil.STATUS_ZOMBIE or process.create_time() > written
    except psutil.NoSuchProcess:
        return True
