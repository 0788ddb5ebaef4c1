"""The convolutions of alpa/detectors/convolutions.py beside torch's own layers: `python -m performance.convolutions`.

Milliseconds of a forward and a backward pass on one thread, at the sizes that training uses. Written to
performance/results/convolutions.csv.
"""

import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor, nn

from alpa.detectors.convolutions import Collapse, Doubling, Expansion, Halving
from performance.timing import write

ROUNDS = 15
Build = Callable[[], nn.Module]
CASES: dict[str, tuple[Build, Build, tuple[int, ...]]] = {
    "halving, 3 to 64 channels": (
        lambda: Halving(3, 64),
        lambda: nn.Conv2d(3, 64, 4, 2, 1, bias=False),
        (64, 3, 32, 32),
    ),
    "doubling, 64 to 3 channels": (
        lambda: Doubling(64, 3),
        lambda: nn.ConvTranspose2d(64, 3, 4, 2, 1, bias=False),
        (64, 64, 16, 16),
    ),
    "doubling, 16 to 1 channels": (
        lambda: Doubling(16, 1, bias=True),
        lambda: nn.ConvTranspose2d(16, 1, 4, 2, 1),
        (192, 16, 16, 16),
    ),
    "collapse, 256 to 100": (lambda: Collapse(256, 100), lambda: nn.Conv2d(256, 100, 4, bias=False), (64, 256, 4, 4)),
    "expansion, 100 to 256": (
        lambda: Expansion(100, 256),
        lambda: nn.ConvTranspose2d(100, 256, 4, bias=False),
        (64, 100, 1, 1),
    ),
}


def main() -> None:
    torch.set_num_threads(1)
    rows = []
    for precision in ("fp32", "bf16"):
        for name, (ours, theirs, shape) in CASES.items():
            images = torch.randn(shape).to(memory_format=torch.channels_last).requires_grad_()
            layers = [build().to(memory_format=torch.channels_last) for build in (ours, theirs)]
            seconds = [[passes(layer, images, precision == "bf16") for layer in layers] for _ in range(ROUNDS)]
            mine, torchs = (1000 * median(each) for each in zip(*seconds, strict=True))
            milliseconds = {"ours_ms": round(mine, 2), "torch_ms": round(torchs, 2)}
            rows.append({"layer": name, "precision": precision, **milliseconds, "speed_up": round(torchs / mine, 2)})
    write("convolutions", rows)


def passes(layer: nn.Module, images: Tensor, bf16: bool) -> float:
    """Return the seconds of a forward and a backward pass."""
    started = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        output = layer(images)
    torch.autograd.grad(output.float().square().sum(), [images, *layer.parameters()])
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
