"""From params.yaml and a train split to the cells of one detector; nothing here knows where test images are."""

from pathlib import Path

import joblib
import yaml

from alpa.config import Params, RuntimeConfig, fill
from alpa.data.protocols import find_protocol, target_classes
from alpa.data.splits import load_split
from alpa.detectors import detector_class
from alpa.errors import ConfigError
from alpa.runtime import Runtime
from alpa.training.cells import Cell

SPLITS = Path("data/splits")
TUNED = Path("runs/tuned")


def benchmark_cells(params: Params, benchmark: str, detector: str) -> list[Cell]:
    """Return the cells of `detector` on `benchmark`: every target class with every seed, the classes in order.

    Raises:
        ConfigError: a tuned value does not fit the detector.
        DataError: a class is unknown or has too few images.
    """
    settings = params.benchmark(benchmark)
    split = load_split(SPLITS / benchmark / "train")
    protocol = find_protocol(settings.protocol)
    config = fill(detector_class(detector).config_class, read_tuned(benchmark, detector), f"detectors.{detector}")
    training = params.training_for(benchmark)
    names = target_classes(protocol, split.class_names, settings.classes, settings.dataset)
    return [
        Cell(detector, name, seed, config, training, images)
        for name in names
        for images in [split.images[protocol.normal_mask(split.labels, split.class_names.index(name))]]
        for seed in settings.seeds
    ]


def tuned_path(benchmark: str, detector: str) -> Path:
    """Return where the tune stage leaves a detector's values."""
    return TUNED / benchmark / f"{detector}.yaml"


def read_tuned(benchmark: str, detector: str) -> dict:
    """Return the values that the tune stage chose; raise ConfigError where it left none."""
    path = tuned_path(benchmark, detector)
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        values = None
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds no values; run `python -m pipeline.tune {benchmark} {detector}`.")
    return values


def worker_count(config: RuntimeConfig, runtime: Runtime) -> int:
    """Return how many processes work side by side: one on a GPU, else as asked, else one per core."""
    if runtime.device == "cuda":
        return config.workers or 1
    return config.workers or max(1, joblib.cpu_count() // runtime.threads)
