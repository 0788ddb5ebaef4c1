"""Which images are for training, which for testing, and which count as normal: one entry per protocol.

A class that a protocol treats as special (the normal one, or the one left out) is called its target class.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from alpa.data.images import RawImages
from alpa.errors import DataError

TEST_FRACTION = 0.2  # of a data set without an official split

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Protocol:
    """A way to turn a labelled data set into anomaly detection.

    `make_splits(raw, seed)` returns the rows of the images for training and those for testing, each int64, ascending.
    `normal_mask(labels, target)` tells which of the labels (N,) are normal, bool (N,), for the target class's index.
    `test_rows(labels, target, seed)` returns which rows of the test split count for that class, int64, ascending.
    """

    title: str
    source: str
    target: str
    make_splits: Callable[[RawImages, int], tuple[Rows, Rows]]
    normal_mask: Callable[[NDArray[np.int64], int], Mask]
    test_rows: Callable[[NDArray[np.int64], int, int], Rows]


def official_splits(raw: RawImages, seed: int) -> tuple[Rows, Rows]:
    """Return the published split, or a stratified 80/20 split drawn with `seed` where there is none.

    Raises:
        DataError: a class has no images in one of the two.
    """
    rows = np.arange(len(raw.labels))
    if raw.is_test is not None:
        train, test = rows[~raw.is_test], rows[raw.is_test]
    else:
        train, test = _stratified(raw, rows, seed)
    for part, chosen in (("train", train), ("test", test)):
        _require_images(raw, chosen, f"the {part} split", 1)
    return train, test


def one_class(labels: NDArray[np.int64], target: int) -> Mask:
    """Tell which labels are the target class, the only normal one."""
    return np.asarray(labels == target)


def other_classes(labels: NDArray[np.int64], target: int) -> Mask:
    """Tell which labels are not the target class, the only anomalous one."""
    return np.asarray(labels != target)


def whole_test_split(labels: NDArray[np.int64], target: int, seed: int) -> Rows:
    """Return every row, whatever the target class."""
    return np.arange(len(labels))


PROTOCOLS: dict[str, Protocol] = {
    "one_vs_rest": Protocol(
        title="One class is normal, the others are anomalous",
        source="L. Ruff et al., Deep One-Class Classification, ICML 2018",
        target="Normal class",
        make_splits=official_splits,
        normal_mask=one_class,
        test_rows=whole_test_split,
    ),
    "leave_one_out": Protocol(
        title="One class is anomalous, the others are normal",
        source="S. Akcay, A. Atapour-Abarghouei and T. P. Breckon, GANomaly: Semi-Supervised Anomaly Detection via "
        "Adversarial Training, ACCV 2018, arXiv:1805.06725",
        target="Left-out class",
        make_splits=official_splits,
        normal_mask=other_classes,
        test_rows=whole_test_split,
    ),
}


def find_protocol(key: str) -> Protocol:
    """Return the protocol called `key`; raise DataError with the known ones otherwise."""
    if key not in PROTOCOLS:
        raise DataError(f"Protocol {key} is unknown; choose {', '.join(PROTOCOLS)}.")
    return PROTOCOLS[key]


def target_classes(
    protocol: Protocol,
    class_names: Sequence[str],
    wanted: Literal["all"] | Sequence[str],
    dataset: str = "this data set",
) -> list[str]:
    """Return the names of the target classes to run, in the data set's order.

    Raises:
        DataError: a wanted class is not one of the data set's, or is wanted twice.
    """
    if wanted == "all":
        return list(class_names)
    for name in wanted:
        if name not in class_names:
            raise DataError(f"{protocol.target} {name} is not in {dataset}; choose {_choice(class_names)}.")
        if list(wanted).count(name) > 1:
            raise DataError(f"{protocol.target} {name} is named twice; keep one.")
    return [name for name in class_names if name in wanted]


def _choice(class_names: Sequence[str]) -> str:
    """Return the names as a short list: 0-9 for a row of numbers."""
    if list(class_names) == [str(number) for number in range(len(class_names))]:
        return f"0-{class_names[-1]}"
    return ", ".join(class_names)


def _stratified(raw: RawImages, rows: Rows, seed: int) -> tuple[Rows, Rows]:
    """Split the rows so that each class has the same share in both parts."""
    from sklearn.model_selection import train_test_split

    _require_images(raw, rows, "the data set, which has to be split,", 2)
    train, test = train_test_split(rows, test_size=TEST_FRACTION, stratify=raw.labels, random_state=seed)
    return np.sort(train), np.sort(test)


def _require_images(raw: RawImages, rows: Rows, where: str, least: int) -> None:
    """Raise DataError for the first class with fewer than `least` images among the rows."""
    counts = np.bincount(raw.labels[rows], minlength=len(raw.class_names))
    for name, count in zip(raw.class_names, counts, strict=True):
        if count < least:
            raise DataError(f"Class {name} of {raw.dataset} has {count} images in {where}; it needs at least {least}.")
