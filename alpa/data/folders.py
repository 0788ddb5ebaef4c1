"""A data set of the user's own: a folder that is listed once, file by file with SHA-256, and read where it lies.

What the folder may look like, `alpa.data.layouts` says; how its pictures become arrays, `alpa.data.pictures`.
"""

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from alpa.data.layouts import Place, is_sidecar, named, place_pictures, unreadable, walk
from alpa.data.pictures import Picture, check_size, decode, in_threads, open_picture, stack
from alpa.data.raw import TEST, TRAIN, UNDECIDED, RawImages
from alpa.data.sources import RAW_FOLDER
from alpa.errors import DataError
from alpa.files import read_text, require_file, write_json

INVENTORY = "inventory.json"
PARTS = {"train": TRAIN, "test": TEST, "undecided": UNDECIDED}
DARK = 64  # so dark is a data set of 14 bits that are read as 16


@dataclass(frozen=True)
class ListedFile:
    """A file of the user's folder: POSIX path within it, SHA-256 and, if it is a picture, its class and part."""

    path: str
    sha256: str
    class_name: str | None = None
    part: str | None = None


@dataclass(frozen=True)
class Inventory:
    """The files of a user's folder, in natural order; `folder` is its path as params.yaml gives it.

    `class_names` is empty for clips. `left_alone` counts the files that are not listed; it is not written.
    """

    folder: str
    kind: Literal["images", "clips"]
    class_names: tuple[str, ...]
    files: tuple[ListedFile, ...]
    left_alone: int = 0


def find_folder(key: str, folders: Mapping[str, str]) -> Path:
    """Return the folder of the user's data set `key`, as params.yaml gives it under `folders`.

    Raises:
        DataError: the key is not there, or its path begins with ~, is not that of a folder, or lies in data/raw/.
    """
    if key not in folders:
        remedy = f"choose {', '.join(folders)}" if folders else "add it with its path"
        raise DataError(f"Data set {key} is not under folders in params.yaml; {remedy}.")
    folder, setting = Path(folders[key]), f"folders.{key} is {folders[key]}"
    if folders[key].startswith("~"):
        raise DataError(f"{setting}, in which DVC does not expand ~; write the path in full.")
    if not folder.exists():
        raise DataError(f"{setting}, which does not exist; give a folder's path, in full or relative to the project.")
    if not folder.is_dir():
        raise DataError(f"{setting}, which is not a folder; give the path of one (an archive has to be unpacked).")
    if RAW_FOLDER.resolve() in folder.resolve().parents:
        raise DataError(f"{setting}, which DVC may empty since it lies in {RAW_FOLDER}/; move it elsewhere.")
    return folder


def list_pictures(key: str, folder: Path) -> Inventory:
    """List the pictures of a folder; their headers are checked, their pixels only when they are read.

    Raises:
        DataError: the folder has no layout that is understood, a class has no pictures, or a file is not a picture.
    """
    tree = walk(folder)
    places, class_names = place_pictures(folder, tree)

    def listed(place: Place) -> ListedFile:
        content = _read(folder, place.path, "give yourself the permission to read it, or remove it")
        try:
            open_picture(content, named(folder, place.path))
        except DataError as error:
            raise DataError(f"{error}; replace or remove it.") from None
        return ListedFile(place.path, hashlib.sha256(content).hexdigest(), place.class_name, place.part)

    files = tuple(in_threads(listed, places, f"list {key}"))
    left_alone = tree.hidden + sum(is_sidecar(path) for path in tree.files)
    return Inventory(folder.as_posix(), "images", class_names, files, left_alone)


def list_clips(key: str, folder: Path) -> Inventory:
    """List all files of a folder of clips, whatever they are, but hidden ones; raise DataError if one is unreadable."""
    tree = walk(folder)

    def listed(path: str) -> ListedFile:
        try:
            with (folder / path).open("rb") as stream:
                return ListedFile(path, hashlib.file_digest(stream, "sha256").hexdigest())
        except OSError as error:
            raise unreadable(folder, path, error, "give yourself the permission to read it, or remove it") from None

    return Inventory(folder.as_posix(), "clips", (), tuple(in_threads(listed, tree.files, f"list {key}")), tree.hidden)


def write_inventory(raw_folder: Path, inventory: Inventory) -> None:
    """Write the inventory to `raw_folder`, whole or not at all; equal inventories give equal bytes."""
    files: list[dict[str, Any]] = []
    for file in inventory.files:
        place = {} if file.class_name is None else {"class": file.class_name, "part": file.part}
        files.append({"path": file.path, "sha256": file.sha256} | place)
    facts = {"folder": inventory.folder, "kind": inventory.kind, "class_names": inventory.class_names, "files": files}
    write_json(raw_folder / INVENTORY, facts)


def read_inventory(key: str, raw_folder: Path) -> Inventory:
    """Read what `write_inventory` wrote to `raw_folder`; raise DataError if it is missing or damaged."""
    path = raw_folder / INVENTORY
    try:
        facts = json.loads(read_text(path))
        files = tuple(
            ListedFile(file["path"], file["sha256"], file.get("class"), file.get("part")) for file in facts["files"]
        )
        inventory = Inventory(facts["folder"], facts["kind"], tuple(facts["class_names"]), files)
        whole = inventory.kind == "clips" or (inventory.kind == "images" and _is_placed(inventory))
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; {_again(key)}.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); {_again(key)}.") from None
    except (AttributeError, KeyError, TypeError, ValueError):
        whole = False
    if not whole:
        raise DataError(f"{path} is damaged; {_again(key)}.")
    return inventory


def read_folder(key: str, raw_folder: Path, size: int) -> RawImages:
    """Read the pictures of the user's data set `key`, where they lie, as its inventory in `raw_folder` lists them.

    Returns images of `size` x `size`, grey if every picture is grey, RGB otherwise.

    Raises:
        ConfigError: the size is out of range.
        DataError: the inventory is missing, a picture is not the file that it lists, or is not a whole picture.
    """
    check_size(size)
    inventory = read_inventory(key, raw_folder)
    if inventory.kind != "images":
        raise DataError(f"{key} holds clips, which have no single pictures to read; choose a protocol for clips.")

    def read(file: ListedFile) -> Picture:
        content = read_listed(key, inventory, file)
        try:
            return decode(content, named(Path(inventory.folder), file.path), size)
        except DataError as error:
            raise DataError(f"{error}; replace or remove it, and {_again(key)}.") from None

    files = inventory.files
    images = stack(in_threads(read, files, f"read {key}"), len(files), size)
    if (brightest := images.max()) < DARK:
        remedy = "if they hold 10 to 14 bits, stretch them to the whole range first"
        print(f"{key}: no pixel of its pictures is brighter than {brightest} of 255; {remedy}.", file=sys.stderr)
    labels = [inventory.class_names.index(str(file.class_name)) for file in files]
    part = [PARTS[str(file.part)] for file in files]
    return RawImages(
        key, inventory.class_names, images, np.array(labels, dtype=np.int64), np.array(part, dtype=np.int8)
    )


def check_listed(key: str, inventory: Inventory) -> None:
    """Check that every listed file still has its SHA-256; raise DataError, which names the file, otherwise."""
    for _ in in_threads(lambda file: len(read_listed(key, inventory, file)), inventory.files, f"check {key}"):
        pass


def read_listed(key: str, inventory: Inventory, file: ListedFile) -> bytes:
    """Return the content of a listed file; raise DataError unless it still has the SHA-256 of the inventory."""
    folder = Path(inventory.folder)
    content = _read(folder, file.path, f"bring it back, or {_again(key)}")
    actual = hashlib.sha256(content).hexdigest()
    if actual != file.sha256:
        difference = f"its SHA-256 begins with {actual[:12]} instead of {file.sha256[:12]}"
        raise DataError(f"{named(folder, file.path)} has changed since it was listed ({difference}); {_again(key)}.")
    return content


def _read(folder: Path, path: str, remedy: str) -> bytes:
    try:
        require_file(folder / path)
        return (folder / path).read_bytes()
    except OSError as error:
        raise unreadable(folder, path, error, remedy) from None


def _is_placed(inventory: Inventory) -> bool:
    """Tell whether there are pictures, each of a class and a part."""
    known = all(file.class_name in inventory.class_names and file.part in PARTS for file in inventory.files)
    return known and bool(inventory.files)


def _again(key: str) -> str:
    return f"run `python -m pipeline.folder {key}`"
