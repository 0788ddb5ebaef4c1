"""What other packages add: detectors and data sets that they declare as entry points, imported when they are needed.

A package names them in its pyproject.toml, and is found once it is installed:

    [project.entry-points."alpa.detectors"]
    median = "acme.median:Median"    # the key of a subclass of alpa.Detector

    [project.entry-points."alpa.datasets"]
    shapes = "acme.shapes:SHAPES"    # the key of an alpa.Dataset
"""

import functools
import sys
from collections.abc import Collection
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, NamedTuple

from alpa.errors import ConfigError

Group = Literal["alpa.detectors", "alpa.datasets"]
NOUNS: dict[Group, str] = {"alpa.detectors": "detector", "alpa.datasets": "data set"}


class Listed(NamedTuple):
    """A name that can be chosen, and the package with its version that brings it."""

    name: str
    origin: str


def listed(group: Group) -> list[Listed]:
    """Return ALPA's own detectors or data sets, then those of other packages; nothing is imported for it.

    Raises:
        ConfigError: a name is declared twice.
    """
    import alpa

    own = own_names(group)
    others = {name: find(group, name, own) for name in sorted(declared(group))}
    mine = [Listed(name, f"alpa {alpa.__version__}") for name in own]
    return mine + [Listed(name, origin(entry)) for name, entry in others.items() if entry is not None]


def find(group: Group, name: str, own: Collection[str]) -> EntryPoint | None:
    """Return what a package declares as `name`, None if none does.

    Raises:
        ConfigError: the name is among ALPA's `own`, or two packages declare it.
    """
    entries = declared(group).get(name, ())
    if not entries:
        return None
    if name in own:
        problem = f"{origin(entries[0])} declares the {NOUNS[group]} {name}, which ALPA has itself"
        raise ConfigError(f"{problem}; rename its entry point, or uninstall it.")
    if len(entries) > 1:
        problem = f"{' and '.join(map(origin, entries))} both declare the {NOUNS[group]} {name}"
        raise ConfigError(f"{problem}; uninstall one of them.")
    return entries[0]


def load(group: Group, entry: EntryPoint, kind: type, wanted: str) -> Any:
    """Import what a package declares: an instance of `kind`, which `wanted` names, or a subclass of it.

    Raises:
        ConfigError: the import fails, for whatever reason, or finds something else.
    """
    named = f"{NOUNS[group].capitalize()} {entry.name} of {origin(entry)}"
    try:
        found = entry.load()
    except Exception as error:  # a package's import may raise anything
        reason = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")
        problem = f"{named} cannot be loaded ({reason})"
        raise ConfigError(f"{problem}; mend the package, or take {entry.name} out of params.yaml.") from error
    if isinstance(found, kind) or (isinstance(found, type) and issubclass(found, kind)):
        return found
    described = found.__name__ if isinstance(found, type) else f"a {type(found).__name__}"
    raise ConfigError(f"{named} is {described} ({entry.value}), and not {wanted}; mend its entry point.")


def origin(entry: EntryPoint) -> str:
    """Return the package that declares it, with its version."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value


def declared(group: Group) -> dict[str, tuple[EntryPoint, ...]]:
    """Return what packages declare, by name: more than one of a name is for `find` to refuse."""
    return _declared(group, tuple(sys.path))


@functools.cache
def _declared(group: Group, path: tuple[str, ...]) -> dict[str, tuple[EntryPoint, ...]]:
    """Return what packages on this search `path` declare, by name."""
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in entry_points(group=group):
        found[entry.name] = (*found.get(entry.name, ()), entry)
    return found


def own_names(group: Group) -> Collection[str]:
    """Return the names of ALPA's own."""
    if group == "alpa.datasets":
        from alpa.data.sources import SOURCES

        return SOURCES.keys()
    from alpa.detectors import DETECTORS

    return DETECTORS.keys()
