"""Time, memory and losses under load: `python -m tests.load`, or `python -m tests.load cells pairs` for some cases.

Each case prepares its files and does its work in two processes of their own, in a temporary folder. The work's peak is
that of its own resident memory or of the largest process that it started. The table is printed and written to
reports/reliability/load.csv. It is an error if something was lost, or where nothing can be, if it took more than a
minute or a gibibyte; `processor_seconds` tell what a busy machine added to the seconds.
"""

import argparse
import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.load.cases import CASES

RESULTS = Path(__file__).parents[2] / "reports/reliability/load.csv"
COLUMNS = ("what", "size", "seconds", "processor_seconds", "peak_mib", "lost")
MOST_SECONDS, MOST_MIB = 60, 1024


def measure(name: str) -> dict[str, Any]:
    """Return the row of a case."""
    with tempfile.TemporaryDirectory() as folder:
        run("prepare", name, folder)
        found = json.loads(run("work", name, folder))
    size = ", ".join(f"{number} {noun}" for noun, number in CASES[name].size.items())
    return {"what": CASES[name].what, "size": size} | found


def run(part: str, name: str, folder: str) -> str:
    """Run a part of a case in a process of its own and return the last line that it printed."""
    command = [sys.executable, "-m", "tests.load", name, f"--part={part}", f"--folder={folder}"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1]


def do(part: str, name: str, folder: Path) -> dict[str, Any]:
    """Do a part in this process and return what it took and, of the work, how much was lost."""
    started = time.monotonic()
    lost = getattr(CASES[name], part)(folder, CASES[name].size)
    used = [resource.getrusage(kind) for kind in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {
        "seconds": round(time.monotonic() - started, 1),
        "processor_seconds": round(sum(each.ru_utime + each.ru_stime for each in used), 1),
        "peak_mib": round(max(each.ru_maxrss for each in used) / 1024),  # KiB on Linux
        "lost": lost,
    }


def is_too_much(row: dict[str, Any]) -> bool:
    """Tell whether a case lost something or, where nothing can be lost, took more than it may."""
    if row["lost"] is not None:
        return bool(row["lost"])
    return bool(row["seconds"] > MOST_SECONDS or row["peak_mib"] > MOST_MIB)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", default=list(CASES), metavar="case", help=", ".join(CASES))
    parser.add_argument("--part", choices=("prepare", "work"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if unknown := set(asked.cases) - set(CASES):
        parser.error(f"{sorted(unknown)[0]} is no case; choose {', '.join(CASES)}")
    if asked.part:
        print(json.dumps(do(asked.part, asked.cases[0], asked.folder)))
        return
    rows = []
    for name in asked.cases:
        rows.append(measure(name))
        print(*rows[-1].values(), sep=" | ", flush=True)
    if asked.cases == list(CASES):
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        with RESULTS.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    if failed := [row["what"] for row in rows if is_too_much(row)]:
        sys.exit(f"Too slow, too large or with losses: {'; '.join(failed)}.")


if __name__ == "__main__":
    main()
