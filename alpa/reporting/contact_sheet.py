"""Images in rows and blocks, as one raster with labels around it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from PIL import Image

from alpa.reporting.drawing import INK, MUTED, POINTS, styled
from alpa.reporting.wording import short

# Points in width that an image takes, and how many a block shows, by how many pixels the image has at most in width.
TILES = {32: (27.0, 6), 64: (40.5, 4), 10_000: (54.0, 3)}
MOST_PIXELS = 300_000  # of a raster: what is larger is made smaller by averages
MOST_LETTERS = 16  # of a label
GAP = 0.12  # between images, as a share of an image
BLOCK_GAP = 0.5
HEADER = 18.0  # points above the images, for the blocks' titles
MARK = "#d81b60"  # the frame around a mistake

Images = NDArray[np.uint8]


@dataclass(frozen=True)
class Strip:
    """One row of images: `blocks` are arrays (n, C, H, W), `framed` tells for each block which to frame."""

    label: str
    blocks: Sequence[Images]
    framed: Sequence[Sequence[bool]] = ()
    minor: bool = False
    starts_group: bool = False


def most_in_block(width: int) -> int:
    """Return how many images of a width in pixels a block shows."""
    return _tile(width)[1]


@styled
def contact_sheet(
    strips: Sequence[Strip], titles: Sequence[str], tile: float | None = None, most_pixels: int = MOST_PIXELS
) -> Figure:
    """Lay the strips out below each other; all images lie in one raster with a transparent ground.

    Args:
        strips: the rows.
        titles: of the blocks.
        tile: points in width that an image takes; by its width in pixels if None.
        most_pixels: of the raster.
    """
    tile = tile or _tile(strips[0].blocks[0].shape[-1])[0]
    strips = _fitting(strips, most_pixels)
    high, wide = strips[0].blocks[0].shape[-2:]
    gap, block_gap = round(GAP * min(high, wide)), round(BLOCK_GAP * min(high, wide))
    sizes = [max(len(strip.blocks[place]) for strip in strips) for place in range(len(titles))]
    lefts = np.cumsum([0] + [size * (wide + gap) - gap + block_gap for size in sizes])
    tops = np.cumsum([0] + [high + (2 * gap if strip.starts_group else gap) for strip in strips[1:]])
    raster = np.zeros((tops[-1] + high, lefts[-1] - block_gap, 4), np.uint8)
    labels = [short(strip.label, MOST_LETTERS) for strip in strips]
    figure, axes = _canvas(raster.shape, tile / wide, 12 + 6.0 * max(map(len, labels)))
    for strip, top, label in zip(strips, tops, labels, strict=True):
        axes.text(-gap, top + high / 2, label + " ", ha="right", va="center", color=MUTED if strip.minor else INK)
        for place, block in enumerate(strip.blocks):
            for column, image in enumerate(block):
                left = lefts[place] + column * (wide + gap)
                raster[top : top + high, left : left + wide, :3] = np.moveaxis(image, 0, -1)  # one channel fills three
                raster[top : top + high, left : left + wide, 3] = 255
                if strip.framed and strip.framed[place][column]:
                    axes.add_patch(Rectangle((left, top), wide, high, fill=False, edgecolor=MARK, linewidth=2))
    for left, title in zip(lefts, titles, strict=False):
        axes.text(left, -gap, title, va="bottom", color=INK)
    axes.imshow(raster, extent=(0, raster.shape[1], raster.shape[0], 0), interpolation="none")
    return figure


def _tile(width: int) -> tuple[float, int]:
    return next(tile for most, tile in TILES.items() if width <= most)


def _fitting(strips: Sequence[Strip], most_pixels: int) -> Sequence[Strip]:
    """Return the strips with images so small that all of them fit into so many pixels."""
    high, wide = strips[0].blocks[0].shape[-2:]
    n = sum(len(block) for strip in strips for block in strip.blocks)
    share = (most_pixels / (n * high * wide)) ** 0.5
    if share >= 1:
        return strips
    size = (max(1, int(share * wide)), max(1, int(share * high)))
    return [replace(strip, blocks=[_smaller(block, size) for block in strip.blocks]) for strip in strips]


def _smaller(block: Images, size: tuple[int, int]) -> Images:
    """Return images (n, C, H, W) at a size (width, height), by averages."""
    n, channels = block.shape[:2]
    planes = [
        np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.BOX)) for image in block for plane in image
    ]
    return np.array(planes, np.uint8).reshape(n, channels, size[1], size[0])


def _canvas(shape: tuple[int, ...], scale: float, label_width: float) -> tuple[Figure, Axes]:
    """Return axes in the raster's pixels, `scale` points each, with room for labels on the left and titles on top."""
    height, width = shape[0] * scale, shape[1] * scale
    total_width, total_height = width + label_width + 2, height + HEADER + 2
    figure = Figure(figsize=(total_width / POINTS, total_height / POINTS))
    axes = figure.add_axes((label_width / total_width, 2 / total_height, width / total_width, height / total_height))
    axes.set_axis_off()
    axes.set_clip_on(False)
    axes.set_xlim(0, shape[1])
    axes.set_ylim(shape[0], 0)
    return figure, axes
