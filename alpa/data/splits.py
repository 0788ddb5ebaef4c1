"""The split of a benchmark: made from the raw images by a protocol, written as plain arrays, and checked when read."""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from alpa.data.images import read_npy
from alpa.data.protocols import Rows, find_protocol
from alpa.data.raw import RawImages
from alpa.data.stored import ChosenImages, Images, StoredImages, digest, in_pieces, write_images
from alpa.errors import DataError
from alpa.files import read_text, whole_folder, write_json, write_npy

STILL_IMAGE = -1  # the group of an image that belongs to no clip
ARRAYS = ("images", "labels", "group")
Part = Literal["train", "test"]


@dataclass(frozen=True, eq=False)
class Split:
    """One part of a benchmark's data.

    `images` is uint8 (N, C, H, W), of clips their frames one after the other, in memory or read when they are needed,
    `labels` int64 (N,) with indices into `class_names`, `group` int64 (N,) the index into `clips`, the clips' names, or
    -1 for still images, `image_shape` (C, H, W), `targets` those of the class names that there are training images of,
    `digest` the SHA-256 over the bytes of the three arrays, `shared` how many of the images also occur, pixel for
    pixel, in the other part.
    """

    images: Images
    labels: NDArray[np.int64]
    group: NDArray[np.int64]
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    dataset: str
    protocol: str
    part: Part
    digest: str
    targets: tuple[str, ...]
    clips: tuple[str, ...] = ()
    shared: int = 0


def make_splits(raw: RawImages, protocol: str, seed: int) -> tuple[Split, Split]:
    """Return the train and the test split.

    Raises:
        DataError: the protocol is unknown or one for clips, or a class has too few images.
    """
    make = find_protocol(protocol).make_splits
    if make is None:
        raise DataError(f"{raw.dataset} holds still images, and protocol {protocol} is for clips; choose another one.")
    train_rows, test_rows = make(raw, seed)
    trained = np.unique(raw.labels[train_rows])
    targets = tuple(name for index, name in enumerate(raw.class_names) if index in trained)
    return with_shared(
        _take(raw, train_rows, protocol, "train", targets), _take(raw, test_rows, protocol, "test", targets)
    )


def with_shared(train: Split, test: Split) -> tuple[Split, Split]:
    """Return both, each with the number of its images that also occur, pixel for pixel, in the other."""
    own, others = _fingerprints(train.images), _fingerprints(test.images)
    return (
        replace(train, shared=int(np.isin(own, others).sum())),
        replace(test, shared=int(np.isin(others, own).sum())),
    )


def write_split(folder: Path, split: Split) -> None:
    """Write the split to `folder`, whole or not at all; equal splits give equal bytes."""
    with whole_folder(folder) as temporary:
        write_images(temporary / "images.npy", split.images)
        write_npy(temporary / "labels.npy", split.labels)
        write_npy(temporary / "group.npy", split.group)
        write_facts(temporary, split)


def write_facts(folder: Path, split: Split) -> None:
    """Write split.json, which describes the arrays beside it."""
    facts = {name: getattr(split, name) for name in Split.__dataclass_fields__ if name not in ARRAYS}
    write_json(folder / "split.json", facts | {"n": len(split.images)})


def load_split(folder: Path, in_memory: bool = False) -> Split:
    """Read a split that `write_split` wrote; unless they are wanted in memory, its images stay in their file.

    Raises:
        DataError: a file is missing or damaged, or the arrays are not those that split.json describes.
    """
    try:
        facts = json.loads(read_text(folder / "split.json"))
        images, labels, group = (read_npy(folder / f"{name}.npy") for name in ARRAYS)
        stored = StoredImages.of(images)
        split = _described(np.asarray(stored) if in_memory else stored, np.array(labels), np.array(group), facts)
        n = facts["n"]
    except FileNotFoundError as error:
        raise DataError(f"{error.filename} does not exist; {_remedy(folder)}.") from None
    except OSError as error:
        raise DataError(f"{error.filename} cannot be read ({error.strerror}); {_remedy(folder)}.") from None
    except (KeyError, TypeError, ValueError):
        raise DataError(f"{folder / 'split.json'} is damaged; {_remedy(folder)}.") from None
    except DataError as error:
        raise DataError(f"{error}; {_remedy(folder)}.") from None
    if problem := _problem(split, n):
        raise DataError(f"{folder} is damaged ({problem}); {_remedy(folder)}.")
    return split


def _remedy(folder: Path) -> str:
    """Return what to do about a folder that holds no good split, as a part of a sentence."""
    return f"run `python -m pipeline.split {folder.absolute().parent.name}`"


def _described(images: Images, labels: NDArray[Any], group: NDArray[Any], facts: dict[str, Any]) -> Split:
    """Join the arrays and the facts of split.json, which must have every key, as they are."""
    channels, height, width = facts["image_shape"]
    return Split(
        images=images,
        labels=labels,
        group=group,
        class_names=tuple(facts["class_names"]),
        image_shape=(channels, height, width),
        dataset=facts["dataset"],
        protocol=facts["protocol"],
        part=facts["part"],
        digest=facts["digest"],
        targets=tuple(facts["targets"]),
        clips=tuple(facts["clips"]),
        shared=int(facts["shared"]),
    )


def _problem(split: Split, n: int) -> str | None:
    """Return what is wrong with the arrays of a split, None if nothing is."""
    expected = {"images": ("uint8", (n, *split.image_shape)), "labels": ("int64", (n,)), "group": ("int64", (n,))}
    for name, (dtype, shape) in expected.items():
        array = getattr(split, name)
        if array.dtype.name != dtype or array.shape != shape:
            return f"{name} is {array.dtype} {array.shape}, split.json says {dtype} {shape}"
    if n == 0:
        return "it holds no images"
    if not 0 <= split.labels.min() <= split.labels.max() < len(split.class_names):
        return f"labels run from {split.labels.min()} to {split.labels.max()} with {len(split.class_names)} class names"
    if digest(split.images, split.labels, split.group) != split.digest:
        return "the arrays do not have the digest that split.json names"
    return None


def _take(raw: RawImages, rows: Rows, protocol: str, part: Part, targets: tuple[str, ...]) -> Split:
    """Return the rows of a data set of still images as a split."""
    chosen, labels = ChosenImages(raw.images, rows), np.ascontiguousarray(raw.labels[rows])
    group = np.full(len(rows), STILL_IMAGE, dtype=np.int64)
    _, channels, height, width = chosen.shape
    return Split(
        images=chosen,
        labels=labels,
        group=group,
        class_names=raw.class_names,
        image_shape=(channels, height, width),
        dataset=raw.dataset,
        protocol=protocol,
        part=part,
        digest=digest(chosen, labels, group),
        targets=targets,
    )


def _fingerprints(images: Images) -> NDArray[np.uint64]:
    """Return 64 bits of each image's hash, (N,): of a million images, two that differ share them once in 10^7 sets."""
    hashes = (hashlib.blake2b(image, digest_size=8).digest() for piece in in_pieces(images) for image in piece)
    return np.frombuffer(b"".join(hashes), np.uint64)
