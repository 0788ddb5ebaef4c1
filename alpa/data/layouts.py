"""What a folder of the user's own pictures means: which file is of which class, and for training or for testing.

A folder is understood if it has one of three layouts:

- `train/<class>/` and `test/<class>/`: the parts as given; a class may be in one of them alone, and those of train come
  first. MVTec AD is a case of it, with its `train/good/`, `test/good/` and `test/<defect>/`.
- `normal/` and `anomalous/`: a protocol splits the normal pictures; all anomalous ones are for testing.
- a folder per class: a protocol splits each class.

Folders below a class belong to it, and links are followed. Left alone are `ground_truth/` (MVTec AD's masks), hidden
files, and the kinds of files that lie beside pictures (`SIDECARS`); every other file has to be a picture.
"""

import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from alpa.errors import DataError

SIDECARS = frozenset({".txt", ".csv", ".json", ".xml", ".md"})
HIDDEN = frozenset({"thumbs.db", "desktop.ini", "__macosx"})  # as is what begins with a dot
MASKS = "ground_truth"
LAYOUTS = "make it train/<class>/ and test/<class>/, or normal/ and anomalous/, or a folder per class"
NAMED_AT_MOST = 5  # folders that a message lists

# A folder called almost like one of a pair is a slip if the other one of the pair is there too.
PAIRS = {"train": "test", "test": "train", "normal": "anomalous", "anomalous": "normal"}
SLIPS = {"training": "train", "testing": "test", "val": "test", "valid": "test", "validation": "test"}
SLIPS |= {
    "good": "normal",
    "normals": "normal",
    "abnormal": "anomalous",
    "anomaly": "anomalous",
    "anomalies": "anomalous",
}


@dataclass(frozen=True)
class Tree:
    """POSIX paths of the files and folders below a folder, in natural order, and how many entries are hidden."""

    files: tuple[str, ...]
    folders: tuple[str, ...]
    hidden: int


@dataclass(frozen=True)
class Place:
    """A picture's path, its class, and its part: train, test, or undecided where a protocol has to split."""

    path: str
    class_name: str
    part: str


def walk(top: Path) -> Tree:
    """Find all files and folders below `top`, through links too; hidden ones are counted, and not entered.

    Raises:
        DataError: something cannot be read, is neither file nor folder, is a link that leads back to a folder that
            holds it, or has a name that is not UTF-8.
    """
    files: list[str] = []
    folders: list[str] = []
    hidden = 0
    waiting: list[tuple[str, tuple[tuple[int, int], ...]]] = [("", (_identity(top.stat()),))]
    while waiting:
        at, holders = waiting.pop()
        for entry in _entries(top, at):
            path = f"{at}{entry}"
            if entry.startswith(".") or entry.casefold() in HIDDEN:
                hidden += 1
                continue
            state = _state(top, path)
            if stat.S_ISDIR(state.st_mode):
                if _identity(state) in holders:
                    raise DataError(f"{named(top, path)} is a link to a folder that holds it; remove the link.")
                folders.append(path)
                waiting.append((f"{path}/", (*holders, _identity(state))))
            elif stat.S_ISREG(state.st_mode):
                files.append(path)
            else:
                raise DataError(f"{named(top, path)} is neither a file nor a folder; remove it.")
    return Tree(tuple(sorted(files, key=natural)), tuple(sorted(folders, key=natural)), hidden)


def place_pictures(top: Path, tree: Tree) -> tuple[list[Place], tuple[str, ...]]:
    """Return where each picture of the tree belongs, in natural order, and the names of the classes.

    Raises:
        DataError: the folder has none of the layouts, a picture lies in no class, or a class has no pictures.
    """
    folders = [path for path in tree.folders if path.split("/")[0] != MASKS]
    tops = [path for path in folders if "/" not in path]
    _require_layout(top, tops)
    split = "train" in tops
    depth = 2 if split else 1  # of a class's folder
    places = []
    for path in tree.files:
        parts = path.split("/")
        if parts[0] == MASKS or is_sidecar(path):
            continue
        if len(parts) <= depth:
            raise DataError(f"{named(top, path)} lies in no class's folder; move it into one, or elsewhere.")
        class_name = parts[depth - 1]
        decided = "test" if _is_pair(tops) and class_name == "anomalous" else "undecided"
        places.append(Place(path, class_name, parts[0] if split else decided))
    _require_pictures(top, [path for path in folders if path.count("/") < depth], places)
    return places, _class_names(top, places, _is_pair(tops))


def is_sidecar(path: str) -> bool:
    """Tell whether a file is of a kind that lies beside pictures and is left alone."""
    return PurePosixPath(path).suffix.lower() in SIDECARS


def natural(path: str) -> tuple[object, ...]:
    """Return a key that sorts paths folder by folder, 2 before 10, and otherwise by code point: alike everywhere."""
    pieces = [re.split("([0-9]+)", part) for part in path.split("/")]
    return [[int(piece) if number % 2 else piece for number, piece in enumerate(part)] for part in pieces], path


def named(top: Path, path: str) -> str:
    """Return how a message names a file or folder of the user's."""
    return f"{shown(path)} in {top}"


def shown(text: str) -> str:
    """Return a name as one line of printable characters."""
    return text if text.isprintable() else ascii(text)


def unreadable(top: Path, path: str, error: OSError, remedy: str) -> DataError:
    """Return the error for a file or folder that the system does not let be read."""
    return DataError(f"{named(top, path) if path else top} cannot be read ({error.strerror}); {remedy}.")


def _entries(top: Path, at: str) -> list[str]:
    try:
        entries = os.listdir(top / at)
    except OSError as error:
        raise unreadable(top, at, error, "give yourself the permission to read it, or remove it") from None
    for entry in entries:
        try:
            entry.encode()
        except UnicodeEncodeError:
            raise DataError(f"{named(top, at + entry)} has a name that is not UTF-8; rename it.") from None
    return entries


def _state(top: Path, path: str) -> os.stat_result:
    try:
        return (top / path).stat()
    except OSError as error:
        link = (top / path).is_symlink()
        remedy = "mend or remove the link" if link else "give yourself the permission to read it, or remove it"
        raise unreadable(top, path, error, remedy) from None


def _identity(state: os.stat_result) -> tuple[int, int]:
    return state.st_dev, state.st_ino


def _require_layout(top: Path, tops: list[str]) -> None:
    """Raise DataError unless the folders at the top are those of a layout."""
    meant = {folder: SLIPS.get(folder.lower(), folder.lower()) for folder in tops}
    slips = [
        f"{folder} to {word}"
        for folder, word in meant.items()
        if folder != word and word not in tops and PAIRS.get(word) in meant.values()
    ]
    if slips:
        raise DataError(f"{top} holds {_few(tops)}; rename {' and '.join(slips)}.")
    if not tops:
        raise DataError(f"{top} holds no folders with pictures; {LAYOUTS}.")
    part, mixed = {"train", "test"} & set(tops), {"normal", "anomalous"} < set(tops)
    if mixed or (part and set(tops) != {"train", "test"}):
        raise DataError(f"{top} holds {_few(tops)}, which is none of the layouts; {LAYOUTS}.")


def _is_pair(tops: Sequence[str]) -> bool:
    """Tell whether these folders are those of normal and of anomalous pictures."""
    return set(tops) == {"normal", "anomalous"}


def _class_names(top: Path, places: list[Place], pair: bool) -> tuple[str, ...]:
    """Return the names of the classes: normal and anomalous, or first those of train, then the others."""
    if pair:
        return "normal", "anomalous"
    trained = {place.class_name for place in places if place.part == "train"}
    names = {place.class_name for place in places}
    if len(names) == 1:
        raise DataError(f"{top} holds the class {shown(names.pop())} alone; add pictures of another, to tell it from.")
    return tuple(sorted(names, key=lambda name: (name not in trained, natural(name))))


def _require_pictures(top: Path, folders: list[str], places: list[Place]) -> None:
    """Raise DataError for the first of the folders that no picture lies in."""
    filled = {"/".join(place.path.split("/")[:depth]) for place in places for depth in (1, 2)}
    for folder in folders:
        if folder not in filled:
            raise DataError(f"{named(top, folder)} holds no pictures; put some there, or remove the folder.")


def _few(names: list[str]) -> str:
    more = f" and {len(names) - NAMED_AT_MOST} more" if len(names) > NAMED_AT_MOST else ""
    return ", ".join(f"{shown(name)}/" for name in names[:NAMED_AT_MOST]) + more
