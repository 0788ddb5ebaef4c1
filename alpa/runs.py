"""Result files as runs to be logged: what is logged of one, and what cells, trials and those above them share."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from alpa.files import read_text


class Value(NamedTuple):
    """A metric at a step, with its time in milliseconds since 1970; None is the time when its run began."""

    name: str
    value: float
    step: int = 0
    time: int | None = None


@dataclass(frozen=True)
class Run:
    """What is logged of a run; of one that is logged again, its start and its parameters stay as they were.

    Two with equal keys are the same run. Times are in milliseconds since 1970; `finished` is None where only one is
    known. `values` reads the metrics, which is work, and is called only when the run is sent.
    """

    key: str
    name: str
    started: int
    finished: int | None
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    values: Callable[[], Iterable[Value]]
    figures: tuple[Path, ...] = ()


class RunTree(Protocol):
    """A run with others below it, all in their benchmark's experiment."""

    @property
    def benchmark(self) -> str:
        """The benchmark's key."""

    @property
    def name(self) -> str:
        """The name of the run above."""

    @property
    def state(self) -> str:
        """A digest of all files that it is read from; as long as it stays, so do the fingerprints."""

    @property
    def fingerprints(self) -> Mapping[str, str]:
        """Key -> digest of all that there is to log, for each run below and for the one above."""

    @property
    def parent(self) -> Run:
        """The run above."""

    @property
    def children(self) -> Sequence[Run]:
        """The runs below."""


def modified(path: Path) -> int:
    """Return when a file was last changed, in milliseconds since 1970."""
    return path.stat().st_mtime_ns // 1_000_000


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON object, empty where the file is missing or holds something else."""
    try:
        value = json.loads(read_text(path))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return nested mappings as one, with dotted names and text as values.

    >>> flat({"device": "cpu", "versions": {"torch": "2.14.1"}})
    {'device': 'cpu', 'versions.torch': '2.14.1'}
    """
    result: dict[str, str] = {}
    for name, value in values.items():
        result |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": str(value)}
    return result


def digest(*parts: Path | Mapping[str, Any] | str | None) -> str:
    """Return a digest of files' bytes and of JSON values."""
    total = hashlib.sha256()
    for part in parts:
        content = part.read_bytes() if isinstance(part, Path) else json.dumps(part, sort_keys=True).encode()
        total.update(hashlib.sha256(content).digest())
    return total.hexdigest()[:32]
