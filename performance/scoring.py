"""Images and frames per second that detectors score, on one thread: `python -m performance.scoring`.

Images are grey, 32 x 32; frames are grey, 160 x 240, scored as the evaluate stage does, by a predictor of the fifth
frame from the four before. All are generated, and detectors are trained for a few steps before: what they have learned
does not change what scoring costs, but for `knn`, whose cost grows with N_TRAINING, the images that it keeps.
Results: performance/results/scoring.{csv,png}; options: `--device cuda`, `--threads 2`, `--rounds 5`.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from alpa.config import TrainingConfig, VideoConfig
from alpa.data.splits import Split
from alpa.data.stored import LazyImages
from alpa.data.video import cuboid_rows, cut_windows, draw_windows
from alpa.detectors import build_detector
from alpa.detectors.detector import Detector
from alpa.evaluation.video import frame_scores
from alpa.runtime import Runtime
from performance import timing
from performance.large_data import GeneratedImages

CONFIGS: dict[str, dict[str, Any]] = {
    "alpa": {},
    "autoencoder": {},
    "denoising": {},
    "ganomaly": {"epochs": 1, "minimum_steps": 2},  # it brings its own training
    "pca": {},
    "knn": {},
}
TRAINING = TrainingConfig(steps=4, batch_size=64)
VIDEO = VideoConfig(training_windows=512)
N_TRAINING = 6000  # about what a class of MNIST has
FRAME = (160, 240)
SQUARE = 16
SUMMARIES: dict[str, Callable[[list[float]], float]] = {"per_second": median, "lowest": min, "highest": max}


class GeneratedFrames(LazyImages):
    """Frames, uint8 (n, 1, 160, 240), of which none is kept: a square that moves over a still background."""

    def __init__(self, n: int) -> None:
        super().__init__(np.arange(n), (1, *FRAME))
        self.background = np.random.default_rng(0).integers(32, 224, self.image_shape, dtype=np.uint8)

    def _read(self, rows: np.ndarray) -> np.ndarray:
        frames = np.repeat(self.background[None], len(rows), axis=0)
        for frame, row in zip(frames, rows, strict=True):
            top, left = 3 * row % (FRAME[0] - SQUARE), 2 * row % (FRAME[1] - SQUARE)
            frame[:, top : top + SQUARE, left : left + SQUARE] = 255
        return frames


def generated_clips(n: int, clips: int) -> Split:
    """Return a test split of n frames in so many clips."""
    names = tuple(f"clip-{index}" for index in range(clips))
    facts = {"class_names": ("normal", "anomaly"), "image_shape": (1, *FRAME), "dataset": "generated"}
    facts |= {"protocol": "video", "part": "test", "digest": "", "targets": ("normal",)}
    return Split(GeneratedFrames(n), np.zeros(n, np.int64), np.arange(n) * clips // n, clips=names, **facts)


def image_detector(key: str, n_training: int, runtime: Runtime) -> Detector:
    """Return a detector that was trained for a moment."""
    images = np.asarray(GeneratedImages(n_training, 1))
    if key == "ganomaly":
        images = images[: 2 * TRAINING.batch_size]  # an epoch of all of them would take longer than all the rest
    return build_detector(key, images.shape[1:], CONFIGS[key]).fit(images, TRAINING, runtime)


def frame_detector(key: str, split: Split, runtime: Runtime) -> Detector:
    """Return a predictor that was trained for a moment on windows of clips."""
    windows = draw_windows(split.images, split.group, VIDEO, seed=0)
    samples = cut_windows(split.images, cuboid_rows(split.group, VIDEO.frames, VIDEO.step), windows, VIDEO.window)
    detector = build_detector(key, samples.shape[1:], CONFIGS[key], predicted=split.image_shape[0])
    return detector.fit(samples, TRAINING, runtime, split.group[windows.frame])


def rate(score: Callable[[], object], n: int, runtime: Runtime) -> float:
    """Return how many of n are scored per second; scores come back to the processor, so that a GPU is done as well."""
    with runtime.limited_threads():
        started = time.perf_counter()
        score()
        return n / (time.perf_counter() - started)


def scoring_runs(n_images: int, n_frames: int, n_training: int, runtime: Runtime) -> dict[str, Callable[[], float]]:
    """Return what measures each rate once."""
    images = np.asarray(GeneratedImages(n_images, 1))
    runs = {}
    for key in CONFIGS:
        detector = image_detector(key, n_training, runtime)
        runs[f"{key}, images"] = partial(rate, partial(detector.scores, images), n_images, runtime)
    split = generated_clips(n_frames, clips=2)
    score = partial(frame_scores, frame_detector("alpa", split, runtime), split, VIDEO)
    return runs | {"alpa, frames": partial(rate, score, n_frames, runtime)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--images", type=int, default=4096)
    parser.add_argument("--frames", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    runtime = Runtime(asked.device, threads=asked.threads)
    runs = scoring_runs(asked.images, asked.frames, N_TRAINING, runtime)
    for run in runs.values():
        run()  # a first call is slower
    rates = timing.in_turn(runs, asked.rounds)
    rows = []
    for name, values in rates.items():
        detector, what = name.split(", ")
        row = {"detector": detector, "of": what, "device": asked.device, "threads": asked.threads}
        rows.append(row | {name: round(of(values), 1) for name, of in SUMMARIES.items()})
    table = timing.write("scoring", rows)
    images = table[table["of"] == "images"]  # a frame takes so long that nothing else could be seen beside it
    title = f"What scoring a grey image of 32 x 32 takes, {asked.threads} thread(s), {asked.device}"
    timing.bars("scoring", images["detector"].tolist(), (1000 / images["per_second"]).tolist(), title, "milliseconds")


if __name__ == "__main__":
    main()
