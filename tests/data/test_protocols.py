"""Which images a protocol trains and tests on, which of them it calls normal, and which classes it runs."""

from collections.abc import Sequence

import numpy as np
import pytest

from alpa.data.protocols import PROTOCOLS, Protocol, find_protocol, target_classes, target_indices
from alpa.data.raw import TEST, TRAIN, UNDECIDED, RawImages
from alpa.data.splits import make_splits
from alpa.errors import DataError

DIGITS = tuple("0123456789")
ONE_VS_REST, LEAVE_ONE_OUT = PROTOCOLS["one_vs_rest"], PROTOCOLS["leave_one_out"]
MULTI_MODAL, BALANCED = PROTOCOLS["multi_modal"], PROTOCOLS["balanced"]
STILL = [key for key, protocol in PROTOCOLS.items() if protocol.make_splits is not None]
PUBLISHED = [key for key in STILL if key != "balanced"]  # which keep the published parts


def labelled(
    labels: Sequence[int], part: Sequence[int] | None = None, class_names: tuple[str, ...] = ("cat", "dog")
) -> RawImages:
    """A data set with empty images, of which nothing is decided where no parts are given."""
    parts = np.full(len(labels), UNDECIDED) if part is None else np.array(part)
    images = np.zeros((len(labels), 1, 8, 8), dtype=np.uint8)
    return RawImages("toy", class_names, images, np.array(labels, dtype=np.int64), parts.astype(np.int8))


@pytest.mark.parametrize("key", PROTOCOLS)
def test_every_protocol_says_what_it_is_where_it_comes_from_and_how_it_splits(key: str) -> None:
    protocol = PROTOCOLS[key]
    for text in (protocol.title, protocol.source, protocol.split, protocol.target):
        assert text.strip()
    assert protocol.split.endswith(".")
    assert not protocol.title.endswith(".")


@pytest.mark.parametrize("protocol", [ONE_VS_REST, BALANCED], ids=["one_vs_rest", "balanced"])
def test_one_vs_rest_calls_the_target_class_normal(protocol: Protocol) -> None:
    assert protocol.normal_mask(np.array([0, 1, 2, 1]), [1]).tolist() == [False, True, False, True]


def test_leave_one_out_calls_the_target_class_anomalous() -> None:
    assert LEAVE_ONE_OUT.normal_mask(np.array([0, 1, 2, 1]), [1]).tolist() == [True, False, True, False]


def test_several_classes_are_normal_together_under_multi_modal() -> None:
    assert MULTI_MODAL.normal_mask(np.array([0, 1, 2, 1]), [1, 2]).tolist() == [False, True, True, True]


@pytest.mark.parametrize("key", [key for key in PROTOCOLS if key != "balanced"])
def test_the_whole_test_split_counts_for_every_class(key: str) -> None:
    assert PROTOCOLS[key].test_rows(np.array([0, 1, 2, 1]), [1], 0).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("key", PUBLISHED)
def test_an_official_split_is_kept_whatever_the_seed(key: str) -> None:
    raw = labelled([0, 1, 0, 1, 0], [TRAIN, TRAIN, TEST, TEST, TRAIN])
    for seed in (0, 1):
        train, test = PROTOCOLS[key].make_splits(raw, seed)
        assert (train.tolist(), test.tolist()) == ([0, 1, 4], [2, 3])


@pytest.mark.parametrize("key", STILL)
def test_a_set_without_official_split_is_split_80_to_20_in_each_class(key: str) -> None:
    raw = labelled([0] * 50 + [1] * 20)
    train, test = PROTOCOLS[key].make_splits(raw, 0)
    assert np.bincount(raw.labels[train]).tolist() == [40, 16]
    assert np.bincount(raw.labels[test]).tolist() == [10, 4]
    assert sorted([*train, *test]) == list(range(70))
    assert train.tolist() == sorted(train)
    assert test.tolist() == sorted(test)


@pytest.mark.parametrize("key", STILL)
def test_the_drawn_split_depends_on_the_seed_alone(key: str) -> None:
    raw = labelled([0, 1] * 50)
    first, again, other = (PROTOCOLS[key].make_splits(raw, seed)[1].tolist() for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_balanced_pools_80_to_20_whatever_the_published_part() -> None:
    labels = [0] * 50 + [1] * 20
    drawn = [
        [rows.tolist() for rows in BALANCED.make_splits(labelled(labels, part), 3)]
        for part in ([TRAIN] * 60 + [TEST] * 10, [TEST] * 70, [UNDECIDED] * 70)
    ]
    assert drawn[0] == drawn[1] == drawn[2]
    assert [len(rows) for rows in drawn[0]] == [56, 14]


def test_balanced_tests_as_many_anomalies_as_normal_images_shared_evenly_over_the_other_classes() -> None:
    labels = np.repeat([0, 1, 2, 3], [11, 30, 20, 25])
    rows = BALANCED.test_rows(labels, [0], 0)
    counts = np.bincount(labels[rows])
    assert counts[0] == 11
    assert sorted(counts[1:].tolist()) == [3, 4, 4]  # 11 = 3 * 3 + 2
    assert rows.tolist() == sorted(set(rows.tolist()))


def test_balanced_takes_all_images_of_a_class_that_has_fewer_than_its_share() -> None:
    labels = np.repeat([0, 1, 2], [20, 3, 40])
    assert np.bincount(labels[BALANCED.test_rows(labels, [0], 0)]).tolist() == [20, 3, 10]


def test_the_anomalies_of_balanced_depend_on_the_seed_and_on_the_target() -> None:
    labels = np.repeat([0, 1, 2], [10, 10, 60])
    drawn = [BALANCED.test_rows(labels, target, seed) for target, seed in (([0], 0), ([0], 0), ([0], 1), ([1], 0))]
    first, again, other_seed, other_target = (set(rows[labels[rows] == 2].tolist()) for rows in drawn)
    assert first == again
    assert len({frozenset(first), frozenset(other_seed), frozenset(other_target)}) == 3


@pytest.mark.parametrize("key", PUBLISHED)
def test_of_a_pair_all_anomalies_are_for_testing_and_the_normal_images_are_split(key: str) -> None:
    raw = labelled([0] * 20 + [1] * 5, [UNDECIDED] * 20 + [TEST] * 5, ("normal", "anomalous"))
    train, test = PROTOCOLS[key].make_splits(raw, 0)
    assert np.bincount(raw.labels[train], minlength=2).tolist() == [16, 0]
    assert np.bincount(raw.labels[test]).tolist() == [4, 5]
    splits = make_splits(raw, key, seed=0)
    assert [split.targets for split in splits] == [("normal",), ("normal",)]


def test_what_is_decided_stays_where_it_is_when_the_rest_is_split() -> None:
    raw = labelled([0] * 24, [TRAIN] * 2 + [TEST] * 2 + [UNDECIDED] * 20, ("cat",))
    train, test = ONE_VS_REST.make_splits(raw, 0)
    assert {0, 1} <= set(train.tolist())
    assert {2, 3} <= set(test.tolist())
    assert (len(train), len(test)) == (18, 6)


def test_classes_that_only_the_test_part_has_are_no_targets() -> None:
    raw = labelled([0, 0, 0, 1, 2], [TRAIN, TRAIN, TEST, TEST, TEST], ("good", "bent", "cut"))
    train, test = make_splits(raw, "one_vs_rest", seed=0)
    assert train.targets == test.targets == ("good",)
    assert train.class_names == ("good", "bent", "cut")
    assert target_classes(ONE_VS_REST, train.targets, "all", "parts") == ["good"]
    with pytest.raises(DataError, match=r"^Normal class bent is not in parts; choose good\.$"):
        target_classes(ONE_VS_REST, train.targets, ("bent",), "parts")


def test_a_class_without_test_images_is_named() -> None:
    with pytest.raises(DataError, match=r"^Class dog of toy has 0 images in the test split; it needs at least 1.$"):
        ONE_VS_REST.make_splits(labelled([0, 1, 0], [TRAIN, TRAIN, TEST]), 0)


def test_a_set_that_is_all_for_testing_is_refused() -> None:
    with pytest.raises(DataError, match=r"^toy has no images in the train split; it needs at least 1\.$"):
        ONE_VS_REST.make_splits(labelled([0, 1], [TEST, TEST]), 0)


def test_a_class_without_images_is_named() -> None:
    with pytest.raises(DataError, match=r"^Class dog of toy has 0 images; it needs at least 1\.$"):
        ONE_VS_REST.make_splits(labelled([0, 0], [TRAIN, TEST]), 0)


@pytest.mark.parametrize("key", STILL)
def test_a_class_too_small_to_be_split_is_named(key: str) -> None:
    with pytest.raises(DataError, match=r"^Class dog of toy has 1 images in the data set.*at least 2.$"):
        PROTOCOLS[key].make_splits(labelled([0] * 10 + [1]), 0)


def test_a_set_too_small_to_test_every_class_is_refused_with_what_would_do() -> None:
    with pytest.raises(DataError) as caught:
        ONE_VS_REST.make_splits(labelled([0, 0, 1, 1, 2, 2], class_names=("a", "b", "c")), 0)
    assert str(caught.value) == (
        "toy has 6 images of 3 classes to split 80/20; give each class at least 5, or put them into train/ and test/."
    )


@pytest.mark.parametrize("n", range(5, 15))
def test_a_pair_with_five_normal_images_or_more_can_be_split(n: int) -> None:
    train, test = ONE_VS_REST.make_splits(labelled([0] * n + [1], [UNDECIDED] * n + [TEST]), 0)
    assert len(train) + len(test) == n + 1
    assert 0 in labelled([0] * n + [1]).labels[test]


def test_an_unknown_protocol_is_refused_with_the_known_ones() -> None:
    with pytest.raises(DataError, match=r"^Protocol k_fold is unknown; choose one_vs_rest, multi_modal, leave_one_out"):
        find_protocol("k_fold")


def test_a_protocol_for_clips_refuses_still_images() -> None:
    with pytest.raises(DataError, match=r"^toy holds still images, and protocol video is for clips; choose another"):
        make_splits(labelled([0, 1]), "video", seed=0)


def test_all_means_every_class() -> None:
    assert target_classes(ONE_VS_REST, DIGITS, "all", "mnist") == list(DIGITS)


def test_wanted_classes_come_in_the_order_of_the_data_set() -> None:
    assert target_classes(ONE_VS_REST, DIGITS, ("8", "2"), "mnist") == ["2", "8"]


def test_groups_come_as_they_are_listed_with_their_names_joined() -> None:
    assert target_classes(MULTI_MODAL, DIGITS, (("8", "2"), ("0", "1"), ("3",)), "mnist") == ["8+2", "0+1", "3"]


@pytest.mark.parametrize(
    ("names", "target", "indices"),
    [
        (DIGITS, "3", [3]),
        (DIGITS, "8+2", [8, 2]),
        (("0", "1", "0+1"), "0+1", [2]),
        (("screw+nut", "bolt"), "screw+nut", [0]),
    ],
)
def test_the_name_of_a_target_tells_its_classes(names: tuple[str, ...], target: str, indices: list[int]) -> None:
    assert target_indices(names, target) == indices


def test_a_class_that_is_really_called_so_is_a_target_of_its_own() -> None:
    names = ("0", "1", "0+1")
    for protocol, wanted in ((ONE_VS_REST, ("0+1",)), (MULTI_MODAL, (("0+1",),))):
        (target,) = target_classes(protocol, names, wanted, "toy")
        mask = protocol.normal_mask(np.array([0, 1, 2]), target_indices(names, target))
        assert mask.tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("protocol", "names", "wanted", "message"),
    [
        (ONE_VS_REST, DIGITS, ("12",), "Normal class 12 is not in mnist; choose 0-9."),
        (LEAVE_ONE_OUT, DIGITS, ("12",), "Left-out class 12 is not in mnist; choose 0-9."),
        (ONE_VS_REST, ("cat", "dog"), ("cow",), "Normal class cow is not in mnist; choose cat, dog."),
        (ONE_VS_REST, DIGITS, ("1", "1"), "Normal class 1 is named twice; keep one."),
        (
            ONE_VS_REST,
            DIGITS,
            ("2", ("0", "1")),
            "Normal class [0, 1] of mnist is not one class; the protocol needs that.",
        ),
        (
            MULTI_MODAL,
            DIGITS,
            (("0", "1"), "2"),
            "Normal classes 2 of mnist is not a list of classes; the protocol needs that.",
        ),
        (MULTI_MODAL, DIGITS, ((),), "Normal classes [] of mnist is not a list of classes; the protocol needs that."),
        (
            MULTI_MODAL,
            DIGITS,
            "all",
            "Normal classes of mnist must be listed, such as classes: [[a, b], [c, d]].",
        ),
        (MULTI_MODAL, DIGITS, (("0", "12"),), "Normal classes 12 is not in mnist; choose 0-9."),
        (MULTI_MODAL, DIGITS, (("0", "1"), ("0", "1")), "Normal classes 0+1 is named twice; keep one."),
        (MULTI_MODAL, DIGITS, (("0", "1"), ("1", "0")), "Normal classes 0+1 is named twice; keep one."),
        (MULTI_MODAL, DIGITS, (("0", "0"),), "Normal classes 0+0 is named twice; keep one."),
        (
            MULTI_MODAL,
            ("0", "1", "0+1"),
            (("0", "1"),),
            "Normal classes 0+1 could mean several things; rename the classes with a +.",
        ),
        (
            MULTI_MODAL,
            ("a", "b+c"),
            (("a", "b+c"),),
            "Normal classes a+b+c could mean several things; rename the classes with a +.",
        ),
    ],
)
def test_a_class_that_cannot_be_run_is_refused(
    protocol: Protocol, names: tuple[str, ...], wanted: tuple[str | tuple[str, ...], ...], message: str
) -> None:
    with pytest.raises(DataError) as caught:
        target_classes(protocol, names, wanted, "mnist")
    assert str(caught.value) == message
