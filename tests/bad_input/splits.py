"""Splits that are damaged, or that nothing can be trained or tested on."""

import hashlib
from dataclasses import replace as with_changes
from pathlib import Path

import numpy as np

from alpa.data.splits import load_split, write_split
from tests.bad_input.case import (
    Case,
    Damage,
    corrupt,
    folder,
    instead,
    pipe,
    remove,
    replace,
    truncate,
    write,
)
from tests.bad_input.data import npy

TRAIN, TEST = "data/splits/digits/train", "data/splits/digits/test"
SPLIT = "run `python -m pipeline.split digits`."


def resplit(part: str, **changed: object) -> Damage:
    """Return what writes a split again with some of its arrays changed, whole and with the right digest."""

    def edit(project: Path) -> None:
        split = with_changes(load_split(project / part, in_memory=True), **changed)
        digest = hashlib.sha256(split.images.tobytes() + split.labels.tobytes() + split.group.tobytes()).hexdigest()
        write_split(project / part, with_changes(split, digest=digest))

    return edit


def without_class_1(project: Path) -> None:
    """Call the training images of class 1 images of 2."""
    labels = load_split(project / TRAIN).labels
    resplit(TRAIN, labels=np.where(labels == 1, 2, labels))(project)


def one_class_to_test(project: Path) -> None:
    """Leave one class in the test split."""
    split = load_split(project / TEST, in_memory=True)
    rows = split.labels == 0
    resplit(TEST, images=split.images[rows], labels=split.labels[rows], group=split.group[rows])(project)


SPLITS = {
    "no split": Case(
        "train digits pca",
        (f"{TRAIN}/split.json does not exist; {SPLIT}",),
        damage=remove(TRAIN),
        base="finished",
    ),
    "a split without labels": Case(
        "train digits pca",
        (f"{TRAIN}/labels.npy does not exist; {SPLIT}",),
        damage=remove(f"{TRAIN}/labels.npy"),
        base="finished",
    ),
    "a damaged description of a split": Case(
        "train digits pca",
        (f"{TRAIN}/split.json is damaged; {SPLIT}",),
        damage=truncate(f"{TRAIN}/split.json"),
        base="finished",
    ),
    "a description of a split that is a list": Case(
        "train digits pca",
        (f"{TRAIN}/split.json is damaged; {SPLIT}",),
        damage=write(f"{TRAIN}/split.json", "[]"),
        base="finished",
    ),
    "a pipe instead of a split's description": Case(
        "train digits pca",
        (f"{TRAIN}/split.json", "it is not a file", SPLIT),
        damage=instead(f"{TRAIN}/split.json", pipe),
        base="finished",
        as_command=True,
    ),
    "a pipe instead of a split's images": Case(
        "train digits pca",
        (f"{TRAIN}/images.npy", "it is not a file", SPLIT),
        damage=instead(f"{TRAIN}/images.npy", pipe),
        base="finished",
        as_command=True,
    ),
    "a folder instead of a split's images": Case(
        "train digits pca",
        (f"{TRAIN}/images.npy", "it is not a file", SPLIT),
        damage=instead(f"{TRAIN}/images.npy", folder),
        base="finished",
    ),
    "truncated images of a split": Case(
        "train digits pca",
        (f"{TRAIN}/images.npy is not a whole array file (", SPLIT),
        damage=truncate(f"{TRAIN}/images.npy"),
        base="finished",
    ),
    "an image of a split that has changed": Case(
        "train digits pca",
        (f"{TRAIN} is damaged (the arrays do not have the digest that split.json names); {SPLIT}",),
        damage=corrupt(f"{TRAIN}/images.npy"),
        base="finished",
    ),
    "images of a split of another type": Case(
        "train digits pca",
        (f"{TRAIN}/images.npy holds float64 (2, 1, 32, 32), not uint8 (N, C, H, W) in C's order; {SPLIT}",),
        damage=write(f"{TRAIN}/images.npy", npy(np.zeros((2, 1, 32, 32)))),
        base="finished",
    ),
    "a split that counts wrong": Case(
        "evaluate digits pca",
        (f"{TEST} is damaged (images is uint8 (360, 1, 32, 32), split.json says uint8 (361, 1, 32, 32)); {SPLIT}",),
        damage=replace(f"{TEST}/split.json", '"n": 360', '"n": 361'),
        base="finished",
    ),
    "a class with no images": Case(
        "train digits pca",
        ("Normal class 1 of digits has 0 normal training images; take it out of benchmarks.digits.classes, ",),
        damage=without_class_1,
        base="finished",
    ),
    "a test split of one class": Case(
        "evaluate digits pca",
        ("the test set of class 0, seed 0 has normal samples only, give it both; then run `",),
        damage=one_class_to_test,
        base="finished",
    ),
}
CASES = {"splits": SPLITS}
