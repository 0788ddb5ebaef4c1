"""From params.yaml and a train split to the cells of one detector; nothing here knows where test images are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import joblib

from alpa.config import RuntimeConfig, fill
from alpa.data.protocols import find_protocol, target_classes
from alpa.data.splits import load_split
from alpa.detectors import detector_class
from alpa.detectors.detector import Detector
from alpa.errors import DataError
from alpa.params import Params
from alpa.runtime import Runtime
from alpa.training.cells import Cell

SPLITS = Path("data/splits")
FEWEST_IMAGES = 4  # two to fit, two to validate


def benchmark_cells(params: Params, benchmark: str, detector: str, values: Mapping[str, Any]) -> list[Cell]:
    """Return the cells of `detector` on `benchmark`: every target class with every seed, the classes in order.

    Args:
        params: the classes, the seeds and the training.
        benchmark: its key.
        detector: its key.
        values: the detector's own settings.

    Raises:
        ConfigError: a value does not fit the detector.
        DataError: a class is unknown or has too few images.
    """
    settings = params.benchmark(benchmark)
    split = load_split(SPLITS / benchmark / "train")
    protocol = find_protocol(settings.protocol)
    config: Any = fill(detector_class(detector).config_class, values, f"detectors.{detector}")
    training = params.training_for(benchmark)
    names = target_classes(protocol, split.class_names, settings.classes, settings.dataset)
    cells = []
    for name in names:
        images = split.images[protocol.normal_mask(split.labels, split.class_names.index(name))]
        if len(images) < FEWEST_IMAGES:
            problem = f"{protocol.target} {name} of {settings.dataset} has {len(images)} normal training images"
            raise DataError(
                f"{problem}; take it out of benchmarks.{benchmark}.classes, as training needs {FEWEST_IMAGES}."
            )
        cells += [Cell(detector, name, seed, config, training, images) for seed in settings.seeds]
    return cells


def worker_count(config: RuntimeConfig, runtime: Runtime, useful: int) -> int:
    """Return how many processes work side by side: as asked, or one on a GPU and one per core elsewhere.

    Args:
        config: may ask for a number.
        runtime: tells the device and the threads of each.
        useful: more than this are not worth the seconds that a process takes to start.
    """
    own = 1 if runtime.device == "cuda" else max(1, joblib.cpu_count() // runtime.threads)
    return max(1, min(config.workers or own, useful))


def learns_by_steps(detector: str) -> bool:
    """Tell whether a detector is trained step by step rather than fitted at once."""
    return detector_class(detector).train_step is not Detector.train_step
