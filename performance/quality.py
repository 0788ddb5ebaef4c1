"""Whether what is fast also learns: `python -m performance.quality`, after `python -m pipeline.split mnist`.

Three comparisons, each with the same images, on classes of a benchmark whose split is there:
peer       ganomaly beside anomalib's, after equally many steps, and after equally many seconds, over seeds
precision  every deep detector in bf16 beside fp32, after equally many steps
share      alpa with the perturbed term on half of each batch, beside the whole batch

The first two are measured on test images, which nothing is chosen by. `share` chose a default: it is measured on
held-out training images, against pseudo-anomalies and against other classes of the training split. Written to
performance/results/quality_<comparison>.csv.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from alpa.config import TrainingConfig
from alpa.data.protocols import find_protocol, target_indices
from alpa.data.splits import Split, load_split
from alpa.data.stored import select
from alpa.detectors import build_detector, detector_class
from alpa.runtime import Runtime
from alpa.training.cells import Cell
from alpa.training.grid import SPLITS, normal_images
from alpa.tuning.objective import labelled_probe, pseudo_probe
from alpa.tuning.prepare import FAMILIES
from performance import peer
from performance.timing import call, write

DEEP = ("autoencoder", "denoising", "alpa", "ganomaly")
MOST_ANOMALIES = 2000
Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("comparison", choices=("peer", "precision", "share"))
    parser.add_argument("--benchmark", default="mnist")
    parser.add_argument("--classes", nargs="+", default=["2", "8"])
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of the comparison with the peer")
    arguments = parser.parse_args()
    train, test = (load_split(SPLITS / arguments.benchmark / part, in_memory=True) for part in ("train", "test"))
    compare = {"peer": partial(beside_peer, arguments.seeds), "precision": by_precision, "share": by_share}[
        arguments.comparison
    ]
    rows = [row for name in arguments.classes for row in compare(train, test, name, arguments.steps, arguments.threads)]
    write(f"quality_{arguments.comparison}", rows)


def beside_peer(seeds: Sequence[int], train: Split, test: Split, name: str, steps: int, threads: int) -> Iterator[Row]:
    """Yield per seed anomalib's row, ours after as many steps, and ours after as many seconds of training."""
    images, (tested, is_anomaly) = in_colour(normal_of(train, name)), under_test(test, name)
    tested = in_colour(tested)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{part}.npy" for part in ("train", "test")]
        for path, array in zip(paths, (images, tested), strict=True):
            np.save(path, array)
        options = (
            "--threads",
            str(threads),
            "--steps",
            str(steps),
            "--images",
            str(paths[0]),
            "--scored",
            str(paths[1]),
        )
        for seed in seeds:
            found = call(peer.python(), str(peer.SCRIPT), *options, "--seed", str(seed))
            auroc = roc_auc_score(is_anomaly, found["scores"])
            yield row(name, "anomalib ganomaly", "fp32", found["steps"], found["seconds"], auroc) | {"seed": seed}
            n_steps = found["steps"]
            for precision in ("fp32", "bf16", "bf16"):
                detector, seconds = fitted_ganomaly(images, n_steps, seed, Runtime("cpu", precision, threads))
                auroc = roc_auc_score(is_anomaly, detector.scores(tested)["encoder_gap"])
                yield row(name, "ganomaly", precision, n_steps, seconds, auroc) | {"seed": seed}
                if precision == "bf16":
                    n_steps = round(n_steps * found["seconds"] / seconds)


def fitted_ganomaly(images: np.ndarray, steps: int, seed: int, runtime: Runtime) -> tuple[Any, float]:
    """Return our ganomaly after so many steps, and the seconds that took."""
    epochs = replace(detector_class("ganomaly").config_class(), epochs=1, minimum_steps=steps)
    detector = build_detector("ganomaly", images.shape[1:], epochs, seed=seed)
    started = time.perf_counter()
    detector.fit(images, TrainingConfig(), runtime)
    return detector, time.perf_counter() - started


def by_precision(train: Split, test: Split, name: str, steps: int, threads: int) -> Iterator[Row]:
    """Yield each deep detector's row in fp32 and in bf16."""
    tested, is_anomaly = under_test(test, name)
    for key in DEEP:
        for precision in ("fp32", "bf16"):
            config = detector_class(key).config_class()
            if key == "ganomaly":
                config = replace(config, epochs=1, minimum_steps=steps)
            detector = build_detector(key, train.image_shape, config, seed=0)
            started = time.perf_counter()
            detector.fit(normal_of(train, name), TrainingConfig(steps=steps), Runtime("cpu", precision, threads))
            seconds = time.perf_counter() - started
            auroc = roc_auc_score(is_anomaly, detector.anomaly_scores(tested))
            yield row(name, key, precision, int(detector.history[-1]["step"]), seconds, auroc)


def by_share(train: Split, test: Split, name: str, steps: int, threads: int) -> Iterator[Row]:
    """Yield the rows of alpa and denoising with half and with all of each batch perturbed; no test image is used."""
    normal = find_protocol(train.protocol).normal_mask(train.labels, target_indices(train.class_names, name))
    others = np.asarray(train.images)[~normal]
    for key in ("denoising", "alpa"):
        for share in (0.5, 1.0):
            config = detector_class(key).config_class(share=share)
            cell = Cell(key, name, 0, config, TrainingConfig(steps=steps), normal_of(train, name))
            detector = cell.build()
            started = time.perf_counter()
            detector.fit(cell.images, cell.training, Runtime("cpu", "bf16", threads))
            seconds = time.perf_counter() - started
            for against, probe in (
                ("pseudo-anomalies", pseudo_probe(cell, tuple(FAMILIES), 0)),
                ("other training classes", labelled_probe(cell, others, 0)),
            ):
                normals = detector.anomaly_scores(probe.normals)
                aurocs = [of_scores(normals, detector.anomaly_scores(part)) for part in probe.anomalies.values()]
                yield row(name, key, "bf16", steps, seconds, float(np.mean(aurocs))) | {
                    "share": share,
                    "against": against,
                }


def of_scores(normal: np.ndarray, anomalous: np.ndarray) -> float:
    """Return the AUROC of two sets of scores."""
    return float(roc_auc_score(np.repeat([0, 1], [len(normal), len(anomalous)]), np.concatenate([normal, anomalous])))


def row(name: str, detector: str, precision: str, steps: int, seconds: float, auroc: float) -> Row:
    """Return a row of a comparison's table."""
    return {
        "class": name,
        "detector": detector,
        "precision": precision,
        "steps": steps,
        "seconds": round(seconds, 1),
        "auroc": round(auroc, 4),
    }


def normal_of(split: Split, name: str) -> np.ndarray:
    """Return the normal training images of a class."""
    return np.asarray(normal_images(split, find_protocol(split.protocol), name))


def under_test(split: Split, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return all normal test images of a class with some anomalous ones, and which are anomalous."""
    normal = find_protocol(split.protocol).normal_mask(split.labels, target_indices(split.class_names, name))
    anomalous = np.random.default_rng(0).permutation(np.flatnonzero(~normal))[:MOST_ANOMALIES]
    rows = np.concatenate([np.flatnonzero(normal), np.sort(anomalous)])
    return np.asarray(select(split.images, rows)), np.arange(len(rows)) >= normal.sum()


def in_colour(images: np.ndarray) -> np.ndarray:
    """Return images with three channels, which anomalib's networks take."""
    return np.ascontiguousarray(np.broadcast_to(images, (len(images), 3, *images.shape[2:])))


if __name__ == "__main__":
    main()
