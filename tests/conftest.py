"""What holds for every test: no tool phones home, no toy run reaches a user's server, and disks can be full."""

import contextlib
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

# Set before anything imports them, and inherited by the commands that tests start.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["DVC_NO_ANALYTICS"] = "true"
os.environ.pop("MLFLOW_TRACKING_URI", None)


@contextlib.contextmanager
def _full_disk(limit: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def full_disk() -> Callable[[int], AbstractContextManager[None]]:
    """Return what lets every file of this process end at a number of bytes, as a full disk or a quota does.

    Only the write in question belongs inside: the test runner's own log may be such a file too.
    """
    return _full_disk
