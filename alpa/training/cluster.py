"""Calls on the workers of a Dask cluster, which needs no file of this machine.

joblib's Dask backend does not do here: it puts a call's arrays into a worker's memory beforehand, where they are lost
with that worker, so that Dask cannot give the call to another.
"""

import contextlib
import functools
import io
import itertools
import pickle
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from alpa.config import RuntimeConfig
from alpa.data.stored import LazyImages
from alpa.errors import AlpaError, ConfigError, ModelError
from alpa.runtime import Runtime, resolve
from alpa.training.progress import Progress
from alpa.training.site import REMEDY, Site, own_site, require_same
from alpa.training.workers import Outcome, timed_call

if TYPE_CHECKING:
    from distributed import Client, Future

CONNECTING = 5  # seconds until a scheduler is taken for absent
ARRIVING = 10  # seconds until its workers are
PATIENCE = 10  # seconds without a result until the workers are counted again
AHEAD = 2  # calls per worker that are sent: one runs, and the next is there when it ends


@functools.cache
def connect(scheduler: str) -> "Client":
    """Return this process's one connection to a scheduler.

    Raises:
        ConfigError: Dask is not installed, or no scheduler answers.
    """
    try:
        import dask
        from distributed import Client
    except ImportError:
        problem = f"runtime.scheduler is {scheduler} but Dask is not installed"
        raise ConfigError(f'{problem}; run `pip install "alpa[dask]"`, or set it to null.') from None
    dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"})  # a call's images are meant to travel
    begin = functools.partial(Client, scheduler, timeout=CONNECTING, set_as_default=False)
    try:
        try:
            return begin()
        except AssertionError:  # a scheduler that is just starting may break off its greeting
            return begin()
    except Exception as error:  # whatever else answers at that address, or is wrong with certificates
        problem = f"No Dask scheduler answers at {scheduler} ({_first_line(error)})"
        raise ConfigError(f"{problem}; start one with `dask scheduler`, or set runtime.scheduler to null.") from None


def inspect_workers(scheduler: str, config: RuntimeConfig) -> tuple[Runtime, int]:
    """Return what `config` comes to on the workers of a cluster, and how many they are.

    Raises:
        ConfigError: Dask is not installed, no scheduler answers, it has no worker, or a worker has other packages or
            other code than this process, several threads, no such device, or another device than the others.
    """
    client = connect(scheduler)
    try:
        client.wait_for_workers(1, timeout=ARRIVING)
    except TimeoutError:
        remedy = f"start one with `dask worker {scheduler} --nthreads 1`"
        raise ConfigError(f"The Dask scheduler at {scheduler} has no worker; {remedy}.") from None
    own = own_site()
    runtimes: dict[Runtime, str] = {}
    for address, answer in _ask(client, config).items():
        if isinstance(answer, AlpaError):
            raise ConfigError(f"{address}: {answer}")
        if isinstance(answer, Exception):
            raise ConfigError(f"{address} cannot run this alpa ({_first_line(answer)}); {REMEDY}.")
        site, runtime = answer
        require_same(site, own, address)
        runtimes.setdefault(runtime, address)
    if len(runtimes) > 1:
        found = " and ".join(f"{address} has {one.device} with {one.precision}" for one, address in runtimes.items())
        raise ConfigError(f"Workers differ: {found}; set runtime.device and runtime.precision, or use one kind.")
    return next(iter(runtimes)), len(client.nthreads())


def _ask(client: "Client", config: RuntimeConfig) -> dict[str, Any]:
    """Return each worker's site and runtime, or its exception; of the scheduler, which unpacks tasks, an exception."""
    try:
        client.run_on_scheduler(_answer_nothing)
    except Exception as error:
        return {"The Dask scheduler": error}
    answers = client.run(_answer, config, on_error="return")
    return {f"Worker {address}": answer for address, answer in answers.items()}


def _answer_nothing() -> None:
    """Show by being there that alpa can be imported."""


def _answer(config: RuntimeConfig, dask_worker: Any) -> tuple[Site, Runtime]:
    return _site_of(dask_worker), resolve(config)


def _site_of(worker: Any) -> Site:
    return replace(own_site(), threads=worker.state.nthreads)


def run_on_cluster(
    function: Callable[..., Any], calls: Sequence[tuple[Any, ...]], scheduler: str, on_gpu: bool, progress: Progress
) -> Iterator[tuple[int, Outcome]]:
    """Call `function` once per tuple of arguments and yield (index, outcome) as they come; see `run_in_workers`.

    Dask gives the call of a dead worker to another, and gives a call up that several workers died of. Where no worker
    is left, it waits for one.

    Raises:
        ConfigError: a worker that came later is unfit.
        ModelError: the scheduler went away, or a call killed several workers.
    """
    client = connect(scheduler)
    waiting = enumerate(calls)
    running: dict[Future, int] = {}
    while True:
        progress.workers = _count_workers(client, scheduler)
        for index, arguments in itertools.islice(waiting, max(0, AHEAD * progress.workers - len(running))):
            running[_send(client, function, arguments, on_gpu)] = index
        if not running:
            return
        for future in _finished(client, list(running), scheduler):
            yield running.pop(future), _result(future, scheduler)


def _count_workers(client: "Client", scheduler: str) -> int:
    with _reachable(scheduler):
        count = len(client.nthreads())
    if not count:
        tqdm.write(f"No worker is left at {scheduler}; waiting for one.")
    return max(1, count)


def _send(client: "Client", function: Callable[..., Any], arguments: tuple[Any, ...], on_gpu: bool) -> "Future":
    sent = tuple(argument.detached() if hasattr(argument, "detached") else argument for argument in arguments)
    call = _packed((function, sent))  # opened by a worker that is fit, and not by the scheduler
    return client.submit(_checked_call, own_site(), call, on_gpu, pure=False)


def _packed(value: Any) -> bytes:
    """Pickle a value with the images of its files, wherever it holds some, instead of the files' paths."""
    import cloudpickle

    class Pickler(cloudpickle.Pickler):
        def reducer_override(self, item: Any) -> Any:
            if isinstance(item, LazyImages):
                return np.asarray, (np.asarray(item),)
            return super().reducer_override(item)

    buffer = io.BytesIO()
    Pickler(buffer, protocol=pickle.HIGHEST_PROTOCOL).dump(value)
    return buffer.getvalue()


def _checked_call(expected: Site, call: bytes, on_gpu: bool) -> Outcome:
    """Open and run a call if this worker, which may have come later than those that were asked, is fit for it."""
    from distributed import get_worker

    worker = get_worker()
    require_same(_site_of(worker), expected, f"Worker {worker.address}")
    function, arguments = pickle.loads(call)  # packed by `_send`: no file, and the link is trusted, see SECURITY.md
    return timed_call(function, arguments, on_gpu)


def _finished(client: "Client", futures: "list[Future]", scheduler: str) -> "set[Future]":
    """Wait for the next result, but not for ever, and return those that are there."""
    from distributed import wait

    with _reachable(scheduler), client.as_current():
        try:
            finished: set[Future] = wait(futures, timeout=PATIENCE, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            return set()
    return finished


def _result(future: "Future", scheduler: str) -> Outcome:
    from distributed.scheduler import KilledWorker

    try:
        outcome: Outcome = future.result()
    except KilledWorker:
        raise ModelError("A call killed each worker of the cluster that it was given to; is memory short?") from None
    except CancelledError:
        raise _lost(scheduler) from None
    return outcome


@contextlib.contextmanager
def _reachable(scheduler: str) -> Iterator[None]:
    """Turn what Dask raises when its scheduler is gone into one sentence."""
    try:
        yield
    except (CancelledError, OSError):
        raise _lost(scheduler) from None


def _lost(scheduler: str) -> ModelError:
    return ModelError(f"The Dask scheduler at {scheduler} went away; what is finished is kept: start it and go on.")


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
