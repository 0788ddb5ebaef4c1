"""Batches of normal images, which lie on the device as uint8 or, where they are too many, are read batch by batch."""

from collections.abc import Callable, Iterator
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alpa.data.stored import Images

MOST_IN_MEMORY = 256 * 2**20  # bytes of training images, as uint8, that a process without a GPU holds
SHARE_OF_GPU = 4  # of a GPU's free memory they may take one part in so many
LOADED = 1024  # images that are read at once on their way to the device


def to_unit(images: Tensor) -> Tensor:
    """Map uint8 images (B, C, H, W) to float32 in [0, 1], channels last in memory."""
    return images.to(torch.float32).div_(255).contiguous(memory_format=torch.channels_last)


def to_device(images: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Return images as a tensor on the device; a GPU copies them while the process goes on."""
    tensor = torch.from_numpy(images)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


class StreamedImages:
    """What training needs of a tensor of images, uint8 (N, C, H, W), of images that are too many for the device.

    Rows and `split` give tensors on the device, which are read only then; `[:, channels]` gives the same images with
    some of their channels, still unread.
    """

    def __init__(
        self, images: Images, rows: NDArray[np.int64], device: torch.device, channels: slice = slice(None)
    ) -> None:
        """Stand for `rows`, (N,), of the images."""
        self.images = images
        self.rows = rows
        self.device = device
        self.channels = channels

    @property
    def nbytes(self) -> int:
        """How many bytes a tensor of all of them, with all channels, would take."""
        return self.images.nbytes // max(1, len(self.images)) * len(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, tuple):
            rows, channels = index
            assert rows == slice(None), "a tensor's rows and channels are never chosen at once"
            return StreamedImages(self.images, self.rows, self.device, channels)
        chosen = index if isinstance(index, slice) else index.numpy()
        return to_device(self.images[self.rows[chosen]], self.device)[:, self.channels]

    def split(self, size: int) -> Iterator[Tensor]:
        """Yield all images in order, `size` at a time."""
        return (self[start : start + size] for start in range(0, len(self), size))

    def load(self) -> Tensor:
        """Return all images as one tensor on the device, without a second copy of them in memory."""
        whole = torch.empty((len(self), *self.images.shape[1:]), dtype=torch.uint8, device=self.device)
        for start in range(0, len(self), LOADED):
            whole[start : start + LOADED] = self[start : start + LOADED]
        return whole


def are_many(images: Tensor) -> bool:
    """Tell whether images, uint8 (N, C, H, W), take more than MOST_IN_MEMORY bytes."""
    return images.nbytes > MOST_IN_MEMORY


def training_images(images: Images, rows: NDArray[np.int64], device: torch.device) -> Tensor:
    """Return rows of images, uint8 (N, C, H, W), for training: a tensor on the device, or `StreamedImages`.

    A tensor if they take at most MOST_IN_MEMORY bytes or, on a GPU, a quarter of its free memory. No number depends on
    that but principal components, which are exact up to MOST_IN_MEMORY. The type is the tensor's, since detectors use
    both alike.
    """
    streamed = StreamedImages(images, rows, device)
    most = torch.cuda.mem_get_info(device)[0] // SHARE_OF_GPU if device.type == "cuda" else MOST_IN_MEMORY
    return streamed.load() if streamed.nbytes <= most else cast(Tensor, streamed)


def shuffled_batches(
    images: Tensor, batch_size: int, steps: int, seed: int, prepare: Callable[[Tensor], Tensor] = to_unit
) -> Iterator[Tensor]:
    """Yield `steps` batches of prepared images, by default float32 in [0, 1], shape (min(batch_size, N), C, H, W).

    Every epoch is a new permutation, and an incomplete last batch is dropped. The permutations come from a CPU
    generator of their own, so they are the same on every device, whatever else draws random numbers, and wherever the
    images come from.

    Args:
        images: uint8 (N, C, H, W), a tensor on the device or `StreamedImages`.
        batch_size: at most so many images a batch.
        steps: how many batches.
        seed: of the permutations.
        prepare: maps a batch of pixels to what a detector sees.
    """
    generator = torch.Generator().manual_seed(seed)
    size = min(batch_size, len(images))
    done = 0
    while True:
        order = torch.randperm(len(images), generator=generator)
        if isinstance(images, Tensor):
            order = order.to(images.device)
        for start in range(0, len(images) - size + 1, size):
            if done == steps:
                return
            yield prepare(images[order[start : start + size]])
            done += 1
