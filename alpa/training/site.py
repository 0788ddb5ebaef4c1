"""What all processes that run calls of one benchmark have in common: packages, and code."""

import functools
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from alpa import errors
from alpa.errors import ConfigError
from alpa.evaluation.facts import versions
from alpa.plugin_code import digests

REMEDY = "start it anew where the packages and the commit of alpa are the same as here"


@dataclass(frozen=True)
class Site:
    """The versions of Python and of packages that decide numbers, a digest of alpa, and how many calls run at once.

    `plugins` holds a digest of each detector that other packages bring.
    """

    versions: dict[str, str]
    code: str
    threads: int = 1
    plugins: dict[str, str] = field(default_factory=dict)


def own_site() -> Site:
    """Return this process's own."""
    found = versions()
    return Site(found | {"python": found["python"].rpartition(".")[0]}, alpa_code(), plugins=digests())


def require_same(site: Site, own: Site, where: str) -> None:
    """Raise ConfigError for the first thing that the process `where` has not in common with this one."""
    for name, version in own.versions.items():
        if site.versions.get(name) != version:
            raise ConfigError(f"{where} has {name} {site.versions.get(name)}, and not {version} as here; {REMEDY}.")
    if site.code != own.code:
        raise ConfigError(f"{where} has other code of alpa than there is here; {REMEDY}.")
    for name, digest in own.plugins.items():
        if site.plugins.get(name) != digest:
            raise ConfigError(f"{where} does not have the detector {name} as it is here; {REMEDY}.")
    if site.threads != 1:
        problem = f"{where} runs {site.threads} calls at once in one process, where they would share random numbers"
        raise ConfigError(f"{problem}; start it with --nthreads 1, and with --nworkers for several processes.")


@functools.cache
def alpa_code() -> str:
    """Return a SHA-256 of the code that a worker may run, as this process found it when it was first asked."""
    from alpa.detectors import DETECTORS
    from alpa.evaluation import sweep  # noqa: F401  what is loaded stays from here on, whatever becomes of the files

    tuple(DETECTORS.values())  # these are loaded by that too
    root = Path(errors.__file__).parent
    paths = [path for path in sorted(root.rglob("*.py")) if path.relative_to(root).parts[0] != "reporting"]
    digests = [f"{path.relative_to(root)} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in paths]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()
