"""Where the time of a first `make repro` goes, in a fresh clone: `python -m performance.cold_start`.

The clone of the last commit gets an environment of its own; then the default benchmark runs with a `python` that notes
how long each stage took. Written to performance/results/cold_start.{csv,png}: install, DVC, imports, data, compute,
report. It takes as long as the README's first command, and downloads what that downloads.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

from performance.timing import bars, write

ROOT = Path(__file__).parent.parent
PARTS = {
    "data": ("download", "folder", "split"),
    "compute": ("tune", "train", "evaluate", "sweep"),
    "report": ("leaderboard", "report", "tuning", "collect", "paper", "sync", "preflight", "release"),
}
SHIM = """#!/bin/sh
started=$(date +%s.%N)
"{python}" "$@"
code=$?
echo "$2 $started $(date +%s.%N)" >> "{log}"
exit $code
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder, clone = Path(temporary), Path(temporary) / "clone"
        subprocess.run(["git", "clone", "-q", "--no-local", ROOT, clone], check=True)
        install = seconds_of(["make", ".venv/requirements.lock"], clone, {})
        stages = folder / "stages"
        path = with_noting_python(folder / "bin", clone / ".venv" / "bin" / "python", stages)
        total = seconds_of(["dvc", "--wait-for-lock", "repro"], clone, {"PATH": path})
        spent, runs = spent_in_stages(stages)
        imports = {name: seconds_of(["python", "-c", f"import {name}"], clone, {"PATH": path}) for name in runs}
    importing = sum(imports[name] * count for name, count in runs.items())
    rows = [{"part": "install", "seconds": install}, {"part": "DVC", "seconds": total - sum(spent.values())}]
    rows.append({"part": f"imports of {sum(runs.values())} processes", "seconds": importing})
    for part, names in PARTS.items():
        modules = [f"pipeline.{name}" for name in names]
        rows.append({"part": part, "seconds": sum(spent[name] - imports.get(name, 0) * runs[name] for name in modules)})
    rows = [row | {"seconds": round(float(row["seconds"]), 1)} for row in rows]
    write("cold_start", [*rows, {"part": "in all", "seconds": round(install + total, 1)}])
    title = "A first make repro, default benchmark"
    bars("cold_start", [str(row["part"]) for row in rows], [float(row["seconds"]) for row in rows], title, "seconds")


def with_noting_python(folder: Path, python: Path, log: Path) -> str:
    """Make a `python` that notes the module and the times of each of its runs; return a PATH on which it is first."""
    folder.mkdir()
    shim = folder / "python"
    shim.write_text(SHIM.format(python=python, log=log), encoding="utf-8")
    shim.chmod(0o755)
    return os.pathsep.join([str(folder), str(python.parent), os.environ["PATH"]])


def seconds_of(command: list[str], folder: Path, changes: dict[str, str]) -> float:
    """Run a command there and return its seconds; end if it fails."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    started = time.perf_counter()
    code = subprocess.run(command, cwd=folder, env=kept | changes, stdout=sys.stderr, check=False).returncode
    if code:
        sys.exit(f"{' '.join(command)} failed.")
    return time.perf_counter() - started


def spent_in_stages(log: Path) -> tuple[dict[str, float], Counter[str]]:
    """Return the seconds and the number of runs of each module of the pipeline."""
    spent: dict[str, float] = defaultdict(float)
    runs: Counter[str] = Counter()
    for line in log.read_text(encoding="utf-8").splitlines():
        name, started, ended = line.split()
        if name.startswith("pipeline."):
            spent[name] += float(ended) - float(started)
            runs[name] += 1
    return spent, runs


if __name__ == "__main__":
    main()
