"""The 4x4 convolutions that all networks here are made of: halving, doubling, and the step from a map to a vector.

They compute what torch's layers compute. Where torch chooses a slow way for it, a faster one is taken, as measured by
`performance/convolutions.py`: images have so few channels that a transposed convolution to them, which is also a
convolution's gradient with respect to them, computes mostly padding on a CPU.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F
from torch.nn.grad import conv2d_weight

KERNEL, STRIDE, PADDING = 4, 2, 1
FEW_CHANNELS = 4  # of an image


class Halving(nn.Conv2d):
    """(B, inputs, 2H, 2W) to (B, outputs, H, W)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, KERNEL, STRIDE, PADDING, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        if self.in_channels > FEW_CHANNELS or images.device.type != "cpu" or not images.requires_grad:
            return super().forward(images)
        return _HalveImages.apply(*_as_in_autocast(images, self.weight))


class Doubling(nn.ConvTranspose2d):
    """(B, inputs, H, W) to (B, outputs, 2H, 2W)."""

    def __init__(self, inputs: int, outputs: int, bias: bool = False) -> None:
        super().__init__(inputs, outputs, KERNEL, STRIDE, PADDING, bias=bias)

    def forward(self, maps: Tensor, output_size: list[int] | None = None) -> Tensor:
        if self.out_channels > FEW_CHANNELS or maps.device.type != "cpu":
            return super().forward(maps, output_size)
        images = _DoubleToImages.apply(*_as_in_autocast(maps, self.weight))
        return images if self.bias is None else images + self.bias.to(images.dtype).view(-1, 1, 1)


class Collapse(nn.Conv2d):
    """A map (B, inputs, 4, 4) to (B, outputs, 1, 1), as the matrix product that it is."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, KERNEL, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        weight = self.weight.permute(0, 2, 3, 1).flatten(1)  # channels last, as they lie in memory
        return F.linear(maps.permute(0, 2, 3, 1).flatten(1), weight)[:, :, None, None]


class Expansion(nn.ConvTranspose2d):
    """(B, inputs, 1, 1) to a map (B, outputs, 4, 4), as the matrix product that it is."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, KERNEL, bias=False)

    def forward(self, vectors: Tensor, output_size: list[int] | None = None) -> Tensor:
        weight = self.weight.permute(2, 3, 1, 0).flatten(0, 2)  # (4 * 4 * outputs, inputs)
        maps = F.linear(vectors.flatten(1), weight)
        return maps.view(-1, KERNEL, KERNEL, self.out_channels).permute(0, 3, 1, 2)


class _HalveImages(torch.autograd.Function):
    """A convolution whose gradient with respect to its images is wanted."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(images, weight)
        return F.conv2d(images, weight, stride=STRIDE, padding=PADDING)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        images, weight = ctx.saved_tensors
        return double_to_images(gradient, weight), _weight_gradient(images, weight, gradient)


class _DoubleToImages(torch.autograd.Function):
    """A transposed convolution to images."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(maps, weight)
        return double_to_images(maps, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        maps, weight = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        return F.conv2d(gradient, weight, stride=STRIDE, padding=PADDING), _weight_gradient(gradient, weight, maps)


def double_to_images(maps: Tensor, weight: Tensor) -> Tensor:
    """Return the transposed convolution of (B, K, H, W) by (K, C, 4, 4), stride 2, padding 1: (B, C, 2H, 2W).

    One matrix product gives what every place adds to the 4 x 4 pixels around it; then these are added up.
    """
    (batch, channels, height, width), colours = maps.shape, weight.shape[1]
    patches = weight.reshape(channels, -1).T @ maps.permute(0, 2, 3, 1).reshape(-1, channels).T
    patches = patches.view(colours, 2, 2, 2, 2, batch, height, width)  # pixel 2a + r of a patch is pixel r of place a
    dtype = torch.promote_types(maps.dtype, torch.float32)
    summed = torch.zeros(colours, 2, 2, batch, height + 1, width + 1, dtype=dtype)
    for down in (0, 1):
        for right in (0, 1):
            summed[..., down : down + height, right : right + width] += patches[:, down, :, right]
    # (C, r, s, B, H + 1, W + 1) -> (B, C, 2H + 2, 2W + 2), of which the outermost pixels are padding
    padded = summed.to(maps.dtype).permute(3, 0, 4, 1, 5, 2).reshape(batch, colours, 2 * height + 2, 2 * width + 2)
    return padded[:, :, 1:-1, 1:-1].contiguous(memory_format=torch.channels_last)


def _weight_gradient(images: Tensor, weight: Tensor, gradient: Tensor) -> Tensor:
    return conv2d_weight(images, list(weight.shape), gradient, stride=STRIDE, padding=PADDING)


def _as_in_autocast(*tensors: Tensor) -> list[Tensor]:
    """Cast as autocast casts what a convolution gets."""
    if not torch.is_autocast_enabled("cpu"):
        return list(tensors)
    return [tensor.to(torch.get_autocast_dtype("cpu")) for tensor in tensors]
