"""Many small models on one device, together or one after the other: `python -m performance.many_models`.

A cell (one class, one seed) may be too small to fill a device. Here K of them, seeds 0 to K - 1, train one after the
other as the suite does, as one model (performance/joint.py: grouped convolutions, or torch's vmap), and in processes
that share the device. Options: `--device cuda --precision fp32 bf16 --steps 200`, `--models 20`, `--detectors alpa`.

Together or not, each model must learn the same. `difference` is the largest of any loss of any model to training alone,
relative to it; in fp32 it is rounding, which training amplifies. `in_double` is the same in double precision, scores
after training included, where nothing but an error could be larger than TOLERANCE.

Results: performance/results/many_models_<device>.{csv,png}.
"""

import argparse
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from unittest.mock import patch

import joblib
import numpy as np
import torch
from torch import Tensor

from alpa.config import TrainingConfig
from alpa.data.batches import shuffled_batches, to_unit
from alpa.detectors import build_detector
from alpa.detectors.autoencoder import Autoencoder
from alpa.runtime import Runtime
from performance import timing
from performance.joint import Grouped, hand_back, vmapped
from performance.large_data import GeneratedImages

N_IMAGES = 2048
N_SCORED = 64
DOUBLE_STEPS = 4
PROCESSES_ON_GPU = 4
TOLERANCE = 1e-9
JOINTS: dict[str, Callable[[Sequence[Autoencoder]], Autoencoder]] = {"grouped": Grouped, "vmap": vmapped}


@dataclass(frozen=True)
class Work:
    """What every way has to do: `models` detectors, `steps` steps each."""

    detector: str
    models: int
    steps: int
    batch_size: int
    runtime: Runtime
    double: bool = False

    @property
    def images(self) -> int:
        return self.models * self.steps * self.batch_size

    def build(self, seeds: Iterable[int]) -> list[Autoencoder]:
        detectors = [build_detector(self.detector, (1, 32, 32), seed=seed).train() for seed in seeds]
        dtype = torch.float64 if self.double else torch.float32
        return [item.to(self.runtime.device, dtype, memory_format=torch.channels_last) for item in detectors]

    def batches(self, seeds: Iterable[int]) -> Iterator[list[Tensor]]:
        """Yield a batch of each seed's own, `steps` times."""
        pixels = torch.from_numpy(np.asarray(GeneratedImages(N_IMAGES, 1))).to(self.runtime.device)
        prepare = (lambda images: to_unit(images).double()) if self.double else to_unit
        orders = (shuffled_batches(pixels, self.batch_size, self.steps, seed, prepare) for seed in seeds)
        return zip(*orders, strict=True)

    def train(self, detector: Autoencoder, batches: Iterable[Tensor]) -> Tensor:
        """Return the reconstruction loss of each step, (steps, ...)."""
        detector.begin(TrainingConfig(steps=self.steps, batch_size=self.batch_size))
        losses = []
        for batch in batches:
            with self.runtime.autocast():
                losses.append(detector.train_step(batch)["reconstruction"])
        return torch.stack(losses).cpu()


Outcome = tuple[Tensor, float]  # losses (steps, models), and the seconds that training took


def alone(work: Work, seeds: Sequence[int], detectors: Sequence[Autoencoder] | None = None) -> Outcome:
    """Train one model after the other."""
    detectors = detectors or work.build(seeds)
    batches = [(batch for (batch,) in work.batches([seed])) for seed in seeds]
    with work.runtime.limited_threads():
        started = time.perf_counter()
        losses = [work.train(detector, own) for detector, own in zip(detectors, batches, strict=True)]
        return torch.stack(losses, dim=1), time.perf_counter() - started


def jointly(name: str, work: Work, detectors: Sequence[Autoencoder] | None = None) -> Outcome:
    """Train all models as one."""
    detectors = detectors or work.build(range(work.models))
    joint = JOINTS[name](detectors)
    batches = map(torch.stack, work.batches(range(work.models)))
    with work.runtime.limited_threads():
        started = time.perf_counter()
        losses = work.train(joint, batches)
        seconds = time.perf_counter() - started
    hand_back(joint, detectors)
    return losses, seconds


def in_processes(workers: joblib.Parallel, work: Work) -> Outcome:
    """Train a share of the models in each of several processes at once; the slowest counts, not their start."""
    shares = [range(first, work.models, workers.n_jobs) for first in range(workers.n_jobs)]
    outcomes = workers(joblib.delayed(alone)(work, share) for share in shares)
    losses = torch.empty(work.steps, work.models)
    for share, (found, _) in zip(shares, outcomes, strict=True):
        losses[:, list(share)] = found
    return losses, max(seconds for _, seconds in outcomes)


def difference_in_double(name: str, work: Work) -> float:
    """Return the largest relative difference to training alone, in losses and in scores afterwards."""
    work = replace(work, steps=DOUBLE_STEPS, double=True, runtime=replace(work.runtime, precision="fp32"))
    seeds = range(work.models)
    apart, together = work.build(seeds), work.build(seeds)
    # The suite calls `float` where autocast may have left half precision.
    with patch.object(Tensor, "float", Tensor.double):
        largest = relative(jointly(name, work, together)[0], alone(work, seeds, apart)[0])
        images = next(work.batches([0]))[0][:N_SCORED]
        for one, other in zip(apart, together, strict=True):
            with torch.no_grad():
                wanted, found = one.eval().score_batch(images), other.eval().score_batch(images)
            largest = max(largest, *(relative(found[score], wanted[score]) for score in wanted))
    return largest


def relative(found: Tensor, wanted: Tensor) -> float:
    """Return the largest difference, relative to the mean of what is wanted."""
    return ((found - wanted).abs().max() / wanted.abs().mean()).item()


def measure(work: Work, rounds: int) -> list[dict[str, Any]]:
    """Return a row per way, after a round of every way that is not timed, but whose losses are compared."""
    cores, seeds = joblib.cpu_count(), range(work.models)
    joints = [name for name in JOINTS if name != "grouped" or work.detector == "autoencoder"]
    ways = {("one after the other", 1, 1): partial(alone, work, seeds)}
    ways |= {(name, 1, 1): partial(jointly, name, work) for name in joints}
    if work.runtime.device == "cpu" and cores > 1:
        wide = replace(work, runtime=replace(work.runtime, threads=cores))
        ways[("one after the other", 1, cores)] = partial(alone, wide, seeds)
        ways |= {(name, 1, cores): partial(jointly, name, wide) for name in joints}
    count = cores if work.runtime.device == "cpu" else PROCESSES_ON_GPU
    ways[("processes", count, 1)] = partial(in_processes, joblib.Parallel(n_jobs=count), work)
    losses = {way: run()[0] for way, run in ways.items()}
    rates = timing.in_turn({way: (lambda run=run: work.images / run()[1]) for way, run in ways.items()}, rounds)
    first = next(iter(ways))
    rows = []
    for way in ways:
        row = {"detector": work.detector, "way": way[0], "processes": way[1], "threads": way[2], "models": work.models}
        row |= {"device": work.runtime.device, "precision": work.runtime.precision}
        row |= {
            "images_per_second": round(float(np.median(rates[way]))),
            "ratio": round(timing.ratio(rates, way, first), 3),
        }
        row["difference"] = relative(losses[way], losses[first])
        row["in_double"] = difference_in_double(way[0], work) if way[0] in JOINTS else None
        rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detectors", nargs="+", choices=("autoencoder", "alpa"), default=["autoencoder", "alpa"])
    parser.add_argument("--models", type=int, default=8)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", nargs="+", choices=("fp32", "bf16"), default=["fp32"])
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    rows = []
    for detector, precision in itertools.product(asked.detectors, asked.precision):
        work = Work(detector, asked.models, asked.steps, asked.batch, Runtime(asked.device, precision))
        rows += measure(work, asked.rounds)
    name = f"many_models_{asked.device}"
    table = timing.write(name, rows)
    labels = [
        f"{row.detector}, {row.way}, {row.processes} x {row.threads}, {row.precision}" for row in table.itertuples()
    ]
    title = f"{asked.models} models on {asked.device} (processes x threads)"
    timing.bars(name, labels, (table["images_per_second"] / 1000).tolist(), title, "1000 images / s")
    if not (table["in_double"].dropna() < TOLERANCE).all():
        raise SystemExit("A model does not learn together what it learns alone: see in_double.")


if __name__ == "__main__":
    main()
