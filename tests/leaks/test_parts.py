"""Leaks between the parts of a data set: rows in both, and images that are the same pixel for pixel."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from alpa.data.protocols import PROTOCOLS
from alpa.data.raw import RawImages
from alpa.data.splits import make_splits
from alpa.detectors.detector import split_validation
from tests.leaks.checks import Leak, in_one_part, without_duplicates

MakeRaw = Callable[..., RawImages]

STILL = [key for key, protocol in PROTOCOLS.items() if protocol.make_splits is not None]


@pytest.mark.parametrize("parts", [True, False])
@pytest.mark.parametrize("protocol", STILL)
def test_no_protocol_puts_an_image_into_both_parts(protocol: str, parts: bool, make_raw: MakeRaw) -> None:
    raw = make_raw(parts)
    in_one_part(*PROTOCOLS[protocol].make_splits(raw, 0))
    without_duplicates(*make_splits(raw, protocol, 0))


@pytest.mark.parametrize("groups", [None, np.arange(60) // 6])
def test_no_validation_image_is_fitted(groups: np.ndarray | None) -> None:
    in_one_part(*split_validation(60, 0.2, 0, groups))


def test_a_protocol_that_puts_a_row_into_both_parts_is_found(
    make_raw: MakeRaw, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = make_raw(parts=True)
    leaky = replace(PROTOCOLS["balanced"], make_splits=lambda raw, seed: (np.arange(0, 41), np.arange(40, 60)))
    monkeypatch.setitem(PROTOCOLS, "balanced", leaky)
    with pytest.raises(Leak, match="1 rows are in both parts"):
        in_one_part(*PROTOCOLS["balanced"].make_splits(raw, 0))
    with pytest.raises(Leak, match="1 test images are training images too"):
        without_duplicates(*make_splits(raw, "balanced", 0))


@pytest.mark.parametrize("parts", [True, False])
@pytest.mark.parametrize("protocol", STILL)
def test_an_image_that_a_data_set_holds_twice_is_found_and_counted(
    protocol: str, parts: bool, make_raw: MakeRaw
) -> None:
    raw = make_raw(parts)
    train, test = PROTOCOLS[protocol].make_splits(raw, 0)
    raw.images[test[[0, 3]]] = raw.images[train[2]]
    splits = make_splits(raw, protocol, 0)
    assert [split.shared for split in splits] == [1, 2]
    with pytest.raises(Leak, match="2 test images are training images too"):
        without_duplicates(*splits)
