"""Images per second that a loop trains, in this process: `python -m performance.rate suite alpa --threads 1`.

The loops: `suite` (ours, as in `Detector.fit`), `bare` (performance/bare/), `naive` (alpa in two passes).
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from alpa.config import TrainingConfig
from alpa.detectors import build_detector, detector_class
from alpa.detectors.detector import Detector
from alpa.runtime import Runtime
from alpa.training.loop import train
from performance.bare import autoencoders, ganomaly, naive_alpa

WARM_UP = 5
N_IMAGES = 4096
BARE = {"ganomaly": ganomaly.train, "alpa": autoencoders.train, "autoencoder": autoencoders.train}
BARE["denoising"] = autoencoders.train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("loop", choices=("suite", "bare", "naive"))
    parser.add_argument("detector", choices=sorted(BARE))
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--channels", type=int, default=1)
    parser.add_argument("--side", type=int, default=32)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    runtime = Runtime(arguments.device, arguments.precision, arguments.threads)
    shape = (arguments.channels, arguments.side, arguments.side)
    pixels = np.random.default_rng(0).integers(0, 256, (N_IMAGES, *shape), dtype=np.uint8)
    images = torch.from_numpy(pixels).to(arguments.device)
    detector = build_detector(arguments.detector, shape, detector_class(arguments.detector).config_class(), seed=0)
    detector.to(arguments.device).to(memory_format=torch.channels_last).train()
    run = loop_of(arguments.loop, detector, images, arguments.batch, runtime)
    run(WARM_UP)
    print(json.dumps(arguments.steps * arguments.batch / seconds(lambda: run(arguments.steps), arguments.device)))


def loop_of(
    loop: str, detector: Detector, images: torch.Tensor, batch: int, runtime: Runtime
) -> Callable[[int], object]:
    """Return what trains so many steps."""
    if loop != "suite":
        bare = naive_alpa.train if loop == "naive" else BARE[detector.key]
        return lambda steps: bare(detector, images, steps, batch, runtime.precision == "bf16")
    training = TrainingConfig(steps=10**6, batch_size=batch)
    detector.begin(training)
    return lambda steps: train(detector, images, replace(training, steps=steps), runtime)


def seconds(function: Callable[[], object], device: str) -> float:
    """Return how long a call takes, on a GPU until the GPU is done."""
    started = time.perf_counter()
    function()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
