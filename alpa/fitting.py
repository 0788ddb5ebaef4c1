"""A folder of normal images, or an array of them, to a model that can be saved and used."""

import contextlib
import math
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from alpa import __version__
from alpa.arrays import to_images
from alpa.config import RuntimeConfig, TrainingConfig
from alpa.data.pictures import check_size
from alpa.data.stored import select
from alpa.defaults import DETECTOR, LEVEL, SEED, SIZE, STEPS, THREADS
from alpa.detectors import build_detector, detector_class
from alpa.detectors.detector import Detector, split_validation
from alpa.detectors.reconstruction import ReconstructingDetector
from alpa.errors import DataError
from alpa.model import PEAK, Model, check_level, needed, scores_by
from alpa.own import find_normal, read_all
from alpa.runtime import resolve

BATCH_SIZE = 32  # of small sets a large batch holds all images, and little is gained by it
HELD_OUT = 0.2  # share of the images, at least
LEAST_FITTED = 4  # images


def fit(
    images: Path | str | ArrayLike,
    detector: str = DETECTOR,
    *,
    size: int | None = None,
    steps: int = STEPS,
    seed: int = SEED,
    level: float = LEVEL,
    by: str | None = None,
    preparation: str = "unit",
    config: Any = None,
    threads: int = THREADS,
    progress: bool = False,
) -> Model:
    """Fit a detector to normal images, some of which are held out to tell what is usual.

    Equal images, settings and `threads` give an equal model on the same kind of processor.

    Args:
        images: a folder, see `alpa.own.find_normal`; or uint8 (N, H, W), (N, H, W, C) or (N, C, H, W).
        detector: a key of `alpa.DETECTORS`.
        size: side in pixels that every image is resized to, such as 32 or 128; where None, 64 for files, and arrays
            keep their own.
        steps: of training. The published settings of `ganomaly` bring their own; `pca` and `knn` have none.
        seed: of all that is random.
        level: the share of normal images that may be called anomalous.
        by: the score by which images are judged: one of the detector's, by which benchmarks rank it, or `peak`, the
            highest pixel of an error map, which a small flaw raises and a mean over the image would drown. Where None,
            `peak`, or of a detector that does not reconstruct its primary score.
        preparation: of pixels, see `alpa.TrainingConfig`.
        config: the detector's own settings, as `alpa.build_detector` takes them.
        threads: of the training.
        progress: whether to show a bar on a terminal's standard error.

    Raises:
        ConfigError: a setting is out of range.
        DataError: an image cannot be read, or there are too few for the level.
        ModelError: training failed, and the message says how.
    """
    detector_class(detector)  # whether there is one, before images are read
    level, groups = check_level(level), None
    training = TrainingConfig(steps=steps, batch_size=BATCH_SIZE, preparation=preparation)  # type: ignore[arg-type]
    runtime = resolve(RuntimeConfig(threads_per_cell=threads))
    if size is not None:
        check_size(size)
    if isinstance(images, str | Path):
        pixels, groups = read_all(find_normal(Path(images)), size or SIZE)
    else:
        pixels = to_images(images, (size, size) if size else None)
    built = build_detector(detector, pixels.shape[1:], config, seed)
    fitted, held_out = split_held_out(len(pixels), level, seed, groups)
    some_groups = None if groups is None else groups[fitted]
    with _shown(built, built.plan(len(fitted), training).steps, progress):
        built.fit(select(pixels, fitted), training, runtime, some_groups)
    built.to("cpu")
    facts = {
        "detector": detector,
        "alpa": __version__,
        "torch": version("torch"),
        "seed": seed,
        "n_fitted": len(fitted),
        "n_held_out": len(held_out),
        "training": asdict(built.plan(len(fitted), training)),
        "runtime": asdict(runtime),
    }
    maps, usual = isinstance(built, ReconstructingDetector), pixels[held_out]
    by = by or (PEAK if maps else built.primary_score)
    with runtime.limited_threads():
        scores = scores_by(by, built, usual)
        peaks = scores_by(PEAK, built, usual) if maps else np.zeros(0, np.float32)
    return Model(built, scores, peaks, level, by, facts)


def split_held_out(
    n_images: int, level: float, seed: int, groups: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return sorted indices of the images to fit and of those to hold out: a fifth, or more if the level needs them.

    With `groups` (N,), whole clips are held out.

    Raises:
        DataError: there are too few images for the level, or only one clip.
    """
    least = needed(level)
    fewest = 2 * max(least, LEAST_FITTED)
    if n_images < fewest:
        possible = math.ceil(1000 / (n_images // 2 + 1)) / 1000
        remedy = f"give {fewest}, or a level of {possible:g}" if n_images >= 2 * LEAST_FITTED else "give more"
        raise DataError(f"Level {level:g} takes {fewest} normal images, and there are {n_images}; {remedy}.")
    if groups is not None and len(np.unique(groups)) < 2:
        problem = "There is one clip, whose frames are too much alike to hold some of them out"
        raise DataError(f"{problem}; give two clips or more.")
    fitted, held_out = split_validation(n_images, max(HELD_OUT, least / n_images), seed, groups)
    if len(held_out) < least:
        raise DataError(f"Level {level:g} takes {least} held-out frames, and there are {len(held_out)}; raise it.")
    return fitted, held_out


@contextlib.contextmanager
def _shown(detector: Detector, steps: int, progress: bool) -> Iterator[None]:
    """Show a bar of the training's steps, if it has any; the detector is the same afterwards."""
    learns = type(detector).train_step is not Detector.train_step
    step = detector.train_step
    with tqdm(
        total=steps, desc=f"fit {detector.key}", unit="step", disable=None if progress and learns else True
    ) as bar:

        def counted(images: Any) -> Any:
            bar.update()
            return step(images)

        detector.train_step = counted  # type: ignore[method-assign]
        try:
            yield
        finally:
            del detector.train_step
