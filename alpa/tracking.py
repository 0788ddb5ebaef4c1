"""Result files to MLflow: a log of what was run, never an output that anything reads.

An experiment per benchmark. In it a parent run per detector and settings, with a child run per cell, and a parent run
per study, with a child run per trial. Every run carries its key as a tag and takes its times from the files, so that
what is sent twice appears once. A ledger remembers what each tracking server has; only where it lacks something is
mlflow imported at all.
"""

import contextlib
import logging
import os
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from alpa.cell_runs import read_detector_runs
from alpa.database import ensure_database, is_damaged
from alpa.errors import redacted
from alpa.ledger import Ledger
from alpa.runs import Run, RunTree, Value
from alpa.trial_runs import read_study_runs

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import RunInfo

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
METRICS_PER_REQUEST = 1000
KEY_TAG = "alpa.key"


@dataclass(frozen=True)
class Outcome:
    """How many runs a sync has sent and how many still wait."""

    sent: int
    waiting: int


def tracking_uri() -> str:
    """Return where runs are logged: MLFLOW_TRACKING_URI, else a database in the project's folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI


def sync(benchmark: str | None = None, insist: bool = False) -> Outcome:
    """Send every finished cell and trial that the tracking server lacks, and the scores and figures that came since.

    MLflow cannot fail the caller: whatever goes wrong costs one warning, and the next sync sends what is left.

    Args:
        benchmark: whose results to send; those of all benchmarks where None.
        insist: try even a server that failed within the last hour.
    """
    uri = tracking_uri()
    ledger = Ledger(uri)
    waiting = left = 0
    try:
        trees = read_trees(benchmark)
        waiting = left = ledger.count_missing(trees)
        if not waiting or (ledger.failed_lately() and not insist):
            return Outcome(0, waiting)
        try:
            _send_all(uri, ledger, trees)
        finally:
            left = ledger.count_missing(trees)
    except Exception as error:  # the results are safe in their files, so nothing that ails their log may stop a run
        _warn(uri, ledger, error, insist)
    return Outcome(waiting - left, left)


def read_trees(benchmark: str | None = None) -> list[RunTree]:
    """Return what there is to log of a benchmark, or of all where None: detectors first, since results matter most."""
    return [*read_detector_runs(benchmark), *read_study_runs(benchmark)]


def _send_all(uri: str, ledger: Ledger, trees: Sequence[RunTree]) -> None:
    """Send what is missing, one process at a time: several that open a fresh database together would break it."""
    ledger.lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(ledger.lock, timeout=LOCK_SECONDS):
        ledger.forget_lost()
        client = _connect(uri, ledger.database)
        for tree in trees:
            missing = ledger.missing(tree)
            sent: dict[str, str] = {}
            try:
                for key in _send(client, tree, missing):
                    sent[key] = missing[key]
            finally:
                if sent:
                    ledger.note(tree, sent)
        ledger.failure.unlink(missing_ok=True)


def _connect(uri: str, database: Path | None) -> "MlflowClient":
    """Import mlflow, patient and talkative only where the user asks for it, and open its store."""
    for name, value in CLIENT_SETTINGS.items():
        os.environ.setdefault(name, value)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # each of its retries would be a warning of its own
    from mlflow import MlflowClient

    if database:
        ensure_database(database)
    return MlflowClient(tracking_uri=uri)


def _send(client: "MlflowClient", tree: RunTree, missing: Mapping[str, str]) -> Iterator[str]:
    """Send what is missing of a run and of those below it, and yield the key of each that is complete, its own last."""
    if not missing:
        return
    experiment = _experiment(client, tree.benchmark)
    parent = tree.parent
    above = _open(client, experiment, parent, {})
    for child in tree.children:
        if child.key in missing:
            _fill(client, _open(client, experiment, child, {"mlflow.parentRunId": above.run_id}), child)
            yield child.key
    if parent.key in missing:
        _fill(client, above, parent)
        yield parent.key


def _experiment(client: "MlflowClient", name: str) -> str:
    """Return the id of the experiment of that name, made where it is missing."""
    if found := client.get_experiment_by_name(name):
        return str(found.experiment_id)
    local = client.tracking_uri.startswith("sqlite:")
    folder = (Path("mlartifacts") / name).absolute().as_uri() if local else None
    return str(client.create_experiment(name, artifact_location=folder))


def _open(client: "MlflowClient", experiment: str, run: Run, tags: Mapping[str, str]) -> "RunInfo":
    """Return the server's run with this key, made where it is missing."""
    if found := client.search_runs([experiment], f"tags.`{KEY_TAG}` = '{run.key}'", max_results=1):
        return found[0].info
    tags = {KEY_TAG: run.key, "mlflow.runName": run.name, **tags}
    return client.create_run(experiment, start_time=run.started, tags=tags).info


def _fill(client: "MlflowClient", opened: "RunInfo", run: Run) -> None:
    """Send all that there is to log of a run."""
    _log(client, opened, run.values())
    for figure in run.figures:
        client.log_artifact(opened.run_id, str(figure), "figures")
    _close(client, opened, run)


def _log(client: "MlflowClient", opened: "RunInfo", values: Iterable[Value]) -> None:
    """Send metrics; the server drops those that it has with the same time, step and value."""
    from mlflow.entities import Metric

    metrics = [
        Metric(name, value, opened.start_time if time is None else time, step) for name, value, step, time in values
    ]
    for start in range(0, len(metrics), METRICS_PER_REQUEST):
        client.log_batch(opened.run_id, metrics=metrics[start : start + METRICS_PER_REQUEST])


def _close(client: "MlflowClient", opened: "RunInfo", run: Run) -> None:
    """Send parameters and tags, and mark the run as finished: now it is complete."""
    from mlflow.entities import Param, RunTag

    params, tags = [Param(*item) for item in run.parameters.items()], [RunTag(*item) for item in run.tags.items()]
    client.log_batch(opened.run_id, params=params, tags=tags)
    client.set_terminated(opened.run_id, end_time=opened.start_time if run.finished is None else run.finished)


def _warn(uri: str, ledger: Ledger, error: Exception, insist: bool) -> None:
    """Say on stderr that sending failed, unless that was said within the last hour and nobody insists."""
    if insist or not ledger.failed_lately():
        damaged = ledger.database is not None and is_damaged(ledger.database, str(error))
        reason = redacted(str(error)) or type(error).__name__  # before it is cut, which might halve an address
        reason = textwrap.shorten(reason, 160, placeholder=" ...").rstrip(".")
        remedy = "the next run or `make sync` sends what is left"
        if damaged:
            reason, remedy = f"{ledger.database} is damaged", "move it away, and `make sync` logs all results anew"
        print(redacted(f"warning: MLflow at {uri} failed: {reason}; {remedy}."), file=sys.stderr)
    with contextlib.suppress(OSError):
        ledger.failure.parent.mkdir(parents=True, exist_ok=True)
        ledger.failure.touch()
