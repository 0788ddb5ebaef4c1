"""Result files to MLflow: a log of what was run, never an output that anything reads.

An experiment per benchmark, a parent run per detector and settings, a child run per cell. Every run carries its key as
a tag and takes its times from the files, so that what is sent twice appears once. A ledger in .cache/tracking remembers
what each tracking server has; only where it lacks something is mlflow imported at all.
"""

import contextlib
import hashlib
import logging
import os
import re
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from alpa.files import write_json
from alpa.runs import CellRun, DetectorRun, Values, read_json, read_runs

if TYPE_CHECKING:
    from mlflow import MlflowClient

DEFAULT_URI = "sqlite:///mlflow.db"
CLIENT_SETTINGS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # the client's own choice waits four minutes for a dead server
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
WORTH_A_SYNC = 60.0  # seconds that a stage worked; importing mlflow takes some itself, and the report sends the rest
LOCK_SECONDS = 300
QUIET_SECONDS = 3600  # for so long a server that failed is neither tried by the stages nor complained of again
METRICS_PER_REQUEST = 1000
KEY_TAG = "alpa.key"


@dataclass(frozen=True)
class Outcome:
    """How many runs a sync has sent and how many still wait."""

    sent: int
    waiting: int


class Ledger:
    """What a tracking server is known to have: run -> digest of what was sent, in one file per server."""

    def __init__(self, uri: str) -> None:
        folder = Path(".cache/tracking")
        name = hashlib.sha256(uri.encode()).hexdigest()[:16]  # an address may hold a password
        self.path, self.failure, self.lock = (folder / f"{name}.{kind}" for kind in ("json", "failed", "lock"))
        self.database = Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None

    def missing(self, run: DetectorRun) -> dict[str, str]:
        """Return the fingerprints that are new or changed, the run's own and its cells'."""
        sent = self._sent()
        return {key: digest for key, digest in run.fingerprints.items() if sent.get(_entry(run, key)) != digest}

    def count_missing(self, runs: Sequence[DetectorRun]) -> int:
        """Return how many runs, parents and children, the server lacks or has in an older state."""
        return sum(len(self.missing(run)) for run in runs)

    def note(self, run: DetectorRun, sent: Mapping[str, str]) -> None:
        """Remember what of a run was sent."""
        write_json(self.path, self._sent() | {_entry(run, key): digest for key, digest in sent.items()})

    def failed_lately(self) -> bool:
        """Tell whether the server failed within the last hour."""
        return self.failure.exists() and time.time() - self.failure.stat().st_mtime < QUIET_SECONDS

    def forget_lost(self) -> None:
        """Forget what a database had that is gone."""
        if self._lost():
            self.path.unlink(missing_ok=True)

    def _sent(self) -> dict[str, str]:
        return {} if self._lost() else read_json(self.path)

    def _lost(self) -> bool:
        return self.database is not None and not self.database.exists()


def tracking_uri() -> str:
    """Return where runs are logged: MLFLOW_TRACKING_URI, else a database in the project's folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI


def sync(benchmark: str | None = None, insist: bool = False) -> Outcome:
    """Send every finished cell that the tracking server lacks, and the scores and figures that came since.

    MLflow cannot fail the caller: whatever goes wrong costs one warning, and the next sync sends what is left.

    Args:
        benchmark: whose results to send; those of all benchmarks where None.
        insist: try even a server that failed within the last hour.
    """
    uri = tracking_uri()
    ledger = Ledger(uri)
    waiting = left = 0
    try:
        runs = read_runs(benchmark)
        waiting = left = ledger.count_missing(runs)
        if not waiting or (ledger.failed_lately() and not insist):
            return Outcome(0, waiting)
        try:
            _send_all(uri, ledger, runs)
        finally:
            left = ledger.count_missing(runs)
    except Exception as error:  # the results are safe in their files, so nothing that ails their log may stop a run
        _warn(uri, ledger, error, insist)
    return Outcome(waiting - left, left)


def _send_all(uri: str, ledger: Ledger, runs: Sequence[DetectorRun]) -> None:
    """Send what is missing, one process at a time: several that open a fresh database together would break it."""
    ledger.lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(ledger.lock, timeout=LOCK_SECONDS):
        ledger.forget_lost()
        client = _connect(uri)
        for run in runs:
            missing = ledger.missing(run)
            sent: dict[str, str] = {}
            try:
                for key in _send(client, run, missing):
                    sent[key] = missing[key]
            finally:
                if sent:
                    ledger.note(run, sent)
        ledger.failure.unlink(missing_ok=True)


def _connect(uri: str) -> "MlflowClient":
    """Import mlflow, patient and talkative only where the user asks for it, and open its store."""
    for name, value in CLIENT_SETTINGS.items():
        os.environ.setdefault(name, value)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # each of its retries would be a warning of its own
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri)


def _send(client: "MlflowClient", run: DetectorRun, missing: Mapping[str, str]) -> Iterator[str]:
    """Send a detector's missing runs and yield the key of each that is complete, the parent's last."""
    if not missing:
        return
    experiment = _experiment(client, run.benchmark)
    started = min(cell.started for cell in run.cells)
    parent = _open(client, experiment, run.key, started, {"mlflow.runName": run.detector})
    for cell in run.cells:
        if cell.key in missing:
            _send_cell(client, experiment, parent, run, cell)
            yield cell.key
    if run.key in missing:
        _log(client, parent, [(name, value, 0) for name, value in run.means.items()], run.scored)
        for figure in run.figures:
            client.log_artifact(parent, str(figure), "figures")
        last = max(run.cells, key=lambda cell: cell.finished)
        _close(client, parent, run.parameters, last.environment | run.data, last.finished)
        yield run.key


def _send_cell(client: "MlflowClient", experiment: str, parent: str, run: DetectorRun, cell: CellRun) -> None:
    """Send one child run."""
    tags = {"mlflow.runName": f"{run.detector} {cell.folder.name}", "mlflow.parentRunId": parent}
    child = _open(client, experiment, cell.key, cell.started, tags)
    _log(client, child, cell.progress(), cell.finished)
    _log(client, child, [(name, value, 0) for name, value in run.metrics.get(cell.cell, {}).items()], run.scored)
    _close(client, child, cell.parameters, cell.environment | run.data, cell.finished)


def _experiment(client: "MlflowClient", name: str) -> str:
    """Return the id of the experiment of that name, made where it is missing."""
    if found := client.get_experiment_by_name(name):
        return str(found.experiment_id)
    local = client.tracking_uri.startswith("sqlite:")
    folder = (Path("mlartifacts") / name).absolute().as_uri() if local else None
    return str(client.create_experiment(name, artifact_location=folder))


def _open(client: "MlflowClient", experiment: str, key: str, started: int, tags: Mapping[str, str]) -> str:
    """Return the id of the run with this key, made where it is missing."""
    if found := client.search_runs([experiment], f"tags.`{KEY_TAG}` = '{key}'", max_results=1):
        return str(found[0].info.run_id)
    return str(client.create_run(experiment, start_time=started, tags={KEY_TAG: key, **tags}).info.run_id)


def _log(client: "MlflowClient", run: str, values: Values, time_ms: int) -> None:
    """Send metrics; the server drops those that it has with the same time, step and value."""
    from mlflow.entities import Metric

    metrics = [Metric(name, value, time_ms, step) for name, value, step in values]
    for start in range(0, len(metrics), METRICS_PER_REQUEST):
        client.log_batch(run, metrics=metrics[start : start + METRICS_PER_REQUEST])


def _close(
    client: "MlflowClient", run: str, parameters: Mapping[str, str], tags: Mapping[str, str], ended: int
) -> None:
    """Send parameters and tags, and mark the run as finished: now it is complete."""
    from mlflow.entities import Param, RunTag

    params, run_tags = [Param(*item) for item in parameters.items()], [RunTag(*item) for item in tags.items()]
    client.log_batch(run, params=params, tags=run_tags)
    client.set_terminated(run, end_time=ended)


def _warn(uri: str, ledger: Ledger, error: Exception, insist: bool) -> None:
    """Say on stderr that sending failed, unless that was said within the last hour and nobody insists."""
    if insist or not ledger.failed_lately():
        reason = textwrap.shorten(str(error) or type(error).__name__, 160, placeholder=" ...").rstrip(".")
        text = f"warning: MLflow at {uri} failed: {reason}; the next run or `make sync` sends what is left."
        print(re.sub(r"//[^/\s@]+@", "//", text), file=sys.stderr)  # an address may hold a password
    with contextlib.suppress(OSError):
        ledger.failure.parent.mkdir(parents=True, exist_ok=True)
        ledger.failure.touch()


def _entry(run: DetectorRun, key: str) -> str:
    return f"{run.benchmark}/{run.detector}/{key}"
