import pickle
from pathlib import Path

import pytest

from tests.security.evil import Evil


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    """What exists as soon as a program has run."""
    return tmp_path / "ran"


@pytest.fixture
def pickled(tmp_path: Path) -> bytes:
    """A pickle that runs its program where it is loaded."""
    return pickle.dumps(Evil(tmp_path))
