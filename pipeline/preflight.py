"""Before hours of work: which data are missing and how long the rest may take. Imports neither torch nor mlflow."""

from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import joblib

from alpa.config import Params, load_params
from alpa.data.protocols import find_protocol, target_classes
from alpa.data.sources import find_source, missing
from alpa.runs import read_json
from pipeline import stage


@stage
def main(benchmark: str) -> None:
    """Print where the benchmark's data will come from, how many cells are left, and how long they may take."""
    params = load_params()
    dataset = params.benchmark(benchmark).dataset
    absent = missing(dataset, params.data)
    print(f"{benchmark}: {absent or f'the data of {dataset} are at hand.'}")
    left = {name: cells_left(params, benchmark, name) for name in params.pipeline.detectors}
    print(f"{benchmark}: {estimate(params, benchmark, left)}")


def cells_left(params: Params, benchmark: str, detector: str) -> int:
    """Return how many cells of the grid have no model yet, or one of other settings."""
    settings = params.benchmark(benchmark)
    names = find_source(settings.dataset).class_names
    classes = target_classes(find_protocol(settings.protocol), names, settings.classes, settings.dataset)
    asked, config = asdict(params.training_for(benchmark)), params.detector_section(benchmark, detector)
    models = Path("runs/models", benchmark, detector)
    folders = [models / f"{name}-{seed}" for name in classes for seed in settings.seeds]
    return sum(not is_trained(folder, asked, config) for folder in folders)


def is_trained(folder: Path, asked: dict[str, Any], config: dict[str, Any]) -> bool:
    """Tell whether a cell's folder holds a model that was trained as asked, with the detector's own `config`."""
    trained = read_json(folder / "cell.json").get("asked", {"never": None})
    settings = read_json(folder / "detector.json").get("config", {})
    return all(asked.get(name) == value for name, value in trained.items()) and all(
        settings.get(name) == value for name, value in config.items()
    )


def estimate(params: Params, benchmark: str, left: dict[str, int]) -> str:
    """Return one sentence on the cells that are left and the time that recorded runs say they take."""
    if not any(left.values()):
        return "every cell has a model of these settings."
    recorded = {name: seconds_per_cell(params, benchmark, name) for name in left}
    unknown = [name for name, cells in left.items() if cells and recorded[name] is None]
    seconds = sum(cells * (recorded[name] or 0) for name, cells in left.items())
    cells = f"{sum(left.values())} cells to train at most (finished ones are reused)"
    if len(unknown) == len(left):
        return f"{cells}; no run is recorded to tell how long that takes."
    workers = params.runtime.workers or joblib.cpu_count()
    time = f"about {timedelta(seconds=round(seconds / workers))} with {workers} workers at the recorded speed"
    gap = f", without {', '.join(unknown)}, of which no run is recorded" if unknown else ""
    return f"{cells}, {time}{gap}."


def seconds_per_cell(params: Params, benchmark: str, detector: str) -> float | None:
    """Return a cell's training time in this benchmark's last recorded run, else in one trained alike, else None."""
    known = {}
    for path in sorted(Path("reports").glob("*/release.json")) + sorted(Path("reports").glob("*/facts.json")):
        facts = read_json(path)
        key = path.parent.name
        alike = key in params.benchmarks and params.training_for(key) == params.training_for(benchmark)
        if alike and detector in facts.get("seconds", {}) and detector in facts.get("cells", {}):
            known[key] = facts["seconds"][detector] / facts["cells"][detector]
    return known.get(benchmark, max(known.values(), default=None))


if __name__ == "__main__":
    main()
