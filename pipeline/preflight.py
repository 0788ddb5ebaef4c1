"""Before hours of work: whether the settings fit, which data are missing, and how long the rest may take."""

import hashlib
import json
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import joblib

from alpa.config import fill
from alpa.data.datasets import classes_of
from alpa.data.download import missing
from alpa.data.folders import find_folder
from alpa.data.packaged import is_packaged
from alpa.data.protocols import JOIN, find_protocol, target_classes
from alpa.data.sources import SOURCES
from alpa.errors import DataError
from alpa.files import write_text
from alpa.params import BenchmarkConfig, Params, load_params
from alpa.plugin_code import described, record
from alpa.runs import read_json
from alpa.tuning.finished import record_path
from pipeline import stage
from pipeline.mend import DVC_CACHE

VIDEO = "video"
CHECKED = Path(".cache/settings-checked")  # the digest of the settings and code that passed last


@stage
def main(benchmark: str, *others: str) -> None:
    """Check all settings, then tell of each benchmark what is missing and what is left."""
    params = load_params()
    for name in (benchmark, *others):
        targets_of(name, params.benchmark(name))
    added = described(params.pipeline.detectors, params.pipeline.datasets)
    check_detectors(params, added)
    record(added)
    keep_private()
    for name in (benchmark, *others):
        tell(params, name)


def keep_private(folder: Path = DVC_CACHE) -> None:
    """Make the folder in which DVC notes the states of files, and let no other user in.

    DVC itself would let all write there, beneath /var/tmp even, and unpickles what it finds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)


def tell(params: Params, benchmark: str) -> None:
    """Print whether a benchmark's data are there, what is left to do, and how long that may take."""
    dataset = params.benchmark(benchmark).dataset
    absent = missing_folder(dataset, params.folders) if dataset in params.folders else missing(dataset, params.data)
    print(f"{benchmark}: {absent or f'the data of {dataset} are at hand.'}")
    if trials := sum(trials_left(params, benchmark, name) for name in params.pipeline.detectors):
        print(f"{benchmark}: {trials} trials of studies to run, at most, before training.")
    if not targets_of(benchmark, params.benchmark(benchmark)):
        print(f"{benchmark}: how many cells there are to train will be known once {dataset} is split.")
        return
    left = {name: cells_left(params, benchmark, name) for name in params.pipeline.detectors}
    print(f"{benchmark}: {estimate(params, benchmark, left)}")


def check_detectors(params: Params, added: dict[str, Any]) -> None:
    """Check every detector's section as training will do, before DVC removes what is to be made anew.

    `added` describes what other packages bring (`alpa.plugin_code.described`).

    That takes torch and so some seconds; settings and code that once passed are not checked again.

    Raises:
        ConfigError: a detector is unknown, its section, its search space or a pseudo-anomaly family does not fit, or
            the device is not there.
    """
    files = [Path("params.yaml"), Path("alpa/config.py"), Path("alpa/params.py")]
    files += [path for folder in ("detectors", "tuning") for path in sorted(Path("alpa", folder).glob("*.py"))]
    content = [path.read_bytes() for path in files] + [json.dumps(added, sort_keys=True).encode()]
    digest = hashlib.sha256(b"".join(content)).hexdigest()
    if CHECKED.is_file() and CHECKED.read_text(encoding="utf-8") == digest:
        return
    from alpa.data.pseudo_anomalies import FAMILIES
    from alpa.data.video_pseudo_anomalies import VIDEO_FAMILIES
    from alpa.detectors import detector_class
    from alpa.training.workers import open_pool
    from alpa.tuning.objective import require_known
    from alpa.tuning.space import read_space

    open_pool(params.runtime)
    for benchmark in params.benchmarks:
        tuning = params.tuning_for(benchmark)
        for detector in params.detectors:  # those that are not listed too, so that no misspelt section is passed over
            config_class = detector_class(detector).config_class
            section = params.detector_section(benchmark, detector)
            fill(config_class, section, f"detectors.{detector}")
            if tuning is not None:
                read_space(config_class, tuning.space.get(detector), f"tuning.space.{detector}")
                fill(config_class, section | tuning.shortened.get(detector, {}), f"tuning.shortened.{detector}")
        known = VIDEO_FAMILIES if params.benchmark(benchmark).protocol == VIDEO else FAMILIES
        require_known(tuning.families if tuning and tuning.families != "all" else (), known)
    write_text(CHECKED, digest)


def trials_left(params: Params, benchmark: str, detector: str) -> int:
    """Return how many trials the record of a detector's study lacks."""
    tuning = params.tuning_for(benchmark)
    if tuning is None or not tuning.space.get(detector):
        return 0
    done = read_json(record_path(benchmark, detector)).get("trials", [])
    return max(0, tuning.trials_for(detector) - len(done))


def cells_left(params: Params, benchmark: str, detector: str) -> int:
    """Return how many cells of the grid have no model yet, or one of other settings."""
    settings = params.benchmark(benchmark)
    classes = targets_of(benchmark, settings)
    tuning, asked = params.tuning_for(benchmark), asdict(params.training_for(benchmark))
    searched = tuning.space.get(detector) or {} if tuning else {}
    section = params.detector_section(benchmark, detector)
    config = {name: value for name, value in section.items() if name not in searched}  # these a study decides
    models = Path("runs/models", benchmark, detector)
    folders = [models / f"{name}-{seed}" for name in classes for seed in settings.seeds]
    return sum(not is_trained(folder, asked, config) for folder in folders)


def targets_of(benchmark: str, settings: BenchmarkConfig) -> list[str]:
    """Return the targets of a benchmark: of its split or, before there is one, of what is known of its data set.

    None are known of all the classes of a folder that was not split yet.
    """
    known = read_json(Path("data/splits", benchmark, "train/split.json")).get("targets")
    protocol = find_protocol(settings.protocol)
    if known is None and settings.protocol == VIDEO:
        known = ["normal"]
    if known is None and (is_packaged(settings.dataset) or settings.dataset in SOURCES):
        known = classes_of(settings.dataset)
    if known is None:  # a folder that nobody has looked into yet
        named = () if settings.classes == "all" else settings.classes
        return [JOIN.join([name] if isinstance(name, str) else name) for name in named]
    return target_classes(protocol, known, settings.classes, settings.dataset)


def missing_folder(dataset: str, folders: dict[str, str]) -> str | None:
    """Return one sentence if the folder of the user's own data set is not there, None otherwise."""
    try:
        find_folder(dataset, folders)
    except DataError as error:
        return str(error)
    return None


def is_trained(folder: Path, asked: dict[str, Any], config: dict[str, Any]) -> bool:
    """Tell whether a cell's folder holds a model that was trained as asked, with the detector's own `config`."""
    trained = read_json(folder / "cell.json").get("asked", {})
    settings = read_json(folder / "detector.json").get("config", {})
    return bool(trained) and trained.items() <= asked.items() and config.items() <= settings.items()


def estimate(params: Params, benchmark: str, left: dict[str, int]) -> str:
    """Return one sentence on the cells that are left and the time that recorded runs say they take."""
    if not any(left.values()):
        return "every cell has a model of these settings."
    recorded = {name: seconds_per_cell(params, benchmark, name) for name in left}
    unknown = [name for name, number in left.items() if number and recorded[name] is None]
    seconds = sum(cells * (recorded[name] or 0) for name, cells in left.items())
    cells = f"{sum(left.values())} cells to train at most (finished ones are reused)"
    if len(unknown) == sum(number > 0 for number in left.values()):
        return f"{cells}; no run is recorded to tell how long that takes."
    workers = 1 if params.runtime.scheduler else params.runtime.workers or joblib.cpu_count()
    where = "of one worker of the cluster" if params.runtime.scheduler else f"with {workers} workers"
    time = f"about {timedelta(seconds=round(seconds / workers))} {where} at the recorded speed"
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
