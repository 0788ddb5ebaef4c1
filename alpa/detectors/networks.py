"""The convolutional networks that `alpa`, `autoencoder` and `denoising` share.

Unstated in the paper: every size. Ours are small: three 4x4 convolutions of stride 2 halve the image to 1/8, a linear
layer maps it to the latent, and the decoder mirrors that.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alpa.errors import ConfigError


class ConvolutionalEncoder(nn.Module):
    """Images (B, C, H, W) in [0, 1] to (B, outputs), by way of three feature maps."""

    def __init__(self, image_shape: tuple[int, ...], width: int, outputs: int) -> None:
        super().__init__()
        channels, height, side = image_shape
        if height < 8 or side < 8 or height % 8 or side % 8:
            raise ConfigError(
                f"Images of {height} x {side} cannot be halved three times; give sides of 8, 16, 24, 32, ..."
            )
        widths = [channels, width, 2 * width, 4 * width]
        self.stages = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.LeakyReLU(0.2),
            )
            for before, after in pairwise(widths)
        )
        self.head = nn.Linear(widths[-1] * (height // 8) * (side // 8), outputs)

    def forward(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the outputs (B, outputs) and the three feature maps, each half as large as the one before."""
        features = []
        for stage in self.stages:
            images = stage(images)
            features.append(images)
        return self.head(images.flatten(1)), features


class CleanBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation whose running statistics come from the clean rows of a batch alone."""

    def forward(self, rows: Tensor, n_clean: int | None = None) -> Tensor:
        """Normalise rows (B, C, H, W); of a training batch the first `n_clean` and the rest separately."""
        if n_clean is None or not self.training:
            return super().forward(rows)
        clean = super().forward(rows[:n_clean])
        rest = F.batch_norm(rows[n_clean:], None, None, self.weight, self.bias, training=True, eps=self.eps)
        return torch.cat([clean, rest])


class ConvolutionalDecoder(nn.Module):
    """Latents (B, latent) to images (B, C, H, W) in [0, 1]."""

    def __init__(self, image_shape: tuple[int, ...], width: int, latent: int) -> None:
        super().__init__()
        channels, height, side = image_shape
        widths = [4 * width, 2 * width, width]
        self.grid = (widths[0], height // 8, side // 8)
        self.stem = nn.Linear(latent, self.grid[0] * self.grid[1] * self.grid[2])
        self.stages = nn.ModuleList(
            nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False) for before, after in pairwise(widths)
        )
        self.norms = nn.ModuleList(CleanBatchNorm2d(after) for after in widths[1:])
        self.head = nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1)

    def forward(self, latent: Tensor, n_clean: int | None = None) -> Tensor:
        """Decode every row; in training, rows from `n_clean` on are perturbed and leave running statistics alone."""
        rows = F.relu(self.stem(latent)).unflatten(1, self.grid)  # (B, latent) -> (B, 4 * width, H / 8, W / 8)
        rows = rows.contiguous(memory_format=torch.channels_last)
        for stage, norm in zip(self.stages, self.norms, strict=True):
            rows = F.relu(norm(stage(rows), n_clean))
        return self.head(rows).sigmoid()
