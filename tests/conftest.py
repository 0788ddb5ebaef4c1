"""What holds for every test: no tool phones home, no toy run reaches a user's server, and disks can be full."""

import contextlib
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

# Set before anything imports them, and inherited by the commands that tests start.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["DVC_NO_ANALYTICS"] = "true"
os.environ.pop("MLFLOW_TRACKING_URI", None)
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run side by side

ROOT = Path(__file__).parent
TOGETHER = "pipeline"  # its tests share runs of the pipeline, which take longest and so begin first


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Name for each test the group that stays in one process: its file or, where runs are shared, its folder."""
    for item in items:
        part = item.path.relative_to(ROOT).parts if item.path.is_relative_to(ROOT) else (item.path.name,)
        item.add_marker(pytest.mark.xdist_group(TOGETHER if part[0] == TOGETHER else "/".join(part)))
    items.sort(key=lambda item: ROOT / TOGETHER not in item.path.parents)


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
