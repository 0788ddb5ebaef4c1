"""A data set of still images that another package brings: loaded once into data/raw/, and read from there.

How a package declares one, `alpa.plugins` says.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, Literal

from alpa import plugins
from alpa.data.sources import MANIFEST, SOURCES, Source, read_manifest
from alpa.errors import AlpaError, DataError
from alpa.files import whole_folder, write_json, write_npy

Pair = tuple[Any, Any]  # images and their labels
WHOLE = (("images.npy", "labels.npy"),)
PARTS = (("train-images.npy", "train-labels.npy"), ("test-images.npy", "test-labels.npy"))


@dataclass(frozen=True)
class Dataset:
    """A data set of still images, as a package declares it under the entry points `alpa.datasets`.

    `title` and `citation` are for readers of a report. `load` returns (train, test), or (all,) where the publisher does
    not split: each a pair of images, uint8 (N, H, W) or (N, 3, H, W), all of one size, and whole-number labels (N,),
    indices into `class_names`. It returns the same whenever it is called. `resize` says how an image becomes a square
    of another size, see `alpa.data.images`: black margins first (`pad`), or at once (`bilinear`).

    Raises:
        DataError: the class names are not two or more different ones that may name folders.
    """

    title: str
    citation: str
    class_names: tuple[str, ...]
    load: Callable[[], Sequence[Pair]]
    resize: Literal["pad", "bilinear"] = "pad"

    def __post_init__(self) -> None:
        names = tuple(self.class_names)
        unfit = [name for name in names if not (isinstance(name, str) and name.isprintable() and _is_plain(name))]
        if unfit:
            raise DataError(f"A class is called {unfit[0]!r}, which cannot name a folder; choose other letters.")
        if len(names) < 2 or len(set(names)) < len(names):
            raise DataError(f"The classes are {', '.join(names) or 'none'}; name two or more, each once.")
        object.__setattr__(self, "class_names", names)


def find_packaged(key: str) -> Dataset | None:
    """Return the data set that another package declares as `key`, None if none does.

    Raises:
        ConfigError: its name is taken, or it cannot be imported or is something else.
    """
    entry = _entry(key)
    dataset: Dataset | None = (
        plugins.load("alpa.datasets", entry, Dataset, "an alpa.Dataset") if entry is not None else None
    )
    if isinstance(dataset, type):
        raise DataError(f"Data set {key} is declared as the class {dataset.__name__}; declare an instance of it.")
    return dataset


def is_packaged(key: str) -> bool:
    """Tell whether another package declares the data set, without importing it."""
    return _entry(key) is not None


def put_packaged(key: str, dataset: Dataset, destination: Path) -> None:
    """Load the data set and write it to the folder `destination`: all of it, checked, or nothing.

    Raises:
        DataError: it cannot be loaded, or its images or labels are not what a `Dataset` promises.
    """
    import numpy as np  # as slow as the next one, and looking for a set needs neither

    from alpa.data.images import check_parts

    entry = _entry(key)
    named = f"{key} of {plugins.origin(entry)}" if entry else key
    try:
        loaded = [(np.asarray(images), np.asarray(labels)) for images, labels in dataset.load()]
    except AlpaError:
        raise
    except Exception as error:  # a package's function may raise anything
        reason = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")
        raise DataError(f"Data set {named} cannot be loaded ({reason}); mend the package.") from error
    names = {1: WHOLE, 2: PARTS}.get(len(loaded))
    if names is None:
        raise DataError(f"Data set {named} has {len(loaded)} parts; let it return (train, test), or (all,).")
    source = _source(dataset, {name: "" for pair in names for name in pair})
    try:
        parts = check_parts(source, Path(key), loaded)
    except DataError as error:
        raise DataError(f"Data set {named} does not load what it should ({error}); mend the package.") from None
    with whole_folder(destination) as folder:
        for (of_images, of_labels), (images, labels) in zip(names, parts, strict=True):
            write_npy(folder / of_images, images)
            write_npy(folder / of_labels, labels.astype("<i8"))
        files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
        write_json(folder / MANIFEST, {"files": files})


def stored_source(dataset: Dataset, folder: Path, remedy: str) -> Source:
    """Return the data set with the checksums of the files that `put_packaged` wrote to `folder`.

    Raises:
        DataError: there are none; it ends with `remedy`.
    """
    written = read_manifest(folder, remedy)
    for names in (WHOLE, PARTS):
        if set(written) == {name for pair in names for name in pair}:
            return _source(dataset, {name: written[name] for pair in names for name in pair})
    raise DataError(f"{folder / MANIFEST} is damaged; {remedy}.")


def _source(dataset: Dataset, files: dict[str, str]) -> Source:
    return Source(
        title=dataset.title,
        citation=dataset.citation,
        class_names=dataset.class_names,
        files=files,
        format="npy",
        layout="package",
        resize=dataset.resize,
    )


def _entry(key: str) -> EntryPoint | None:
    return plugins.find("alpa.datasets", key, SOURCES.keys())


def _is_plain(name: str) -> bool:
    return name.strip(". ") != "" and not set(name) & set("/\\") and len(name.encode()) < 100
