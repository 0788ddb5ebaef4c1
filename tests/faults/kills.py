"""Faults of processes: the whole group, DVC alone, a worker alone or the tracking server is killed; two run at once."""

import contextlib
import os
import shutil
import time
import urllib.request
from pathlib import Path

import psutil

from tests.faults import warm
from tests.faults.attempt import Attempt, free_port, pause
from tests.faults.undisturbed import SECONDS, finishing

BUSY = 6.0  # seconds of a processor that a worker takes at most, most of them for its imports
WITH_WORKERS = ("tune", "train", "evaluate", "sweep")


def group_killed(attempt: Attempt) -> bool:
    """Kill DVC and all that it started."""
    attempt.interrupt()
    attempt.look()
    return attempt.finish()


def only_dvc_killed(attempt: Attempt) -> bool:
    """Kill DVC, not the stage that it started, and type the command again while that stage is still at work."""
    with attempt.running() as running:
        pause(running, attempt.moment())
        running.kill()
        return attempt.finish()


def only_a_worker_killed(attempt: Attempt) -> bool | None:
    """Kill one of two worker processes, at any time from its start to the end of its work."""
    if attempt.stage.name not in WITH_WORKERS:
        return None
    busy = float(attempt.random.uniform(0, BUSY))
    while not _is_a_worker_killed(attempt, busy):
        busy /= 2  # none lived for so long
        attempt.start_anew()
    attempt.look()
    return attempt.finish()


def _is_a_worker_killed(attempt: Attempt, busy: float) -> bool:
    """Run the stage and kill a worker as soon as it was busy for so many seconds; tell whether there was one."""
    attempt.project.edit({"runtime.workers": 2})
    killed = False
    with attempt.running(in_stages=use_all_workers) as running:
        while running.poll() is None and not killed:
            for process in workers_of(running.pid):
                with contextlib.suppress(psutil.NoSuchProcess):
                    if not killed and sum(process.cpu_times()[:2]) >= busy:
                        process.kill()
                        killed = True
            time.sleep(0.01)
        attempt.wrong += [] if running.wait(SECONDS) == 0 else ["the stage did not survive its worker"]
    return killed


def workers_of(pid: int) -> list[psutil.Process]:
    """Return the worker processes below a process."""
    found = []
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in psutil.Process(pid).children(recursive=True):
            if "popen_loky" in " ".join(process.cmdline()):
                found.append(process)
    return found


def use_all_workers() -> None:
    """Start workers even where a stage has too little work to be worth one."""
    from alpa.training.workers import Pool

    Pool.at_most = lambda pool, useful: pool  # type: ignore[method-assign]


def only_the_server_killed(attempt: Attempt) -> bool:
    """Kill the tracking server while the stage runs and sends; when it is back, it gets all that it missed."""
    port, server_folder = free_port(), attempt.folder.parent / "server"
    server_folder.mkdir()
    shutil.copy(attempt.undisturbed.database, server_folder / "server.db")
    attempt.environment["MLFLOW_TRACKING_URI"] = f"http://127.0.0.1:{port}"
    server = serve(server_folder, port)
    try:
        with attempt.running(in_stages=send_at_once) as running:
            pause(running, attempt.moment())
            server.kill_group()
            attempt.wrong += [] if running.wait(SECONDS) == 0 else ["the stage did not survive the server"]
    finally:
        server.close()
    attempt.look()
    survived = attempt.finish()
    if attempt.stage.finish:
        return survived
    server = serve(server_folder, port)
    try:
        attempt.wrong += [] if attempt.run(("pipeline.sync", "insist")) == 0 else ["the server did not get all"]
    finally:
        server.close()
    return survived


def send_at_once() -> None:
    """Send results to the tracking server after short stages too."""
    import alpa.tracking

    alpa.tracking.WORTH_A_SYNC = 0.0


def serve(folder: Path, port: int) -> warm.Running:
    """Start an MLflow server on a database in the folder, and wait for it."""

    def answer() -> None:
        from mlflow.server import app
        from werkzeug.serving import make_server

        os.environ["_MLFLOW_SERVER_FILE_STORE"] = f"sqlite:///{folder}/server.db"
        os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"] = str(folder / "artifacts")

        make_server("127.0.0.1", port, app, threaded=True).serve_forever()

    server = warm.start(folder, (), {}, before=answer)
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
            return server
        except OSError:
            assert server.poll() is None, server.log()
            time.sleep(0.05)
    raise TimeoutError(server.log())


def two_at_once(attempt: Attempt) -> bool:
    """Type `make repro` twice, the second time a little later; both must succeed."""
    commands = finishing(attempt.stage, attempt.whole)
    with attempt.running(*commands) as first:
        pause(first, float(attempt.random.uniform(0, 0.5)) if attempt.number else 0.0)
        with attempt.running(*commands) as second:
            codes = [first.wait(SECONDS), second.wait(SECONDS)]
    attempt.wrong += [f"one of two ended with {code}" for code in codes if code]
    return attempt.finish()
