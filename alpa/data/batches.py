"""Batches of normal images from a tensor that already lies on the device as uint8."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor


def to_unit(images: Tensor) -> Tensor:
    """Map uint8 images (B, C, H, W) to float32 in [0, 1], channels last in memory."""
    return images.to(torch.float32).div_(255).contiguous(memory_format=torch.channels_last)


def shuffled_batches(
    images: Tensor, batch_size: int, steps: int, seed: int, prepare: Callable[[Tensor], Tensor] = to_unit
) -> Iterator[Tensor]:
    """Yield `steps` batches of prepared images, by default float32 in [0, 1], shape (min(batch_size, N), C, H, W).

    Every epoch is a new permutation, and an incomplete last batch is dropped. The permutations come from a CPU
    generator of their own, so they are the same on every device and whatever else draws random numbers.
    """
    generator = torch.Generator().manual_seed(seed)
    size = min(batch_size, len(images))
    done = 0
    while True:
        order = torch.randperm(len(images), generator=generator).to(images.device)
        for start in range(0, len(images) - size + 1, size):
            if done == steps:
                return
            yield prepare(images[order[start : start + size]])
            done += 1
