"""Where in a local root a data set may lie, by the names of files alone: nothing is opened, nothing heavy imported."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from alpa.data.sources import Source

CIFAR_BATCHES = {"train": tuple(f"data_batch_{number}" for number in range(1, 6)), "test": ("test_batch",)}

# A video's folders of train and test clips: as UCSD publishes them, and as most of the literature's code has them.
VIDEO_PARTS = (("Train", "Test"), ("training/frames", "testing/frames"))


def find_place(source: Source, base: Path) -> Path | None:
    """Return the first place under `base` that holds the set, a folder or an archive, or None."""
    return next((base / name for name in source.places if _holds(source, base / name)), None)


def lacking(source: Source, base: Path) -> str:
    """Return what `base` lacks to hold the set, as a part of a sentence: a file, or the places that would do."""
    if source.layout == "files":
        folder = Path(source.places[0])
        return (folder / next(name for name in source.files if raw_file(base / folder, name) is None)).as_posix()
    return _either(source.places)


def wanted(source: Source) -> str:
    """Return what a local root has to hold, as a part of a sentence."""
    if source.layout == "files":
        return f"{(Path(source.places[0]) / next(iter(source.files))).as_posix()} and the set's other files"
    return _either(source.places)


def raw_file(folder: Path, name: str) -> Path | None:
    """Return the path of a raw file in `folder`, of its compressed form if that alone is there, or None."""
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


def is_archive(place: Path) -> bool:
    """Tell whether a place is an archive, by its name."""
    return place.name.endswith(".tar.gz")


def cifar_form(place: Path, class_names: Sequence[str]) -> Literal["binary", "pickled", "images"] | None:
    """Return how a folder holds CIFAR-10: in either form of official batches, as a folder of images, or not at all."""
    batches = [name for names in CIFAR_BATCHES.values() for name in names]
    if all((place / f"{name}.bin").is_file() for name in batches):
        return "binary"
    if all((place / name).is_file() for name in batches):
        return "pickled"
    if all((place / part / name).is_dir() for part in CIFAR_BATCHES for name in class_names):
        return "images"
    return None


def video_parts(place: Path) -> tuple[str, str] | None:
    """Return the folders of a video's train and test clips, or None if the folder holds no video."""
    return next((parts for parts in VIDEO_PARTS if all((place / part).is_dir() for part in parts)), None)


def _holds(source: Source, place: Path) -> bool:
    if is_archive(place):
        return place.is_file()
    if source.layout == "cifar10":
        return cifar_form(place, source.class_names) is not None
    if source.layout == "ucsd":
        return video_parts(place) is not None
    return all(raw_file(place, name) for name in source.files)


def _either(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
