"""What the cases begin with, made once."""

import pytest

from tests.bad_input.bases import Bases


@pytest.fixture(scope="session")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Bases:
    """The bases of all cases; each case gets a copy."""
    return Bases(tmp_path_factory.mktemp("bases"))
