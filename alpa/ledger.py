"""What each tracking server has, kept in .cache/tracking, so that nothing need be asked of a server without need."""

import hashlib
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from alpa.files import write_json
from alpa.runs import RunTree, read_json

WHOLE = "whole"  # beside the runs' keys: the state of the files of which all was sent
QUIET_SECONDS = 3600  # for so long a server that failed is neither tried by the stages nor complained of again


class Ledger:
    """What a tracking server is known to have: run -> digest of what was sent, in one file per server."""

    def __init__(self, uri: str) -> None:
        folder = Path(".cache/tracking")
        name = hashlib.sha256(uri.encode()).hexdigest()[:16]  # an address may hold a password
        self.path, self.failure, self.lock = (folder / f"{name}.{kind}" for kind in ("json", "failed", "lock"))
        self.database = Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None
        if self.database:  # beside it, since other projects may send to the same one
            self.lock = self.database.with_name(f"{self.database.name}.lock")

    def missing(self, tree: RunTree) -> dict[str, str]:
        """Return the fingerprints that are new or changed, of the run above and of those below it.

        Where the state is the one of which all was sent, none are made: a cell's needs its metrics, so pandas.
        """
        sent = self._sent()
        if sent.get(_entry(tree, WHOLE)) == tree.state:
            return {}
        return {key: digest for key, digest in tree.fingerprints.items() if sent.get(_entry(tree, key)) != digest}

    def count_missing(self, trees: Iterable[RunTree]) -> int:
        """Return how many runs, parents and children, the server lacks or has in an older state."""
        return sum(len(self.missing(tree)) for tree in trees)

    def note(self, tree: RunTree, sent: Mapping[str, str]) -> None:
        """Remember what was sent of a run and of those below it."""
        known = self._sent() | {_entry(tree, key): digest for key, digest in sent.items()}
        if all(known.get(_entry(tree, key)) == digest for key, digest in tree.fingerprints.items()):
            known[_entry(tree, WHOLE)] = tree.state
        write_json(self.path, known)

    def failed_lately(self) -> bool:
        """Tell whether the server failed within the last hour."""
        ago = time.time() - self.failure.stat().st_mtime if self.failure.exists() else QUIET_SECONDS
        return 0 <= ago < QUIET_SECONDS  # a failure of the future is one of a clock that was wrong

    def forget_lost(self) -> None:
        """Forget what a database had that is gone, or empty."""
        if self._lost():
            self.path.unlink(missing_ok=True)

    def _sent(self) -> dict[str, str]:
        return {} if self._lost() else read_json(self.path)

    def _lost(self) -> bool:
        return self.database is not None and not (self.database.is_file() and self.database.stat().st_size)


def _entry(tree: RunTree, key: str) -> str:
    return f"{tree.benchmark}/{tree.name}/{key}"
