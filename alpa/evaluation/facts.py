"""The facts behind a benchmark's numbers: commit, data, versions, hardware, seeds and time.

`facts.json` changes with every run and is not tracked. `release.json` is a tracked copy, made on purpose; it speaks for
the result tables as long as these are the released ones bit for bit, which the SHA-256 of cells.csv tells.
"""

import hashlib
import json
import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib

from alpa.errors import DataError, ScoreError
from alpa.files import read_text, write_text
from alpa.params import Params

if TYPE_CHECKING:
    from alpa.runtime import Runtime

PACKAGES = ("torch", "torchvision", "numpy", "scipy", "scikit-learn", "pandas", "pyarrow")
ENVIRONMENT = ("commit", "changed", "device", "precision", "threads", "versions", "hardware")
RESULTS = (":(exclude)reports", ":(exclude,glob)**/dvc.lock")  # a run's own results are no change of its code


def gather_facts(params: Params, benchmark: str, root: Path = Path()) -> dict[str, Any]:
    """Collect what is known about the run behind reports/<benchmark>/cells.csv.

    Args:
        params: for the benchmark's seeds, the detectors and the number of workers.
        benchmark: its key.
        root: the project's folder.

    Returns:
        A JSON value. `commit`, `changed`, `versions` and `hardware` are of the process that calls; `shared` counts the
        test images or frames that are also in the train split (None if unknown); `trained` holds, for each environment
        that cells were trained in, its own and its number of `cells`; `cells` counts a detector's cells and `seconds`
        is the training time summed over them; `finished` is when the last cell was (None if unknown);
        `cells_without_facts` counts cells whose record of training is missing.

    Raises:
        DataError: the benchmark has no split.
        ScoreError: it has no cells.csv.
    """
    splits = {part: read_split_facts(root, benchmark, part) for part in ("train", "test")}
    cells = {name: _cell_facts(root, benchmark, name) for name in params.pipeline.detectors}
    known = {name: [fact for fact in facts if fact is not None] for name, facts in cells.items()}
    all_known = [fact for facts in known.values() for fact in facts]
    return {
        "benchmark": benchmark,
        "cells_sha256": _cells_sha256(root / "reports" / benchmark),
        **git_state(root),
        "data": {part: facts["digest"] for part, facts in splits.items()},
        "shared": splits["test"].get("shared"),
        "seeds": list(params.benchmark(benchmark).seeds),
        "cells": {name: len(facts) for name, facts in known.items() if facts},
        "seconds": {name: sum(fact["seconds"] for fact in facts) for name, facts in known.items() if facts},
        "finished": max((fact["finished"] for fact in all_known), default=None),
        "trained": _environments(all_known),
        "cells_without_facts": sum(facts.count(None) for facts in cells.values()),
        "workers": "a Dask cluster" if params.runtime.scheduler else params.runtime.workers or joblib.cpu_count(),
        "versions": versions(),
        "hardware": hardware(),
    }


def current_facts(report_folder: Path) -> dict[str, Any]:
    """Return the facts that belong to reports/<benchmark>/cells.csv as it is: the release's, else the last run's.

    Empty if neither belongs to it, as after a restored or edited cells.csv.

    Raises:
        ScoreError: there is no cells.csv, or a facts file is not JSON.
    """
    digest = _cells_sha256(report_folder)
    for name in ("release.json", "facts.json"):
        facts = _read_facts(report_folder / name)
        if facts.get("cells_sha256") == digest:
            return facts
    return {}


def release(report_folder: Path) -> None:
    """Copy facts.json to release.json, byte for byte.

    Raises:
        ScoreError: facts.json is missing or belongs to other numbers than the current cells.csv.
    """
    source = report_folder / "facts.json"
    remedy = f"run `dvc repro -f pipeline/dvc.yaml:leaderboard@{report_folder.name}`"
    if not source.is_file():
        raise ScoreError(f"{source} does not exist; {remedy}.")
    if _read_facts(source).get("cells_sha256") != _cells_sha256(report_folder):
        raise ScoreError(f"{source} belongs to another cells.csv than the current one; {remedy}.")
    write_text(report_folder / "release.json", source.read_text(encoding="utf-8"))


def read_split_facts(root: Path, benchmark: str, part: str) -> dict[str, Any]:
    """Return split.json (targets, digest, ...) of a benchmark's `train` or `test` part, without its images.

    Raises:
        DataError: it is missing, not JSON, or lacks the targets or the digest.
    """
    path = root / "data" / "splits" / benchmark / part / "split.json"
    facts = _json(path)
    if facts is None or not {"targets", "digest"} <= set(facts):
        raise DataError(f"{path} is missing or damaged; run `dvc repro pipeline/dvc.yaml:split@{benchmark}`.")
    return facts


def git_state(root: Path = Path()) -> dict[str, Any]:
    """Return the `commit` that is checked out (None outside git), and whether tracked code was `changed` since."""
    head = _git(root, "rev-parse", "HEAD")
    status = _git(root, "status", "--porcelain", "--untracked-files=no", "--", ".", *RESULTS)
    return {"commit": head or None, "changed": bool(status)}


def environment(runtime: "Runtime") -> dict[str, Any]:
    """Return what a cell's record keeps of where it is trained: runtime, commit, versions and hardware."""
    return asdict(runtime) | git_state() | {"versions": versions(), "hardware": hardware()}


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that decide numbers, so far as they are installed."""
    installed = {name: _version(name) for name in PACKAGES}
    return {"python": platform.python_version()} | {name: found for name, found in installed.items() if found}


def hardware() -> dict[str, Any]:
    """Return the processor's name, the cores that this process may use, and the memory in GiB (None if unknown)."""
    return {"cpu": _cpu_name(), "cores": joblib.cpu_count(), "memory_gib": _memory_gib()}


def _cell_facts(root: Path, benchmark: str, detector: str) -> list[dict[str, Any] | None]:
    """Return the training record of each of a detector's cells, None where there is none."""
    records = []
    for path in sorted((root / "runs" / "models" / benchmark / detector).glob("*/cell.json")):
        key = (_json(path) or {}).get("key", "")
        fact = _json(root / ".cache" / "cells" / str(key) / "facts.json") if key else None
        complete = fact is not None and {"seconds", "finished"} <= set(fact)
        records.append(fact if complete else None)
    return records


def _environments(facts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Group training records by commit, device, versions and so on; the largest group comes first."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for fact in facts:
        own = {name: fact.get(name) for name in ENVIRONMENT}
        groups.setdefault(json.dumps(own, sort_keys=True), []).append(own)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    return [members[0] | {"cells": len(members)} for _, members in ordered]


def _cells_sha256(report_folder: Path) -> str:
    path = report_folder / "cells.csv"
    if not path.is_file():
        raise ScoreError(f"{path} does not exist; run `dvc repro pipeline/dvc.yaml:leaderboard@{report_folder.name}`.")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _read_facts(path: Path) -> dict[str, Any]:
    """Return a facts file's content, empty if there is no such file."""
    facts = _json(path)
    if facts is None and path.exists():
        raise ScoreError(f"{path} is not a JSON object; delete it or restore it from git.")
    return facts or {}


def _json(path: Path) -> dict[str, Any] | None:
    """Return a JSON object, or None where the file is missing or holds something else."""
    try:
        value = json.loads(read_text(path))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def _git(root: Path, *arguments: str) -> str:
    """Return what git prints, empty where git is missing or fails."""
    git = shutil.which("git")
    if git is None:
        return ""
    done = subprocess.run([git, *arguments], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _cpu_name() -> str:
    """Return the processor's name; Linux alone tells more than its architecture."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _memory_gib() -> int | None:
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", {}):
        return None
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
