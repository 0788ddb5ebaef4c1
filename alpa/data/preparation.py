"""Pixels to what networks see: fitted on normal training images alone, and kept with the model.

So one new image can be scored by itself, and no statistic of a test set ever enters.
"""

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from alpa.data.batches import to_unit
from alpa.errors import ConfigError

Kind = Literal["unit", "scaled", "gcn"]
BATCH = 1024
LEAST_CONTRAST = 1e-6  # below, an image is a plain area, which has no contrast to normalise


class Preparation(nn.Module):
    """uint8 images (B, C, H, W) to float32 of the same shape, channels last in memory.

    `unit` divides by 255. `scaled` maps the lowest and the highest pixel of the normal training images to 0 and 1.
    `gcn` first subtracts an image's own mean and divides by its mean absolute deviation (global contrast normalisation
    as in L. Ruff et al., Deep One-Class Classification, ICML 2018), then scales likewise. A new image may leave [0, 1].
    """

    lowest: Tensor
    highest: Tensor

    def __init__(self, kind: Kind = "unit") -> None:
        super().__init__()
        if kind not in get_args(Kind):
            raise ConfigError(f"training.preparation is {kind}; choose {', '.join(get_args(Kind))}.")
        self.kind = kind
        if kind != "unit":
            self.register_buffer("lowest", torch.zeros(()))
            self.register_buffer("highest", torch.ones(()))

    def fit(self, images: Tensor) -> None:
        """Find the range of normal training images, uint8 (N, C, H, W), a tensor or `StreamedImages`."""
        if self.kind == "unit":
            return
        parts = (self._contrasted(to_unit(part))[0] for part in images.split(BATCH))
        ranges = torch.stack([torch.stack(part.aminmax()) for part in parts])
        self.lowest, self.highest = ranges[:, 0].min(), ranges[:, 1].max()

    def forward(self, images: Tensor) -> Tensor:
        """Return prepared images."""
        pixels = to_unit(images)
        return pixels if self.kind == "unit" else (self._contrasted(pixels)[0] - self.lowest) / self._span

    def undo(self, prepared: Tensor, images: Tensor) -> Tensor:
        """Map what was made of `images` back to pixels in [0, 1]; `prepared` may have the last of their channels."""
        if self.kind == "unit":
            return prepared
        _, mean, deviation = self._contrasted(to_unit(images))
        return (prepared * self._span.to(prepared.device) + self.lowest.to(prepared.device)) * deviation + mean

    @property
    def _span(self) -> Tensor:
        return (self.highest - self.lowest).clamp(min=LEAST_CONTRAST)

    def _contrasted(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the images without their own mean and contrast, and these two, (B, 1, 1, 1) each."""
        mean, deviation = pixels.new_zeros(len(pixels), 1, 1, 1), pixels.new_ones(len(pixels), 1, 1, 1)
        if self.kind == "gcn":
            mean = pixels.mean((1, 2, 3), keepdim=True)
            deviation = (pixels - mean).abs().mean((1, 2, 3), keepdim=True).clamp(min=LEAST_CONTRAST)
        return (pixels - mean) / deviation, mean, deviation
