"""Which images a protocol calls normal, and which classes it runs."""

import numpy as np
import pytest

from alpa.data.protocols import PROTOCOLS, Protocol, find_protocol, target_classes
from alpa.data.raw import RawImages
from alpa.errors import DataError

DIGITS = tuple("0123456789")
ONE_VS_REST, LEAVE_ONE_OUT = PROTOCOLS["one_vs_rest"], PROTOCOLS["leave_one_out"]


def labelled(labels: list[int], is_test: list[bool] | None = None) -> RawImages:
    """A data set with two classes and empty images."""
    official = None if is_test is None else np.array(is_test)
    images = np.zeros((len(labels), 8, 8), dtype=np.uint8)
    return RawImages("toy", ("cat", "dog"), images, np.array(labels, dtype=np.int64), official)


def test_one_vs_rest_calls_the_target_class_normal() -> None:
    assert ONE_VS_REST.normal_mask(np.array([0, 1, 2, 1]), 1).tolist() == [False, True, False, True]


def test_leave_one_out_calls_the_target_class_anomalous() -> None:
    assert LEAVE_ONE_OUT.normal_mask(np.array([0, 1, 2, 1]), 1).tolist() == [True, False, True, False]


@pytest.mark.parametrize("key", PROTOCOLS)
def test_the_whole_test_split_counts_for_every_class(key: str) -> None:
    assert PROTOCOLS[key].test_rows(np.array([0, 1, 2, 1]), 1, 0).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("key", PROTOCOLS)
def test_an_official_split_is_kept_whatever_the_seed(key: str) -> None:
    raw = labelled([0, 1, 0, 1, 0], [False, False, True, True, False])
    for seed in (0, 1):
        train, test = PROTOCOLS[key].make_splits(raw, seed)
        assert (train.tolist(), test.tolist()) == ([0, 1, 4], [2, 3])


def test_a_set_without_official_split_is_split_80_to_20_in_each_class() -> None:
    raw = labelled([0] * 50 + [1] * 20)
    train, test = ONE_VS_REST.make_splits(raw, 0)
    assert np.bincount(raw.labels[train]).tolist() == [40, 16]
    assert np.bincount(raw.labels[test]).tolist() == [10, 4]
    assert sorted([*train, *test]) == list(range(70))
    assert train.tolist() == sorted(train)


def test_the_drawn_split_depends_on_the_seed_alone() -> None:
    raw = labelled([0, 1] * 50)
    first, again, other = (ONE_VS_REST.make_splits(raw, seed)[1].tolist() for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_a_class_without_test_images_is_named() -> None:
    with pytest.raises(DataError, match=r"^Class dog of toy has 0 images in the test split; it needs at least 1.$"):
        ONE_VS_REST.make_splits(labelled([0, 1, 0], [False, False, True]), 0)


def test_a_class_too_small_to_be_split_is_named() -> None:
    with pytest.raises(DataError, match=r"^Class dog of toy has 1 images in the data set.*at least 2.$"):
        ONE_VS_REST.make_splits(labelled([0] * 10 + [1]), 0)


def test_an_unknown_protocol_is_refused_with_the_known_ones() -> None:
    with pytest.raises(DataError, match=r"^Protocol k_fold is unknown; choose one_vs_rest, leave_one_out"):
        find_protocol("k_fold")


def test_all_means_every_class() -> None:
    assert target_classes(ONE_VS_REST, DIGITS, "all", "mnist") == list(DIGITS)


def test_wanted_classes_come_in_the_order_of_the_data_set() -> None:
    assert target_classes(ONE_VS_REST, DIGITS, ("8", "2"), "mnist") == ["2", "8"]


@pytest.mark.parametrize(
    ("protocol", "names", "wanted", "message"),
    [
        (ONE_VS_REST, DIGITS, ("12",), "Normal class 12 is not in mnist; choose 0-9."),
        (LEAVE_ONE_OUT, DIGITS, ("12",), "Left-out class 12 is not in mnist; choose 0-9."),
        (ONE_VS_REST, ("cat", "dog"), ("cow",), "Normal class cow is not in mnist; choose cat, dog."),
        (ONE_VS_REST, DIGITS, ("1", "1"), "Normal class 1 is named twice; keep one."),
    ],
)
def test_a_class_that_cannot_be_run_is_refused(
    protocol: Protocol, names: tuple[str, ...], wanted: tuple[str, ...], message: str
) -> None:
    with pytest.raises(DataError) as caught:
        target_classes(protocol, names, wanted, "mnist")
    assert str(caught.value) == message
