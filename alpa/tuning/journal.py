"""A study's journal: an Optuna file that is read only when it is whole, sealed against loss, and never overwritten."""

import contextlib
import hashlib
import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from alpa.errors import StudyError
from alpa.files import require_file

FOLDER = Path(".cache/studies")
LOCK_SECONDS = 1.0  # that a lock on a journal may be held before it counts as left behind


def study_path(benchmark: str, detector: str, study: str | None = None) -> Path:
    """Return the journal of a study, whose name is the file's."""
    return FOLDER / f"{'-'.join(name for name in (benchmark, detector, study) if name)}.journal"


def held_study(path: Path) -> optuna.Study | None:
    """Return the study that a journal holds; None where there is none, or a damaged one, which is then set aside."""
    if not path.exists() or (path.is_file() and not path.stat().st_size):  # as killed before the first line
        return None
    try:
        return _load(path)
    except StudyError as error:
        aside = set_aside(path, path.suffix, ".damaged")
        reason = str(error).rpartition(";")[0]
        print(f"{reason}; it is kept as {aside}, and the study begins anew with the finished cells of its trials.")
        return None


def set_aside(path: Path, mark: str, suffix: str) -> Path:
    """Rename a journal, to <name><mark>[-<number>]<suffix> where there is none yet, and return its new path."""
    names = (path.with_name(f"{path.stem}{mark}{f'-{again}' if again else ''}{suffix}") for again in itertools.count())
    return path.replace(next(name for name in names if not name.exists()))


def _load(path: Path) -> optuna.Study:
    try:
        require_file(path)
        content = path.read_bytes()
        for line in content.split(b"\n")[-2:-1]:
            json.loads(line)  # Optuna does not mind a bad last line until another follows it
        study = optuna.load_study(storage=journal_storage(path), study_name=path.name.partition(".")[0])
        sealed = study.user_attrs.get("seal", {"bytes": 0, "sha256": None})
        if sealed["sha256"] not in (None, hashlib.sha256(content[: sealed["bytes"]]).hexdigest()):
            raise ValueError("a line of it is lost or changed")
        return study
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError, OSError) as error:
        text = getattr(error, "strerror", None) or str(error)
        reason = text.splitlines()[0].strip("'\" .") if text else type(error).__name__
        raise StudyError(f"{path} is no journal of study {path.stem} ({reason}); move it away.") from None


def seal(study: optuna.Study, path: Path) -> None:
    """Note in a journal a digest of what it holds, which a line that gets lost or changed later breaks.

    Optuna would take the rest for a study, whose trials then were others. What is added later is no damage.
    """
    content = path.read_bytes()
    study.set_user_attr("seal", {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()})


def journal_storage(path: Path) -> JournalStorage:
    """Return Optuna's storage of a journal."""
    return JournalStorage(JournalFileBackend(str(path.absolute())))


def drop_stale_lock(path: Path) -> None:
    """Remove the lock that a killed process left on a journal; a living one holds it for the time of a line."""
    lock = path.with_name(f"{path.name}.lock")
    with contextlib.suppress(FileNotFoundError):
        before = lock.lstat().st_mtime_ns  # and not its inode, which the next lock gets again
        time.sleep(LOCK_SECONDS)
        if lock.lstat().st_mtime_ns == before:
            lock.unlink()


def drop_torn_line(path: Path) -> None:
    """Cut off what a killed process left of a line, so that the next one does not grow onto it."""
    content = path.read_bytes()
    if content and not content.endswith(b"\n"):
        with path.open("rb+") as file:
            file.truncate(content.rfind(b"\n") + 1)


def copy_studies(folder: Path, target: Path) -> tuple[JournalStorage, int]:
    """Copy every study of a folder's journals into one new journal; return its storage and how many they are.

    Raises:
        StudyError: a journal is damaged, or there is none.
    """
    storage = journal_storage(target)
    paths = sorted(folder.glob("*.journal"))
    if not paths:
        raise StudyError(f"{folder} holds no study; run `make repro` or `make tune TRIALS=30`.")
    with quiet():
        for path in paths:
            optuna.copy_study(
                from_study_name=_load(path).study_name,
                from_storage=journal_storage(path),
                to_storage=storage,
                to_study_name=path.stem,
            )
    return storage, len(paths)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep Optuna from telling of every trial: the progress bar does."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
