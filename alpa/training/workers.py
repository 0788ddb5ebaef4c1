"""Where calls run: side by side in processes of this machine, or on the workers of a Dask cluster."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import joblib
import torch
from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky.process_executor import TerminatedWorkerError

from alpa.config import RuntimeConfig
from alpa.errors import ModelError
from alpa.runtime import Runtime, keep_freed_memory, resolve
from alpa.training.progress import Progress

Outcome = tuple[Any, float]  # what a call returned, and the seconds it took
ROUNDS = 3


@dataclass(frozen=True)
class Pool:
    """Where calls run; it changes no result.

    `workers` processes of this machine, or as many of the Dask cluster at `scheduler`, which may grow and shrink.
    """

    workers: int = 1
    scheduler: str | None = None
    on_gpu: bool = False  # each worker takes a GPU of its machine first

    def at_most(self, useful: int) -> "Pool":
        """Return it with no more processes of this machine than are worth the seconds that one takes to start."""
        return self if self.scheduler else replace(self, workers=max(1, min(self.workers, useful)))


def open_pool(config: RuntimeConfig) -> tuple[Runtime, Pool]:
    """Return how exactly cells run, and where: `auto` is what this machine has or, of a cluster, what its workers have.

    Raises:
        ConfigError: CUDA is asked for and not there, or the cluster is not there or unfit; see `alpa.training.cluster`.
    """
    if config.scheduler is not None:
        from alpa.training.cluster import inspect_workers

        runtime, workers = inspect_workers(config.scheduler, config)
        return runtime, Pool(workers, config.scheduler, runtime.device == "cuda")
    runtime = resolve(config)
    return runtime, Pool(worker_count(config, runtime), on_gpu=runtime.device == "cuda")


def worker_count(config: RuntimeConfig, runtime: Runtime) -> int:
    """Return how many processes work side by side: as asked, or one per core; on GPUs a few on each, as configured.

    Args:
        config: may ask for a number.
        runtime: tells the device and the threads of each.
    """
    own = joblib.cpu_count() // runtime.threads
    if runtime.device == "cuda":
        own = min(own, config.workers_per_gpu * torch.cuda.device_count())
    return config.workers or max(1, own)


def run_in_workers(
    function: Callable[..., Any], calls: Sequence[tuple[Any, ...]], pool: Pool, title: str = "", done: int = 0
) -> Iterator[tuple[int, Any]]:
    """Call `function` once per tuple of arguments and yield (index, result) as results come.

    What a dead worker left undone is given to another; any other error ends the run at once. A single worker of this
    machine, or a single call, is this process itself: if that is killed, so is the run, and what it yielded is safe.

    Args:
        function: is called in a worker, and needs no file system in common with this process.
        calls: its arguments; one with a method `detached`, which returns the same without files behind it, is sent to
            another machine as that returns it, when its turn comes.
        pool: where calls run.
        title: names the run in a progress bar; without one there is no bar.
        done: how many calls more the bar counts as done already.

    Raises:
        ModelError: workers died again and again, or the cluster's scheduler went away.
    """
    workers = min(pool.workers, len(calls))
    with Progress(title, done + len(calls), done, workers, disable=not (title and calls)) as progress:
        if pool.scheduler is not None:
            from alpa.training.cluster import run_on_cluster

            outcomes = run_on_cluster(function, calls, pool.scheduler, pool.on_gpu, progress)
        else:
            outcomes = _run_here(function, calls, pool)
        for index, (result, seconds) in outcomes:
            yield index, result
            progress.finish(seconds)


def _run_here(
    function: Callable[..., Any], calls: Sequence[tuple[Any, ...]], pool: Pool
) -> Iterator[tuple[int, Outcome]]:
    waiting = dict(enumerate(calls))
    fewest = 1
    for _ in range(ROUNDS):
        if not waiting:
            return
        try:
            with parallel_config(backend="loky", inner_max_num_threads=1):
                jobs = [delayed(_with_index)(index, function, args, pool.on_gpu) for index, args in waiting.items()]
                workers = max(fewest, min(pool.workers, len(jobs)))
                parallel = Parallel(n_jobs=workers, return_as="generator_unordered", max_nbytes=None)
                for index, outcome in parallel(jobs):
                    del waiting[index]
                    yield index, outcome
            return
        except TerminatedWorkerError:
            fewest = 2  # joblib takes this process for a single worker, and what killed one would kill it
    raise ModelError(f"Worker processes were killed {ROUNDS} times; is memory short? Set runtime.workers to 1.")


def _with_index(
    index: int, function: Callable[..., Any], arguments: tuple[Any, ...], on_gpu: bool
) -> tuple[int, Outcome]:
    return index, timed_call(function, arguments, on_gpu)


def timed_call(function: Callable[..., Any], arguments: tuple[Any, ...], on_gpu: bool) -> Outcome:
    """Call a function in this process, on the GPU that is its own, and return the result with the seconds it took."""
    if on_gpu:
        from alpa.training.gpus import take_gpu

        take_gpu()
    keep_freed_memory()
    started = time.monotonic()
    result = function(*arguments)
    return result, time.monotonic() - started
