"""How long it takes to find that all of the paper is made already: `python -m performance.no_op`.

In a clone of the last commit every stage of the paper gets made-up outputs, of about as many files as real ones have,
which DVC and the ledger of MLflow are told to take for real. Then the parts of `make paper` are timed: seconds by the
clock and of the processor, the medians of three runs. The table is printed and written to
performance/results/no_op.csv.
"""

import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from dvc.repo import Repo

from alpa.data.sources import MANIFEST, SOURCES
from alpa.evaluation.scores import ScoreInfo, write_scores
from alpa.ledger import Ledger
from alpa.params import load_params
from alpa.tracking import DEFAULT_URI, read_trees
from pipeline.preflight import targets_of

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "no_op.csv"
TARGET = "pipeline/dvc.yaml:paper"
FRAMES = 4560  # of UCSD Ped2
RUNS = 3
SCORES = pd.DataFrame({"target_class": "0", "seed": 0, "sample": range(2), "group": -1}).assign(
    is_anomaly=[False, True], made_up=[0.0, 1.0]
)
RUN = (sys.executable, "-m")


def outputs(out: Path) -> Iterator[tuple[Path, str]]:
    """Yield the files of a stage's output and what to write into them."""
    match out.parts:
        case ("data", "raw", dataset) if files := SOURCES[dataset].files:
            yield from ((out / name, name) for name in files)
        case ("data", "raw", _):
            yield from ((out / f"Train/Train{i // 200:03d}/{i:04d}.tif", str(i)) for i in range(FRAMES))
            yield out / MANIFEST, "{}"
        case ("runs", "plugins"):
            pipeline = load_params().pipeline
            names = {"detectors": pipeline.detectors, "datasets": pipeline.datasets}
            yield from ((out / kind / f"{name}.json", "{}") for kind in names for name in names[kind])
        case ("data", "splits", _, _):
            yield from ((out / name, name) for name in ("images.npy", "labels.npy", "group.npy"))
        case ("runs", "models", benchmark, detector):
            settings = load_params().benchmark(benchmark)
            for name in targets_of(benchmark, settings):
                for seed in settings.seeds:
                    yield from cell(out / f"{name}-{seed}", f"{benchmark}-{detector}-{name}-{seed}")
        case _:
            named = [out] if out.suffix else [out / f"{i}.svg" for i in range(8)]
            yield from ((path, str(path)) for path in named)


def cell(folder: Path, key: str) -> Iterator[tuple[Path, str]]:
    """Yield the files of a trained cell."""
    yield folder / "cell.json", json.dumps({"key": key})
    yield folder / "detector.json", "{}"
    yield folder / "history.csv", "step,loss\n1,0.5\n"
    yield folder / "model.safetensors", key


def pretend() -> None:
    """Write the outputs of all stages of the paper, and record them as made and as sent."""
    with Repo() as repo:
        for stage in repo.stage.collect(TARGET, with_deps=True):
            for out in stage.outs:
                place = Path(out.fs_path).relative_to(Path.cwd())
                for path, text in outputs(place):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(text, encoding="utf-8")
                if place.suffix == ".parquet":  # sync reads them to see what is new
                    write_scores(
                        place, SCORES, ScoreInfo(place.parent.name, "made up", "made up", place.stem, "made_up")
                    )
        repo.commit(TARGET, with_deps=True, force=True)
    Path(DEFAULT_URI.removeprefix("sqlite:///")).touch()
    for tree in read_trees():
        Ledger(DEFAULT_URI).note(tree, tree.fingerprints)


def measure(*command: str) -> tuple[float, float]:
    """Return the seconds that a command takes, by the clock and of the processor, once what it reads is in memory."""
    clock, processor = [], []
    for _ in range(1 + RUNS):
        started, used = time.monotonic(), used_by_children()
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        clock.append(time.monotonic() - started)
        processor.append(used_by_children() - used)
    if "Running stage" in done.stdout:
        raise RuntimeError(f"{' '.join(command)} ran a stage, so it is no no-op: {done.stdout}")
    return statistics.median(clock[1:]), statistics.median(processor[1:])


def used_by_children() -> float:
    """Return the seconds of the processor that all finished commands took."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        project = Path(temporary) / "project"
        subprocess.run(["git", "clone", "--quiet", "--shared", str(ROOT), str(project)], check=True)
        (project / ".venv").symlink_to(sys.prefix)
        os.environ |= {"DVC_SITE_CACHE_DIR": f"{temporary}/dvc", "DVC_NO_ANALYTICS": "true"}
        with contextlib.chdir(project):
            pretend()
            paper = load_params().pipeline.paper
            parts = {
                "preflight": measure(*RUN, "pipeline.preflight", *paper),
                "dvc repro": measure(*RUN, "dvc", "--wait-for-lock", "repro", TARGET),
                "sync": measure(*RUN, "pipeline.sync"),
                "make paper": measure("make", "--old-file=.venv/requirements.lock", "paper"),
            }
    lines = ["part,seconds,processor_seconds"]
    lines += [f"{part},{clock:.1f},{processor:.1f}" for part, (clock, processor) in parts.items()]
    print("\n".join(lines))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
