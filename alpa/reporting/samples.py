"""Pictures of test images: what the detectors make of them, and which they find most normal and most anomalous."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from alpa.data.splits import Split
from alpa.reporting.document import Picture
from alpa.reporting.drawing import INK, MUTED, POINTS, styled, to_picture

TILE = 27.0  # points that an image takes
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


def reconstructions(
    split: Split, rows: tuple[Sequence[int], Sequence[int]], rebuilt: Mapping[str, NDArray[np.float32]], chosen: str
) -> Picture:
    """Inputs on top, then a row of reconstructions and one of absolute differences per detector.

    Args:
        split: the test split.
        rows: indices of the normal and of the anomalous samples shown.
        rebuilt: per detector the reconstructions (N, C, H, W) in [0, 1] of those samples, in that order.
        chosen: the target class of the cells shown.
    """
    normal, anomalous = rows
    inputs = split.images[[*normal, *anomalous]]
    strips = [Strip("input", np.split(inputs, [len(normal)]))]
    for detector, images in rebuilt.items():
        rounded = np.rint(255 * images).astype(np.uint8)
        difference = np.abs(rounded.astype(np.int16) - inputs).astype(np.uint8)
        strips.append(Strip(detector, np.split(rounded, [len(normal)]), starts_group=True))
        strips.append(Strip("difference", np.split(difference, [len(normal)]), minor=True))
    return to_picture(
        _contact_sheet(strips, ("normal", "anomalous")),
        "reconstructions",
        f"Inputs, reconstructions and absolute differences for class {chosen}",
        f"Class {chosen}: samples at even distances in the test split, not chosen by any score. A score that rests on "
        "the reconstruction wants a black difference on the left and a bright one on the right.",
        kinds=("png",),
    )


def extremes(
    split: Split,
    ranked: Mapping[str, Sequence[tuple[Sequence[int], Sequence[bool]]]],
    titles: Sequence[str],
    name: str,
    caption: str,
) -> Picture:
    """A row per target class with blocks of samples, some of them framed.

    Args:
        split: the test split.
        ranked: per class and block the samples' indices and whether each is framed.
        titles: the blocks'.
        name: the picture's.
        caption: the picture's.
    """
    strips = [
        Strip(target, [split.images[list(samples)] for samples, _ in blocks], [flags for _, flags in blocks])
        for target, blocks in ranked.items()
    ]
    return to_picture(
        _contact_sheet(strips, titles), name, f"Test images by class: {', '.join(titles)}", caption, kinds=("png",)
    )


@styled
def _contact_sheet(strips: Sequence[Strip], titles: Sequence[str]) -> Figure:
    """Lay the strips out below each other; all images lie in one raster with a transparent ground."""
    side = strips[0].blocks[0].shape[-1]
    gap, block_gap = round(GAP * side), round(BLOCK_GAP * side)
    sizes = [max(len(strip.blocks[place]) for strip in strips) for place in range(len(titles))]
    lefts = np.cumsum([0] + [size * (side + gap) - gap + block_gap for size in sizes])
    tops = np.cumsum([0] + [side + (2 * gap if strip.starts_group else gap) for strip in strips[1:]])
    raster = np.zeros((tops[-1] + side, lefts[-1] - block_gap, 4), np.uint8)
    figure, axes = _canvas(raster.shape, TILE / side, 12 + 6.0 * max(len(strip.label) for strip in strips))
    for strip, top in zip(strips, tops, strict=True):
        axes.text(-gap, top + side / 2, strip.label + " ", ha="right", va="center", color=MUTED if strip.minor else INK)
        for place, block in enumerate(strip.blocks):
            for column, image in enumerate(block):
                left = lefts[place] + column * (side + gap)
                raster[top : top + side, left : left + side, :3] = np.moveaxis(image, 0, -1)  # one channel fills three
                raster[top : top + side, left : left + side, 3] = 255
                if strip.framed and strip.framed[place][column]:
                    axes.add_patch(Rectangle((left, top), side, side, fill=False, edgecolor=MARK, linewidth=2))
    for left, title in zip(lefts, titles, strict=False):
        axes.text(left, -gap, title, va="bottom", color=INK)
    axes.imshow(raster, extent=(0, raster.shape[1], raster.shape[0], 0), interpolation="none")
    return figure


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
