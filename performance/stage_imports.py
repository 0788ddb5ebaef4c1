"""How long each stage takes to import what it needs, and which heavy packages: `python -m performance.stage_imports`.

A stage imports some of it when it starts, and the rest within functions, only where there is work for it; both are
measured, each in a process of its own, as the median of three. The table is printed and written to
performance/results/stage_imports.csv.
"""

import ast
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "stage_imports.csv"
STAGES = (
    *("preflight", "download", "folder", "split", "tune", "train", "evaluate", "sweep", "tuning", "leaderboard"),
    *("report", "collect", "paper", "sync", "release", "unlock", "grow"),
)
HEAVY = (
    *("torch", "torch._dynamo", "torch._inductor", "torchvision", "sympy", "sklearn", "scipy", "pandas", "pyarrow"),
    *("matplotlib", "mlflow", "optuna", "PIL", "av"),
)
RUNS = 3


def at_start(stage: str) -> str:
    """Return the statement that imports a stage as `python -m` does when it starts."""
    return f"import pipeline.{stage}"


def in_all(stage: str) -> str:
    """Return every import statement of a stage's file, those within its functions too, as one program."""
    tree = ast.parse((ROOT / "pipeline" / f"{stage}.py").read_text(encoding="utf-8"))
    return "\n".join(ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom))


def measure(program: str) -> tuple[list[str], float]:
    """Run import statements in a process of their own; return the heavy packages that they bring, and the seconds."""
    code = "\n".join(
        [
            "import json, sys, time",
            "started = time.monotonic()",
            program,
            f"print(json.dumps([[name for name in {HEAVY!r} if name in sys.modules], time.monotonic() - started]))",
        ]
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": "."}, check=True, capture_output=True)
    heavy, seconds = json.loads(done.stdout)
    return heavy, seconds


def median(program: str) -> tuple[list[str], float]:
    """Return the heavy packages and the median of the seconds, after a run that brings the files into memory."""
    heavy, _ = measure(program)
    return heavy, statistics.median(measure(program)[1] for _ in range(RUNS))


def rows(stages: Sequence[str] = STAGES) -> list[str]:
    """Return the table's rows; a stage with all its imports at its start has one."""
    table = []
    for stage in stages:
        programs = {"at start": at_start(stage), "in all": in_all(stage)}
        found = {part: median(program) for part, program in programs.items()}
        if found["at start"][0] == found["in all"][0]:
            del found["in all"]
        for part, (heavy, seconds) in found.items():
            table.append(f"{stage},{part},{' '.join(heavy)},{seconds:.2f}")
            print(table[-1], flush=True)
    return table


def main() -> None:
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text("\n".join(["stage,part,packages,seconds", *rows()]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
