"""Which images are for training, which for testing, and which count as normal: one entry per protocol.

What a protocol treats as special (the normal class, or the one left out) is called its target class. It may be several
classes, whose names are then joined: 0+1.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from alpa.data.raw import TEST, TRAIN, RawImages
from alpa.errors import DataError

TEST_FRACTION = 0.2  # of a data set without an official split
LONGEST_NAME = 240  # bytes of a target's name; file systems take 255, of which a seed needs some
JOIN = "+"  # between the names of classes that are a target together

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Protocol:
    """A way to turn a labelled data set into anomaly detection.

    `split` says in words how the images are split. `make_splits(raw, seed)` returns the rows of the images for training
    and those for testing, each int64, ascending; None where the data are clips, which come split.
    `normal_mask(labels, target)` tells which of the labels (N,) are normal, bool (N,), for the indices of the target.
    `test_rows(labels, target, seed)` returns which rows of the test split count for that target, int64, ascending.
    `grouped` tells whether each entry of a benchmark's classes is a list of them.
    """

    title: str
    source: str
    split: str
    target: str
    make_splits: Callable[[RawImages, int], tuple[Rows, Rows]] | None
    normal_mask: Callable[[NDArray[np.int64], Sequence[int]], Mask]
    test_rows: Callable[[NDArray[np.int64], Sequence[int], int], Rows]
    grouped: bool = False


def official_splits(raw: RawImages, seed: int) -> tuple[Rows, Rows]:
    """Return the published split; what it leaves undecided is split 80/20 by class, drawn with `seed`.

    Raises:
        DataError: a class of which there are training images has none to test, or the other way round nothing trains.
    """
    rows = np.arange(len(raw.labels))
    train, test = (rows[raw.part == part] for part in (TRAIN, TEST))
    undecided = rows[(raw.part != TRAIN) & (raw.part != TEST)]
    if len(undecided):
        drawn = _stratified(raw, undecided, seed)
        train, test = (np.sort(np.concatenate(parts)) for parts in zip((train, test), drawn, strict=True))
    return _checked(raw, train, test)


def pooled_splits(raw: RawImages, seed: int) -> tuple[Rows, Rows]:
    """Return 80/20 of every class's images, whatever their published part, drawn with `seed`.

    Raises:
        DataError: a class has too few images.
    """
    return _checked(raw, *_stratified(raw, np.arange(len(raw.labels)), seed))


def target_only(labels: NDArray[np.int64], target: Sequence[int]) -> Mask:
    """Tell which labels are of the target, the only normal ones."""
    return np.isin(labels, target)


def all_but_target(labels: NDArray[np.int64], target: Sequence[int]) -> Mask:
    """Tell which labels are not of the target, the only anomalous ones."""
    return ~np.isin(labels, target)


def whole_test_split(labels: NDArray[np.int64], target: Sequence[int], seed: int) -> Rows:
    """Return every row, whatever the target."""
    return np.arange(len(labels))


def as_many_anomalies(labels: NDArray[np.int64], target: Sequence[int], seed: int) -> Rows:
    """Return all rows of the target and as many others, drawn with `seed` and shared evenly over the other classes.

    A class with fewer images than its share gives all of them.
    """
    normal = np.isin(labels, target)
    others = np.unique(labels[~normal])
    rng = np.random.default_rng([seed, *target])
    share, left = divmod(int(normal.sum()), max(1, len(others)))
    drawn = [np.flatnonzero(normal)]
    for place, label in enumerate(rng.permutation(others)):
        drawn.append(rng.permutation(np.flatnonzero(labels == label))[: share + (place < left)])
    return np.sort(np.concatenate(drawn))


OFFICIAL = "The parts that the data come in; all test images are used. What has no parts is split 80/20 by class."


PROTOCOLS: dict[str, Protocol] = {
    "one_vs_rest": Protocol(
        title="One class is normal, the others are anomalous",
        source="L. Ruff et al., Deep One-Class Classification, ICML 2018",
        split=OFFICIAL,
        target="Normal class",
        make_splits=official_splits,
        normal_mask=target_only,
        test_rows=whole_test_split,
    ),
    "multi_modal": Protocol(
        title="Several classes are normal together, the others are anomalous",
        source="F. Ahmed and A. Courville, Detecting Semantic Anomalies, AAAI 2020, arXiv:1908.04388, on why normal "
        "data of several modes are the harder question; which classes are joined is the benchmark's own choice",
        split=OFFICIAL,
        target="Normal classes",
        make_splits=official_splits,
        normal_mask=target_only,
        test_rows=whole_test_split,
        grouped=True,
    ),
    "leave_one_out": Protocol(
        title="One class is anomalous, the others are normal",
        source="S. Akcay, A. Atapour-Abarghouei and T. P. Breckon, GANomaly: Semi-Supervised Anomaly Detection via "
        "Adversarial Training, ACCV 2018, arXiv:1805.06725",
        split=OFFICIAL,
        target="Left-out class",
        make_splits=official_splits,
        normal_mask=all_but_target,
        test_rows=whole_test_split,
    ),
    "balanced": Protocol(
        title="One class is normal, tested against as many anomalies",
        source="P. Perera, R. Nallapati and B. Xiang, OCGAN, CVPR 2019, arXiv:1903.08550 (its protocol 1)",
        split="All images are pooled; of each class 80 % are for training and 20 % for testing. The normal "
        "test images are joined by as many anomalies, shared evenly over the other classes.",
        target="Normal class",
        make_splits=pooled_splits,
        normal_mask=target_only,
        test_rows=as_many_anomalies,
    ),
    "video": Protocol(
        title="Normal clips train, each frame of other clips is tested",
        source="V. Mahadevan, W. Li, V. Bhalodia and N. Vasconcelos, Anomaly Detection in Crowded Scenes, CVPR 2010",
        split="The parts that the clips come in: normal training clips, and test clips with a label for each frame. No "
        "frame is dropped.",
        target="Normal class",
        make_splits=None,
        normal_mask=target_only,
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
    wanted: Literal["all"] | Sequence[str | Sequence[str]],
    dataset: str = "this data set",
) -> list[str]:
    """Return the names of the targets to run: classes in the data set's order, or groups as they are listed.

    Args:
        protocol: tells whether entries are classes or groups of them.
        class_names: those that can be targets.
        wanted: the benchmark's classes.
        dataset: its key, for messages.

    Raises:
        DataError: a wanted class is not one of these, is wanted twice, is a list where one class belongs or a single
            class where a list belongs, or cannot name a folder, as it does with a seed behind it.
    """
    names = _wanted(protocol, class_names, wanted, dataset)
    for name in names:
        if len(name.encode()) > LONGEST_NAME or name.startswith(".") or {"/", "\0"} & set(name):
            problem = f"{protocol.target} {name[:40]!a} of {dataset} cannot name a folder"
            raise DataError(f"{problem}; rename it: at most {LONGEST_NAME} bytes, no slash, and no dot in front.")
    return names


def _wanted(
    protocol: Protocol, class_names: Sequence[str], wanted: Literal["all"] | Sequence[str | Sequence[str]], dataset: str
) -> list[str]:
    if wanted == "all":
        if protocol.grouped:
            raise DataError(f"{protocol.target} of {dataset} must be listed, such as classes: [[a, b], [c, d]].")
        return list(class_names)
    groups = [[entry] if isinstance(entry, str) else list(entry) for entry in wanted]
    for entry, group in zip(wanted, groups, strict=True):
        if isinstance(entry, str) == protocol.grouped or not group:
            written = entry if isinstance(entry, str) else f"[{', '.join(group)}]"
            kind = "a list of classes" if protocol.grouped else "one class"
            raise DataError(f"{protocol.target} {written} of {dataset} is not {kind}; the protocol needs that.")
        for name in group:
            if name not in class_names:
                raise DataError(f"{protocol.target} {name} is not in {dataset}; choose {_choice(class_names)}.")
        joined = JOIN.join(group)
        if sum(set(group) == set(other) for other in groups) > 1 or len(set(group)) < len(group):
            raise DataError(f"{protocol.target} {joined} is named twice; keep one.")
        if len(group) > 1 and (joined in class_names or joined.count(JOIN) >= len(group)):
            raise DataError(f"{protocol.target} {joined} could mean several things; rename the classes with a {JOIN}.")
    names = [JOIN.join(group) for group in groups]
    return names if protocol.grouped else [name for name in class_names if name in names]


def target_indices(class_names: Sequence[str], target: str) -> list[int]:
    """Return the indices of the classes that a target's name stands for."""
    parts = [target] if target in class_names else target.split(JOIN)
    return [class_names.index(name) for name in parts]


def _choice(class_names: Sequence[str]) -> str:
    """Return the names as a short list: 0-9 for a row of numbers."""
    if list(class_names) == [str(number) for number in range(len(class_names))]:
        return f"0-{class_names[-1]}"
    return ", ".join(class_names)


def _stratified(raw: RawImages, rows: Rows, seed: int) -> tuple[Rows, Rows]:
    """Split the rows so that each class has the same share in both parts."""
    from sklearn.model_selection import train_test_split

    labels = raw.labels[rows]
    for index in np.unique(labels):
        _require_images(raw, rows, int(index), "the data set, which has to be split,", 2)
    if len(rows) * TEST_FRACTION < len(np.unique(labels)):
        problem = f"{raw.dataset} has {len(rows)} images of {len(np.unique(labels))} classes to split 80/20"
        raise DataError(
            f"{problem}; give each class at least {round(1 / TEST_FRACTION)}, or put them into train/ and test/."
        )
    train, test = train_test_split(rows, test_size=TEST_FRACTION, stratify=labels, random_state=seed)
    return np.sort(train), np.sort(test)


def _checked(raw: RawImages, train: Rows, test: Rows) -> tuple[Rows, Rows]:
    """Return the two, or raise DataError: a class that is trained on must be tested, and every class be there."""
    trained = np.unique(raw.labels[train])
    for index, name in enumerate(raw.class_names):
        if not np.any(raw.labels == index):
            raise DataError(f"Class {name} of {raw.dataset} has 0 images; it needs at least 1.")
        if index in trained:
            _require_images(raw, test, index, "the test split", 1)
    if not len(trained):
        raise DataError(f"{raw.dataset} has no images in the train split; it needs at least 1.")
    return train, test


def _require_images(raw: RawImages, rows: Rows, index: int, where: str, least: int) -> None:
    """Raise DataError if a class has fewer than `least` images among the rows."""
    count = int(np.sum(raw.labels[rows] == index))
    if count < least:
        name = raw.class_names[index]
        raise DataError(f"Class {name} of {raw.dataset} has {count} images in {where}; it needs at least {least}.")
