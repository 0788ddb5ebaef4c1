"""The convolutional networks that `alpa`, `autoencoder` and `denoising` share.

Unstated in the paper: every size. Ours are small: 4x4 convolutions of stride 2 halve the image until its shorter side
is 4 to 7 pixels (three times for 32x32, five times for 128x128), doubling the channels up to 8 * width. Where an image
is reconstructed, a linear layer maps the last feature map to a latent vector, and the decoder mirrors that. Where a
frame is predicted, three halvings and a 1x1 convolution give a map of latents, and the decoder also gets the encoder's
feature maps (O. Ronneberger et al., U-Net, 2015, arXiv:1505.04597): they cannot give the answer away, since it is not
in the input, and a frame needs them to be sharp. Such a pair takes frames of any size.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alpa.detectors.convolutions import Doubling, Halving
from alpa.sizes import LEAST_HALVINGS, halvings

MOST_WIDTHS = 8


def channels_of(width: int, number: int) -> list[int]:
    """Return the channels of so many feature maps, the largest map first."""
    return [width * min(2**place, MOST_WIDTHS) for place in range(number)]


class ConvolutionalEncoder(nn.Module):
    """Images (B, C, H, W) in [0, 1] to (B, outputs), or to (B, outputs, H / 8, W / 8) if `spatial`."""

    def __init__(self, image_shape: tuple[int, ...], width: int, outputs: int, spatial: bool = False) -> None:
        super().__init__()
        channels, height, side = image_shape
        number = LEAST_HALVINGS if spatial else halvings(height, side)
        widths = [channels, *channels_of(width, number)]
        self.stages = nn.ModuleList(
            nn.Sequential(
                Halving(before, after),
                nn.BatchNorm2d(after),
                nn.LeakyReLU(0.2),
            )
            for before, after in pairwise(widths)
        )
        places = (height >> number) * (side >> number)
        self.spatial = spatial
        self.head = nn.Conv2d(widths[-1], outputs, 1) if spatial else nn.Linear(widths[-1] * places, outputs)

    def forward(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the outputs and the feature maps, each half as large as the one before."""
        features = []
        for stage in self.stages:
            images = stage(images)
            features.append(images)
        # Flattened as it lies in memory, channels last; any other order would be copied, and its gradient too.
        return self.head(images if self.spatial else images.permute(0, 2, 3, 1).flatten(1)), features


class CleanBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation whose running statistics come from the clean rows of a batch alone."""

    def forward(self, rows: Tensor, n_clean: int | None = None) -> Tensor:
        """Normalise rows (B, C, H, W); of a training batch the first `n_clean` and the rest separately."""
        if n_clean is None or not self.training:
            return super().forward(rows)
        clean, rest = rows.split([n_clean, len(rows) - n_clean])
        rest = F.batch_norm(rest, None, None, self.weight, self.bias, training=True, eps=self.eps)
        return torch.cat([super().forward(clean), rest])


class ConvolutionalDecoder(nn.Module):
    """Latents (B, latent), or maps (B, latent, H / 8, W / 8) if `spatial`, to images (B, C, H, W) in [0, 1]."""

    def __init__(self, image_shape: tuple[int, ...], width: int, latent: int, spatial: bool = False) -> None:
        super().__init__()
        channels, height, side = image_shape
        number = LEAST_HALVINGS if spatial else halvings(height, side)
        widths = channels_of(width, number)[::-1]
        self.grid = (height >> number, side >> number, widths[0])
        self.spatial = spatial
        self.stem = (
            nn.Conv2d(latent, widths[0], 1)
            if spatial
            else nn.Linear(latent, self.grid[0] * self.grid[1] * self.grid[2])
        )
        inputs = 2 if spatial else 1  # a feature map of the encoder comes along
        self.stages = nn.ModuleList(Doubling(inputs * before, after) for before, after in pairwise(widths))
        self.norms = nn.ModuleList(CleanBatchNorm2d(after) for after in widths[1:])
        self.head = Doubling(inputs * width, channels, bias=True)

    def forward(self, latent: Tensor, n_clean: int | None = None, features: Sequence[Tensor] = ()) -> Tensor:
        """Decode every row; in training, rows from `n_clean` on are perturbed and leave running statistics alone.

        A spatial decoder takes the encoder's feature maps too, the largest first, with as many rows as the latent.
        """
        rows = F.relu(self.stem(latent))
        if not self.spatial:  # (B, height * width * channels) -> (B, channels, height, width), channels last in memory
            rows = rows.unflatten(1, self.grid).permute(0, 3, 1, 2)
        beside = list(features)
        for stage, norm in zip(self.stages, self.norms, strict=True):
            rows = F.relu(norm(stage(_with(rows, beside)), n_clean))
        return self.head(_with(rows, beside)).sigmoid()


def _with(rows: Tensor, beside: list[Tensor]) -> Tensor:
    """Join the smallest feature map that is left to the rows, if there is one."""
    return torch.cat([rows, beside.pop()], dim=1) if beside else rows
