"""What there is: detectors, data sets, and the benchmarks of a checkout with their reports."""

import ast
import json
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alpa import plugins
from alpa.errors import AlpaError, ConfigError, DataError

if TYPE_CHECKING:
    from alpa.data.sources import Source

PARAMS = Path("params.yaml")
REPORTS = ("report.html", "report.md")


def show(as_json: bool) -> None:
    """Print all of it."""
    listed = {"detectors": detectors(), "datasets": datasets()}
    if in_checkout():
        listed["benchmarks"] = benchmarks()
    if as_json:
        print(json.dumps(listed, indent=1))
        return
    print("\n\n".join(f"{title}\n{_aligned(rows)}" for title, rows in listed.items()))
    if "benchmarks" not in listed:
        print("\nBenchmarks are listed in a checkout of the project, where params.yaml is.")


def in_checkout() -> bool:
    """Tell whether the working folder is a checkout of the project."""
    return PARAMS.is_file() and Path("pipeline").is_dir()


def detectors() -> list[dict[str, Any]]:
    """Return each detector's key, the package that brings it, and of ALPA's own the first sentence on its module."""
    from alpa.detectors import DETECTORS

    return [
        {"key": name, "package": package, "about": _about(name) if name in DETECTORS else ""}
        for name, package in plugins.listed("alpa.detectors")
    ]


def _about(detector: str) -> str:
    """Return what a detector's file begins with, which is read, since importing all of them takes seconds."""
    source = files("alpa.detectors").joinpath(f"{detector}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0].rstrip(".")


def datasets() -> list[dict[str, Any]]:
    """Return each data set's key, the package that brings it, and of ALPA's own its name and kind."""
    from alpa.data.sources import SOURCES

    listed = plugins.listed("alpa.datasets")
    rows = [{"key": name, "package": package, "title": "", "kind": ""} for name, package in listed]
    return [row | _published(SOURCES[row["key"]]) if row["key"] in SOURCES else row for row in rows]


def _published(source: "Source") -> dict[str, str]:
    return {"title": source.title, "kind": source.kind}


def benchmarks() -> list[dict[str, Any]]:
    """Return each benchmark's key, data set, protocol, and state: its report's path, `trained`, or `not run`."""
    from alpa.params import load_params

    found = load_params().benchmarks
    return [
        {"key": key, "dataset": one.dataset, "protocol": one.protocol, "state": state(key)}
        for key, one in found.items()
    ]


def benchmark_keys() -> list[str]:
    """Return the keys of the checkout's benchmarks; none where there is no checkout, or params.yaml is wrong."""
    from alpa.params import load_params

    try:
        return list(load_params().benchmarks) if in_checkout() else []
    except AlpaError:
        return []


def state(benchmark: str) -> str:
    """Return how far a benchmark is."""
    path = report_of(benchmark)
    if path is not None:
        return path.as_posix()
    return "trained" if Path("runs/models", benchmark).is_dir() else "not run"


def report_of(benchmark: str) -> Path | None:
    """Return a benchmark's report, None if there is none."""
    paths = [Path("reports") / benchmark / name for name in REPORTS]
    return next((path for path in paths if path.is_file()), None)


def find_report(benchmark: str | None) -> Path:
    """Return the path of a benchmark's report, of the default one if None.

    Raises:
        ConfigError: the working folder is no checkout, or has no such benchmark.
        DataError: there is no report yet; the message says how to make it.
    """
    from alpa.params import load_params

    if not in_checkout():
        problem = "Reports belong to a checkout of the project, and there is no params.yaml here"
        raise ConfigError(f"{problem}; change to its folder.")
    params = load_params()
    key = benchmark or params.pipeline.default
    params.benchmark(key)
    path = report_of(key)
    if path is None:
        command = f"dvc --wait-for-lock repro pipeline/dvc.yaml:report@{key}"
        raise DataError(f"{key} has no report yet; make it with `make {key}`, or `{command}`.")
    return path


def _aligned(rows: list[dict[str, Any]]) -> str:
    """Return rows as lines, their columns aligned."""
    table = [[str(value) for value in row.values()] for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join("  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in table)
