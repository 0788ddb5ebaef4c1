"""What the cases begin with, made once."""

import pytest

from tests.bad_input.bases import Bases, shared


@pytest.fixture(scope="session")
def bases() -> Bases:
    """The bases of all cases; each case gets a copy."""
    return shared()
