"""Where the time of a first `make repro` goes, in a fresh clone: `python -m performance.cold_start`.

The clone of the last commit gets an environment of its own; then the default benchmark runs with a `python` that notes
how long each stage took, and its imports, at the start or later. Written to performance/results/cold_start.{csv,png}:
install, DVC, imports, data, compute, report; a stage whose results git keeps is skipped where its inputs came out as
they were, so the report may take nothing. It takes as long as the README's first command, and downloads what that does.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
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
"{python}" -X importtime "$@" 2> "{log}.$$"
code=$?
ended=$(date +%s.%N)
importing=$(awk -F"[:|]" '/^import time: +[0-9]/ {{sum += $2}} END {{print sum / 1e6}}' "{log}.$$")
sed "/import time:/d" "{log}.$$" >&2
echo "$2 $started $ended $importing" >> "{log}"
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
        spent, importing, processes = spent_in_stages(stages)
    rows = [{"part": "install", "seconds": install}]
    rows.append({"part": "DVC", "seconds": total - sum(spent.values()) - sum(importing.values())})
    rows.append({"part": f"imports of {processes} processes", "seconds": sum(importing.values())})
    for part, names in PARTS.items():
        rows.append({"part": part, "seconds": sum(spent[f"pipeline.{name}"] for name in names)})
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


def spent_in_stages(log: Path) -> tuple[Counter[str], Counter[str], int]:
    """Return the seconds of each module of the pipeline, without and in imports, and the number of its processes."""
    spent: Counter[str] = Counter()
    importing: Counter[str] = Counter()
    lines = [line.split() for line in log.read_text(encoding="utf-8").splitlines() if line.startswith("pipeline.")]
    for name, started, ended, imports in lines:
        spent[name] += float(ended) - float(started) - float(imports)
        importing[name] += float(imports)
    return spent, importing, len(lines)


if __name__ == "__main__":
    main()
