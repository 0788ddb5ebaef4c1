"""Which GPU a worker process uses: the least taken of its machine, by locks that end with the process."""

import functools
import getpass
import itertools
import os
import tempfile
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from alpa.errors import ConfigError

_held: list[FileLock] = []  # until the process ends: a lock that is collected is released


def take_gpu() -> None:
    """Make this process's GPU the current one of this thread; the first call chooses it, for as long as it lives.

    Raises:
        ConfigError: torch sees no GPU.
    """
    torch.cuda.set_device(_own_gpu())


@functools.cache
def _own_gpu() -> int:
    """Take the first free slot and return its GPU's index; every GPU's first slot comes before any GPU's second."""
    gpus = _visible_gpus()
    if not gpus:
        raise ConfigError("runtime.device is 'cuda' but torch sees no GPU; choose auto or cpu.")
    folder = Path(tempfile.gettempdir()) / f"alpa-gpus-{getpass.getuser()}"
    folder.mkdir(exist_ok=True)
    for row in itertools.count():
        for index, name in enumerate(gpus):
            slot = FileLock(folder / f"{name}-{row}.lock", timeout=0)
            try:
                slot.acquire()
            except Timeout:
                continue
            _held.append(slot)
            return index
    raise AssertionError("there is always one more row")


def _visible_gpus() -> list[str]:
    """Return what the machine calls the GPUs that torch sees here, in torch's order."""
    count = torch.cuda.device_count()
    named = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return (named or [str(index) for index in range(count)])[:count]
