"""What holds for all tests of studies, which are quick, and the toy study as it is without any disturbance."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from alpa.tuning import journal, study
from alpa.tuning.finished import Finished
from tests.tuning.toy import TRIALS, run_toy

LOCK_SECONDS = 0.05


@contextlib.contextmanager
def quick_studies() -> Iterator[None]:
    """Let the sampler learn after three trials, a lock count as left behind soon, and no line wait for the disk.

    That a line outlives a loss of power is not tested here.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "STARTUP_TRIALS", 3)
        patch.setattr(journal, "LOCK_SECONDS", LOCK_SECONDS)
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    with quick_studies():
        yield


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Run torch on one thread: so many small jobs only get slower with more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The journal of a study that is not there yet."""
    return tmp_path / "studies/toy.journal"


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[Finished]:
    """The trials of the toy study without any disturbance; not to be changed."""
    with quick_studies():
        return run_toy(tmp_path_factory.mktemp("undisturbed") / "toy.journal", TRIALS)
