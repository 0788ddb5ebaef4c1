"""What the code of other packages' detectors and data sets is: part of a cell's key, and a record that DVC compares.

DVC cannot name files of packages that it has never heard of. So every stage that uses a detector or a data set depends
on a file about it in `RECORD`: of one of ALPA's own that never changes, of another package's it holds `describe`.
"""

import functools
import hashlib
import importlib.util
import json
import re
from collections.abc import Iterable
from importlib.metadata import EntryPoint, PackageNotFoundError, version
from pathlib import Path
from typing import Any

from alpa.files import whole_folder, write_json
from alpa.plugins import Group, declared, find, origin, own_names
from alpa.runs import read_json

RECORD = Path("runs/plugins")  # {detectors,datasets}/<key>.json
OWN = {"package": "alpa"}  # whose code the stages name file by file


def describe(entry: EntryPoint) -> dict[str, Any]:
    """Return what decides the numbers of a package's detector or data set: its code, and versions.

    `code` is a SHA-256 over all files of the package that its module lies in, `requires` holds the versions of what its
    metadata name as required. Nothing of it is imported.
    """
    required = [re.split(r"[^\w.-]", text, maxsplit=1)[0] for text in _required(entry)]
    return {
        "package": entry.dist.name if entry.dist else None,
        "version": entry.dist.version if entry.dist else None,
        "requires": {name: _version(name) for name in sorted(required) if name != "alpa"},
        "object": entry.value,
        "code": _code(entry.module),
    }


def digest(entry: EntryPoint) -> str:
    """Return a SHA-256 of `describe`."""
    return hashlib.sha256(json.dumps(describe(entry), sort_keys=True).encode()).hexdigest()


@functools.cache
def digests() -> dict[str, str]:
    """Return the digest of each detector of another package, as this process found it when it was first asked."""
    found = sorted(declared("alpa.detectors").items())
    return {f"{name} of {origin(entries[0])}": digest(entries[0]) for name, entries in found}


def sources(detectors: Iterable[str]) -> list[Path]:
    """Return the modules of those packages that bring some of the detectors."""
    found = declared("alpa.detectors")
    roots = {_root(entry.module) for name in detectors for entry in found.get(name, ())}
    return [path for root in sorted(filter(None, roots)) for path in _files(root) if path.suffix == ".py"]


def described(detectors: Iterable[str], datasets: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return what each name consists of, by the path of its file in the record: `describe` of another package's.

    Raises:
        ConfigError: a name is declared twice.
    """
    named: list[tuple[Group, Iterable[str]]] = [("alpa.detectors", detectors), ("alpa.datasets", datasets)]
    found = {}
    for group, names in named:
        for name in names:
            entry = find(group, name, own_names(group))
            found[f"{group.removeprefix('alpa.')}/{name}.json"] = describe(entry) if entry else OWN
    return found


def record(descriptions: dict[str, dict[str, Any]], folder: Path = RECORD) -> None:
    """Write what `described` returned, a file for each name, unless it is there already.

    DVC compares these files, so that a package that was changed runs the stages again that use it.
    """
    if _recorded(folder) != descriptions:
        with whole_folder(folder) as temporary:
            for path, description in descriptions.items():
                (temporary / path).parent.mkdir(exist_ok=True)
                write_json(temporary / path, description)


def _required(entry: EntryPoint) -> list[str]:
    return [text for text in (entry.dist and entry.dist.requires) or [] if not re.search(r"\bextra\s*==", text)]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _code(module: str) -> str | None:
    """Return a SHA-256 over the names and contents of a package's files, None where they are not found."""
    root = _root(module)
    if root is None:
        return None
    lines = [
        f"{path.relative_to(root.parent)} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in _files(root)
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _files(root: Path) -> list[Path]:
    """Return the files of a package, or of a module that is in none."""
    paths = [path for path in root.rglob("*") if path.is_file()] if root.is_dir() else [root]
    return sorted(path for path in paths if "__pycache__" not in path.parts)


def _root(module: str) -> Path | None:
    """Return the folder of the outermost package that a module lies in, or the module's file if it is in none."""
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        try:
            spec = importlib.util.find_spec(".".join(parts[:end]))
        except (ImportError, ValueError):
            return None
        if spec is None:
            return None
        if spec.origin is not None:  # a namespace, which several packages share, has none
            return Path(spec.origin).parent if spec.submodule_search_locations else Path(spec.origin)
    return None


def _recorded(folder: Path) -> dict[str, Any]:
    """Return the files of a record by their paths."""
    return {path.relative_to(folder).as_posix(): read_json(path) for path in folder.rglob("*.json")}
