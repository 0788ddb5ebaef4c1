"""Commands as forks of one process that has imported what they need, so that a fault hits work and not an import.

`python -m pipeline.train faults alpa` takes three seconds, most of which torch takes to be imported, and DVC starts
such a command per stage. A fork begins where the imports end. All else is as users have it: processes, their groups,
arguments, exit codes, files. One run by the plain commands must give the same bytes, which a test checks.
"""

import contextlib
import fcntl
import gc
import importlib
import os
import runpy
import shlex
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# What the stages, DVC and MLflow import; the stages themselves are run anew each time.
IMPORTED = (
    *("torch", "torch._dynamo", "safetensors.torch", "pandas", "pyarrow.parquet", "scipy.stats", "sklearn.metrics"),
    *("sklearn.datasets", "optuna", "joblib"),
    *("matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg", "matplotlib.figure"),
    *("dvc.cli", "dvc.repo.reproduce", "dvc.commands.repro", "dvc.stage.run", "dvc.stage.cache", "dvc_data.index"),
    *("dvc.output", "dvc.dependency.param", "dvc.parsing", "dvc.rwlock", "mlflow.tracking.client"),
    *("mlflow.store.tracking.sqlalchemy_store", "mlflow.server", "mlflow.store.db.utils"),
    *("alpa.evaluation.sweep", "alpa.evaluation.evidence", "alpa.evaluation.leaderboard", "alpa.evaluation.readings"),
    *("alpa.reporting.benchmark", "alpa.reporting.studies", "alpa.reporting.page", "alpa.tuning.prepare"),
    *("alpa.tuning.study", "alpa.training.workers", "alpa.data.clips", "alpa.data.download", "alpa.data.folders"),
)
PIPE_BYTES = 1 << 20  # that a command may print before somebody reads
F_SETPIPE_SZ = 1031

Step = Callable[[], None]


def warm_up() -> None:
    """Import what commands need, with one thread each: threads do not survive a fork."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    os.environ["MPLBACKEND"] = "agg"
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in IMPORTED:
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # else each fork's first collection copies all memory


@dataclass
class Running:
    """A started command; it leads a process group of its own."""

    pid: int
    pipe: int
    ended: int | None = None
    printed: list[bytes] = field(default_factory=list)
    closed: bool = False

    def poll(self) -> int | None:
        """Return the exit code, None as long as it runs."""
        if self.ended is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.ended = os.waitstatus_to_exitcode(status) if pid else None
        return self.ended

    def wait(self, seconds: float) -> int:
        """Return the exit code; kill the group and raise TimeoutError where it takes longer than so many seconds."""
        deadline = time.monotonic() + seconds
        while self.poll() is None:
            if time.monotonic() > deadline:
                self.kill_group()
                raise TimeoutError(f"no end after {seconds} seconds: {self.log()[-2000:]}")
            time.sleep(0.005)
        assert self.ended is not None
        return self.ended

    def kill(self) -> None:
        """Kill the process alone."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self.wait(10)

    def kill_group(self) -> None:
        """Kill the process and all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        while self.poll() is None:
            time.sleep(0.001)

    def log(self) -> str:
        """Return what it has printed so far."""
        with contextlib.suppress(BlockingIOError):
            while not self.closed and (chunk := os.read(self.pipe, PIPE_BYTES)):
                self.printed.append(chunk)
        return b"".join(self.printed).decode(errors="replace")

    def close(self) -> None:
        """End what is left of its group, and let go of its pipe."""
        self.kill_group()
        self.log()
        self.closed = True
        os.close(self.pipe)


def start(
    folder: Path,
    commands: Sequence[Sequence[str]],
    environment: Mapping[str, str],
    before: Step | None = None,
    in_stages: Step | None = None,
) -> Running:
    """Start commands, modules with their arguments, one after the other as make does, until one fails.

    Args:
        folder: where they run.
        commands: each as behind `python -m`; without any, `before` is all that is done.
        environment: all of it.
        before: is done in the first process.
        in_stages: is done in each process that runs a module of the pipeline.
    """
    ours, theirs = os.pipe()
    fcntl.fcntl(ours, F_SETPIPE_SZ, PIPE_BYTES)
    os.set_blocking(ours, False)
    _flush()
    pid = os.fork()
    if pid:
        os.close(theirs)
        return Running(pid, ours)
    os.setsid()
    for number in (1, 2):
        os.dup2(theirs, number)

    def work() -> int:
        if before is not None:
            before()
        for command in commands[:-1]:
            if code := _in_a_fork(folder, command, environment, in_stages):
                return code
        return _run_module(folder, commands[-1], environment, in_stages) if commands else 0

    _leave(work)


def call(function: Step) -> None:
    """Call a function in a fork, to its end."""
    _flush()
    pid = os.fork()
    if not pid:
        _leave(lambda: function() or 0)
    assert os.waitpid(pid, 0)[1] == 0, f"{function.__name__} failed"


def _in_a_fork(
    folder: Path,
    command: Sequence[str],
    environment: Mapping[str, str],
    in_stages: Step | None,
    closing: bool = False,
) -> int:
    """Run a module in a fork, which holds no lock of this process where it is `closing`, as a new program does."""
    _flush()
    pid = os.fork()
    if not pid:
        gc.freeze()  # else it may close connections to databases that this process has open
        if closing:
            _close_locks()
        _leave(lambda: _run_module(folder, command, environment, in_stages))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _leave(work: Callable[[], int]) -> Any:
    """Do the work of a fork and end it, without what this process does at its end."""
    code = 1
    try:
        code = work()
    except BaseException:
        traceback.print_exc()
    finally:
        _flush()
        os._exit(code)


def _run_module(folder: Path, command: Sequence[str], environment: Mapping[str, str], in_stages: Step | None) -> int:
    """Run a module as `python -m` does, in this process, and return its exit code."""
    module, *arguments = command
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    if "dvc" in command:
        _fork_stages(in_stages)
    elif in_stages is not None:
        in_stages()
    sys.argv = [module, *arguments]
    warnings.filterwarnings("ignore", "'.*' found in sys.modules", RuntimeWarning)
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
            return 1
        return int(end.code or 0)
    return 0


def _fork_stages(in_stages: Step | None) -> None:
    """Have DVC fork this process where it would start another Python for a stage."""
    from dvc.stage import run
    from dvc.stage.exceptions import StageCmdFailedError

    plain = run._run

    def forked(executable: str, cmd: str, *, cwd: str, env: dict[str, str], **options: Any) -> None:
        python, *words = shlex.split(cmd)
        if (python, *words[:1]) != ("python", "-m"):
            plain(executable, cmd, cwd=cwd, env=env, **options)
        elif code := _in_a_fork(Path(cwd), words[1:], env, in_stages, closing=True):
            raise StageCmdFailedError(cmd, code)

    run._run = forked


def _close_locks() -> None:
    for path in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            if path.readlink().name.endswith("lock"):
                os.close(int(path.name))


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
