"""What is done under load: each case prepares files in a folder, and then does with them what the stages do."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from alpa.evaluation.leaderboard import build_leaderboard, read_tables, write_leaderboard
from alpa.evaluation.readings import build_readings, write_readings
from alpa.params import EvaluationConfig
from tests.load.made_up import named, write_benchmark, write_tables
from tests.load.writers import count_lost, sync_at_once, write_run

Sizes = dict[str, int]


@dataclass(frozen=True)
class Case:
    """A name for a reader, its size, and its two parts, which are given the folder and the size.

    The second part, `work`, is what is measured. It returns how much was lost, None where nothing can be.
    """

    what: str
    size: Sizes
    prepare: Callable[[Path, Sizes], None]
    work: Callable[[Path, Sizes], int | None]


def prepare_tables(root: Path, size: Sizes) -> None:
    """Write the score tables of a grid of detectors, classes and seeds."""
    detectors, classes = named("detector", size["detectors"]), named("class", size["classes"])
    seeds = range(size["seeds"])
    write_tables(root / "runs/scores/made_up", detectors, classes, seeds, size["samples"], size["scores"])


def rank(root: Path, size: Sizes) -> None:
    """Make the result tables of the grid."""
    tables, _ = read_tables(root / "runs/scores/made_up", named("detector", size["detectors"]))
    classes, seeds = named("class", size["classes"]), range(size["seeds"])
    results = build_leaderboard(tables, classes, seeds, EvaluationConfig(), {})
    write_leaderboard(root / "reports/made_up", results)
    write_readings(root / "reports/made_up", build_readings(tables, classes, seeds, 0.0))


def log(root: Path, size: Sizes) -> int:
    """Let every writer send its runs at the same time."""
    projects = writers(root, size)
    if problems := sync_at_once(projects, root / STORE):
        print(*problems, sep="\n", file=sys.stderr)
    return count_lost(root / STORE, list(projects), size["metrics"])


def writers(root: Path, size: Sizes) -> dict[str, Path]:
    """Return the project folder of each writer's benchmark: writers are spread over so many projects."""
    names = named("set", size["writers"])
    return {name: root / f"project{place % size['projects']}" for place, name in enumerate(names)}


def prepare_runs(root: Path, size: Sizes) -> None:
    """Write the runs of each writer."""
    for benchmark, project in writers(root, size).items():
        write_run(project, benchmark, size["metrics"])


def prepare_benchmarks(root: Path, size: Sizes) -> None:
    """Write benchmarks with their result tables."""
    detectors, classes = named("detector", size["detectors"]), named("class", size["classes"])
    for benchmark in named("set", size["sets"]):
        write_benchmark(root, benchmark, detectors, classes, size["samples"])
        tables, _ = read_tables(root / "runs/scores" / benchmark, detectors)
        results = build_leaderboard(tables, classes, [0], EvaluationConfig(bootstrap_samples=20), {})
        write_leaderboard(root / "reports" / benchmark, results)


def report(root: Path, size: Sizes) -> None:
    """Report on each benchmark, and on all of them side by side."""
    from alpa.reporting.benchmark import Inputs, build_page
    from alpa.reporting.page import write_page
    from alpa.reporting.paper import build_paper

    benchmarks = named("set", size["sets"])
    for benchmark in benchmarks:
        folder = root / "reports" / benchmark
        test = root / "data/splits" / benchmark / "test"
        scores, models = root / "runs/scores" / benchmark, root / "runs/models" / benchmark
        write_page(folder, build_page(Inputs(folder, scores, models, test, folder / "tuning")))
    write_page(root / "reports/paper", build_paper(root / "reports", benchmarks))


STORE = "mlflow.db"
WRITERS = {"writers": 8, "metrics": 5000}
GRID = {"detectors": 10, "classes": 100, "seeds": 10, "samples": 1000, "scores": 1}
SEEDS = {"detectors": 10, "classes": 10, "seeds": 100, "samples": 1000, "scores": 1}
LONG = {"detectors": 2, "classes": 10, "seeds": 1, "samples": 100_000, "scores": 4}
PAIRS = {"sets": 10, "detectors": 10, "classes": 10, "samples": 2000}

CASES = {
    "writers": Case("writers of one project on one tracking store", WRITERS | {"projects": 1}, prepare_runs, log),
    "projects": Case("writers of as many projects on one store", WRITERS | {"projects": 8}, prepare_runs, log),
    "cells": Case("leaderboard of 10,000 cells, 100 classes", GRID, prepare_tables, rank),
    "seeds": Case("leaderboard of 10,000 cells, 100 seeds", SEEDS, prepare_tables, rank),
    "samples": Case("score tables of 100,000 samples", LONG, prepare_tables, rank),
    "pairs": Case("report of 100 pairs of data set and detector", PAIRS, prepare_benchmarks, report),
}
