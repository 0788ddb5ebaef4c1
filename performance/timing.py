"""What the measurements share: runs in turn, so that all meet the same disturbances, a table, and a figure of it."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd
from tqdm import tqdm

RESULTS = Path(__file__).parent / "results"
ENVIRONMENT = dict(os.environ)  # as it was at the start: Dask puts variables of its own into it


def in_turn(runs: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Call each run once a round and return what each gave, round by round."""
    values: dict[str, list[float]] = {name: [] for name in runs}
    with tqdm(total=rounds * len(runs), unit="run", disable=None) as progress:
        for _ in range(rounds):
            for name, run in runs.items():
                values[name].append(run())
                progress.update()
    return values


def ratio(values: Mapping[str, Sequence[float]], name: str, other: str) -> float:
    """Return the median over rounds of one run's value over another's of the same round."""
    return median(one / two for one, two in zip(values[name], values[other], strict=True))


def call(*command: str) -> Any:
    """Run a command that prints JSON as its last line, and return that."""
    finished = subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRONMENT)
    if finished.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{finished.stderr[-3000:]}")
    return json.loads(finished.stdout.splitlines()[-1])


def write(name: str, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Print a table, write it to performance/results/<name>.csv, and return it."""
    table = pd.DataFrame(rows)
    RESULTS.mkdir(exist_ok=True)
    table.to_csv(RESULTS / f"{name}.csv", index=False)
    print(table.to_string(index=False))
    print(f"Written to performance/results/{name}.csv, on {hardware()}.")
    return table


def hardware() -> str:
    """Return the processor's name, as the system gives it, and how many of its cores there are."""
    import joblib

    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f"{joblib.cpu_count()} cores of {name}"


def bars(name: str, labels: Sequence[str], values: Sequence[float], title: str, unit: str) -> None:
    """Draw horizontal bars, each with its value, to performance/results/<name>.png."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 0.42 * len(labels) + 1.1), layout="constrained")
    axes = figure.subplots()
    drawn = axes.barh(list(labels)[::-1], list(values)[::-1], color="#0072B2", height=0.65)
    axes.bar_label(drawn, fmt=lambda value: f"{value:,.0f}" if value >= 10 else f"{value:.2g}", padding=3)
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel(unit)
    axes.margins(x=0.12)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(RESULTS / f"{name}.png", dpi=130)


def lines(name: str, curves: Mapping[str, tuple[Sequence[float], Sequence[float]]], title: str, x: str, y: str) -> None:
    """Draw curves on logarithmic axes, each named at its end, to performance/results/<name>.png."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    for marker, (label, (across, up)) in zip("osD^vPX", curves.items(), strict=False):
        axes.loglog(across, up, marker=marker, label=label)
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(RESULTS / f"{name}.png", dpi=130)
