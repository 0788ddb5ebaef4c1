"""Read damaged files: every one is refused with an error of ours, or is valid; nothing else happens, and soon."""

import contextlib
import resource
import shutil
import signal
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import yaml

from alpa.errors import AlpaError
from tests.fuzz.mutations import damaged, revalued
from tests.fuzz.readers import Reader

DEADLINE = 5.0  # seconds for one file; a busy machine takes its time
MEMORY = 2 * 2**30  # bytes that reading may take beyond what the process had


class Hung(BaseException):
    """A file took too long; nothing that catches exceptions catches this one."""


@dataclass
class Tally:
    """What became of a reader's files; `others` counts what should not be, by a line that tells it."""

    accepted: int = 0
    refused: int = 0
    others: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    slowest: float = 0.0

    @property
    def executions(self) -> int:
        """How many files were read."""
        return self.accepted + self.refused + sum(self.others.values())


def fuzz(reader: Reader, goes_on: Callable[[Tally], bool], seed: int = 0) -> Tally:
    """Read damaged files as long as it goes on; equal seeds give equal files."""
    tally, started, random = Tally(), time.monotonic(), Random(seed)
    files = reader.files()
    values = [yaml.safe_load(content) for content in files if reader.text]
    with _workplace(reader, tally) as read:
        while goes_on(tally):
            whole = bool(values) and random.random() < 0.5
            read(revalued(random, random.choice(values), reader.text == "yaml") if whole else damaged(random, files))
            tally.seconds = time.monotonic() - started
    return tally


def read_files(reader: Reader, files: Iterable[bytes]) -> Tally:
    """Read these files."""
    tally = Tally()
    with _workplace(reader, tally) as read:
        for content in files:
            read(content)
    return tally


@contextlib.contextmanager
def _workplace(reader: Reader, tally: Tally) -> Iterator[Callable[[bytes], None]]:
    """Yield what puts a file where it belongs, reads it, and tells the tally what became of it."""
    with tempfile.TemporaryDirectory() as name, _quiet():
        kept, folder = Path(name, "kept"), Path(name, "read")
        (kept / reader.name).parent.mkdir(parents=True)
        reader.with_beside(kept)

        def read(content: bytes) -> None:
            if not folder.exists():
                shutil.copytree(kept, folder)
            (folder / reader.name).write_bytes(content)
            before = _names(folder)
            _read_one(reader, folder, tally)
            if reader.writes:
                shutil.rmtree(folder)
            elif _names(folder) != before:
                tally.others[f"it wrote {min(_names(folder) ^ before)}"] += 1

        yield read


def _read_one(reader: Reader, folder: Path, tally: Tally) -> None:
    started = time.monotonic()
    try:
        with _bounded_time():
            reader.read(folder)
        tally.accepted += 1
    except AlpaError as error:
        text = str(error)
        if "\n" in text:
            tally.others[f"an error of several lines: {text[:80]!r}"] += 1
        else:
            tally.refused += 1
    except (Exception, Hung) as error:
        tally.others[_told(error)] += 1
    tally.slowest = max(tally.slowest, time.monotonic() - started)


def _told(error: BaseException) -> str:
    """Return one line that tells an exception: its kind, its text, and the last line of alpa that it went through."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/alpa/" in frame.filename]
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "outside"
    return f"{type(error).__name__} at {where}: {' '.join(str(error).split())[:120]}"


def _names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


@contextlib.contextmanager
def _bounded_time() -> Iterator[None]:
    def hang(signal_number: int, frame: object) -> None:
        raise Hung(f"no end after {DEADLINE:g} seconds")

    before = signal.signal(signal.SIGALRM, hang)
    signal.setitimer(signal.ITIMER_REAL, DEADLINE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def bounded_memory() -> Iterator[None]:
    """Let this process have no more than MEMORY beyond what it has: what asks for more gets a MemoryError."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep libraries' warnings of damaged files to themselves."""
    with warnings.catch_warnings(), open("/dev/null", "w") as nowhere:
        warnings.simplefilter("ignore")
        with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
            yield
