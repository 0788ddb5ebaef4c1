"""What a kill or a damaged disk can leave that DVC cannot read, and so would stop every run: its lock files."""

import itertools
import shutil
from pathlib import Path

from alpa.files import sweep, whole_file

LOCK_FILES = (Path("dvc.lock"), Path("pipeline/dvc.lock"))
DVC_CACHE = Path(".cache/dvc")  # as .dvc/config has it; also of the lock files as they last were good


def mend_lock_files() -> None:
    """Set aside each dvc.lock that DVC cannot read, for the copy that was last good; where one is good, copy it."""
    for path in LOCK_FILES:
        kept = DVC_CACHE / "-".join(path.parts)
        for each in (path, kept):
            sweep(each)  # here, since a run that finds nothing new writes neither again
        if not path.is_file() or (kept.is_file() and kept.read_bytes() == path.read_bytes()):
            continue
        if _is_good(path):
            _copy(path, kept)
            continue
        aside = _free_name(path)
        path.replace(aside)
        if kept.is_file():
            _copy(kept, path)
        remedy = "DVC goes on from the copy that was last good" if kept.is_file() else "DVC looks at every stage anew"
        print(f"{path} is damaged; it is kept as {aside}, and {remedy}.")


def _is_good(path: Path) -> bool:
    """Tell whether DVC can read a lock file."""
    from dvc.exceptions import DvcException  # some tenths of a second, so only for a file that has changed
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from dvc.utils import strictyaml

    try:
        strictyaml.load(str(path), COMPILED_LOCKFILE_SCHEMA)
    except DvcException:
        return False
    return True


def _free_name(path: Path) -> Path:
    names = (path.with_name(f"{path.name}.damaged{f'-{again}' if again else ''}") for again in itertools.count())
    return next(name for name in names if not name.exists())


def _copy(source: Path, target: Path) -> None:
    with whole_file(target) as temporary:
        shutil.copyfile(source, temporary)
