"""What the measurements share."""

import sys

import pytest

from performance.timing import call, in_turn, ratio


def test_runs_take_turns() -> None:
    order: list[str] = []
    runs = {name: lambda name=name: (order.append(name), float(len(order)))[1] for name in ("one", "two")}
    assert in_turn(runs, rounds=2) == {"one": [1.0, 3.0], "two": [2.0, 4.0]}
    assert order == ["one", "two", "one", "two"]


def test_a_ratio_is_the_median_of_the_rounds_own_ratios() -> None:
    assert ratio({"fast": [2.0, 30.0, 6.0], "slow": [1.0, 10.0, 1.0]}, "fast", "slow") == 3.0  # of 2, 3 and 6


def test_a_command_gives_the_json_of_its_last_line() -> None:
    assert call(sys.executable, "-c", "print('hello'); print('[1.5]')") == [1.5]


def test_a_command_that_fails_is_named_with_what_it_said() -> None:
    with pytest.raises(SystemExit, match=r"(?s)failed:.*ZeroDivisionError"):
        call(sys.executable, "-c", "1 / 0")
