"""From params.yaml and a train split to the cells of one detector; nothing here knows where test images are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alpa.config import VideoConfig, fill
from alpa.data.protocols import Protocol, find_protocol, target_classes, target_indices
from alpa.data.splits import Split, load_split
from alpa.data.stored import Images, select
from alpa.data.video import Windows, cuboid_rows, cut_windows, draw_windows
from alpa.detectors import detector_class
from alpa.detectors.detector import Detector
from alpa.errors import DataError
from alpa.params import Params
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
    if split.clips:
        images, groups, predicted = training_samples(split, params.video_for(benchmark), settings.split_seed)
        name = split.targets[0]
        return [Cell(detector, name, seed, config, training, images, groups, predicted) for seed in settings.seeds]
    cells = []
    for name in target_classes(protocol, split.targets, settings.classes, settings.dataset):
        normals = normal_images(split, protocol, name)
        if len(normals) < FEWEST_IMAGES:
            problem = f"{protocol.target} {name} of {settings.dataset} has {len(normals)} normal training images"
            raise DataError(
                f"{problem}; take it out of benchmarks.{benchmark}.classes, as training needs {FEWEST_IMAGES}."
            )
        cells += [Cell(detector, name, seed, config, training, normals) for seed in settings.seeds]
    return cells


def normal_images(split: Split, protocol: Protocol, target: str) -> Images:
    """Return the images of a train split that are normal for a target."""
    return select(split.images, protocol.normal_mask(split.labels, target_indices(split.class_names, target)))


def training_samples(split: Split, video: VideoConfig, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64], int]:
    """Return windows of training clips as samples (M, C, H, W), the clip of each, and how many channels to predict."""
    windows = training_windows(split, video, seed)
    rows = cuboid_rows(split.group, video.frames, video.step)
    images = cut_windows(split.images, rows, windows, video.window)
    return images, split.group[windows.frame], split.image_shape[0] if video.form == "prediction" else 0


def training_windows(split: Split, video: VideoConfig, seed: int) -> Windows:
    """Return where the training samples of clips lie."""
    return draw_windows(split.images, split.group, video, seed)


def learns_by_steps(detector: str) -> bool:
    """Tell whether a detector is trained step by step rather than fitted at once."""
    return detector_class(detector).train_step is not Detector.train_step
