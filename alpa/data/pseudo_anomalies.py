"""Anomalies made from normal images alone, so that a detector can be tuned where nobody has seen an anomaly.

Every family breaks one property of the normal class and keeps the others: the place of parts, the outline, the shape,
the phase of the spectrum, the pose. None needs a label or an image of another class.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

Images = NDArray[np.uint8]  # (N, C, H, W)

GRID = 4  # patches a side, of `permuted`
PASTED_SIDE = (0.25, 0.5)  # least and most, of the image's side
WARP_SMOOTHNESS = 0.125  # deviation of the Gaussian that smooths the displacements, of the image's side
WARP_STRENGTH = 0.125  # root mean square displacement, of the image's side


def permuted(normals: Images, rng: np.random.Generator) -> Images:
    """Cut every image into 4 x 4 patches and put them back in another order: parts in the wrong place."""
    n, channels, height, width = normals.shape
    tall, wide = height // GRID, width // GRID
    made = normals.copy()
    cropped = normals[:, :, : tall * GRID, : wide * GRID]
    patches = cropped.reshape(n, channels, GRID, tall, GRID, wide).transpose(0, 2, 4, 1, 3, 5)  # (N, 4, 4, C, h, w)
    patches = patches.reshape(n, GRID * GRID, channels, tall, wide)
    patches = np.stack([image[rng.permutation(GRID * GRID)] for image in patches])
    patches = patches.reshape(n, GRID, GRID, channels, tall, wide).transpose(0, 3, 1, 4, 2, 5)  # (N, C, 4, h, 4, w)
    made[:, :, : tall * GRID, : wide * GRID] = patches.reshape(cropped.shape)
    return made


def pasted(normals: Images, rng: np.random.Generator) -> Images:
    """Paste a rectangle of another normal image at a place of its own: a part too many, or one covered (CutPaste)."""
    n, _, height, width = normals.shape
    made = normals.copy()
    for image, other in zip(made, normals[_others(n, rng)], strict=True):
        tall, wide = (round(side * rng.uniform(*PASTED_SIDE)) for side in (height, width))
        (top, from_top), (left, from_left) = (
            rng.integers(height - tall + 1, size=2),
            rng.integers(width - wide + 1, size=2),
        )
        image[:, top : top + tall, left : left + wide] = other[
            :, from_top : from_top + tall, from_left : from_left + wide
        ]
    return made


def blended(normals: Images, rng: np.random.Generator) -> Images:
    """Take the mean of two normal images: two outlines in one image, both faint."""
    other = normals[_others(len(normals), rng)]
    return ((normals.astype(np.uint16) + other) // 2).astype(np.uint8)


def warped(normals: Images, rng: np.random.Generator) -> Images:
    """Bend every image by a smooth random field of displacements: the right parts in a wrong shape."""
    _, _, height, width = normals.shape
    grid = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij")).astype(np.float32)
    made = np.empty_like(normals)
    for row, image in enumerate(normals):
        field = rng.standard_normal((2, height, width)).astype(np.float32)
        field = gaussian_filter(field, (0, WARP_SMOOTHNESS * height, WARP_SMOOTHNESS * width), mode="wrap")
        field *= WARP_STRENGTH * np.array([height, width], dtype=np.float32)[:, None, None] / field.std()
        for channel, plane in enumerate(image):
            made[row, channel] = map_coordinates(plane, grid + field, order=1, mode="nearest")
    return made


def scrambled(normals: Images, rng: np.random.Generator) -> Images:
    """Keep every image's amplitude spectrum and draw its phases anew: noise of the image's own spectrum."""
    _, _, height, width = normals.shape
    spectrum = np.abs(np.fft.rfft2(normals.astype(np.float32)))
    phases = np.angle(np.fft.rfft2(rng.standard_normal((len(normals), 1, height, width))))
    phases[..., 0, 0] = 0.0  # the mean keeps its sign
    noise = np.fft.irfft2(spectrum * np.exp(1j * phases), s=(height, width))
    return np.clip(np.rint(noise), 0, 255).astype(np.uint8)


def rotated(normals: Images, rng: np.random.Generator) -> Images:
    """Turn every image by 90, 180 or 270 degrees: the right thing in a wrong pose."""
    turns = rng.integers(1, 4, size=len(normals))
    return np.stack([np.rot90(image, turn, axes=(1, 2)) for image, turn in zip(normals, turns, strict=True)])


def flipped(normals: Images, rng: np.random.Generator) -> Images:
    """Mirror every image, left to right or top to bottom."""
    return np.stack(
        [np.flip(image, axis) for image, axis in zip(normals, rng.integers(1, 3, size=len(normals)), strict=True)]
    )


def _others(n: int, rng: np.random.Generator) -> NDArray[Any]:
    """Return for each of n images the index of another one."""
    return (np.arange(n) + rng.integers(1, n, size=n)) % n


FAMILIES: dict[str, Callable[[Images, np.random.Generator], Images]] = {
    function.__name__: function for function in (permuted, pasted, blended, warped, scrambled, rotated, flipped)
}

# Those that may turn a normal image into another normal one.
SYMMETRIES = frozenset({"rotated", "flipped"})
