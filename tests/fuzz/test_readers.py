"""A short run of the fuzzer in the ordinary tests; `python -m tests.fuzz --minutes 10` is the long one."""

import pytest

from tests.fuzz.campaign import bounded_memory, fuzz, read_files
from tests.fuzz.readers import READERS


@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_is_refused_or_valid(name: str) -> None:
    reader = READERS[name]
    with bounded_memory():
        tally = fuzz(reader, lambda tally: tally.executions < reader.examples)
    assert dict(tally.others) == {}
    assert tally.executions >= reader.examples


@pytest.mark.parametrize("name", READERS)
def test_the_valid_files_that_damage_begins_with_are_read(name: str) -> None:
    tally = read_files(READERS[name], READERS[name].files())
    assert (tally.accepted, tally.refused, dict(tally.others)) == (len(READERS[name].files()), 0, {})
