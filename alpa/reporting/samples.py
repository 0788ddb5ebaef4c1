"""Pictures of test images: what the detectors make of them, and which they find most normal and most anomalous."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from PIL import Image

from alpa.data.splits import Split
from alpa.reporting.document import Picture
from alpa.reporting.drawing import INK, MUTED, POINTS, styled, to_picture
from alpa.reporting.wording import short

# Points in width that an image takes, and how many a block shows, by how many pixels the image has at most in width.
TILES = {32: (27.0, 6), 64: (40.5, 4), 10_000: (54.0, 3)}
FRAME_TILE = 82.0
MOST_PIXELS = 300_000  # of a raster: what is larger is made smaller by averages
MOST_LETTERS = 16  # of a label
GAP = 0.12  # between images, as a share of an image
BLOCK_GAP = 0.5
HEADER = 18.0  # points above the images, for the blocks' titles
BRIGHTER = 3  # differences of frames, most of which are small
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


def shown(width: int) -> int:
    """Return how many images of a width in pixels a block shows."""
    return _tile(width)[1]


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


def distortions(
    split: Split,
    rows: tuple[Sequence[int], Sequence[int]],
    made: tuple[NDArray[np.float32], NDArray[np.float32]],
    chosen: str,
) -> Picture:
    """Inputs, what is made of their latents as they are and perturbed, and the difference between these two.

    Args:
        split: the test split.
        rows: indices of the normal and of the anomalous samples shown.
        made: (N, C, H, W) in [0, 1] of those samples, in that order: by the clean and by the perturbed latent.
        chosen: the target class of the cell shown.
    """
    normal, anomalous = rows
    clean, perturbed = made
    inputs = split.images[[*normal, *anomalous]]
    moved = np.abs(perturbed - clean)
    times = max(1, int(1 / max(float(moved.max()), 1 / 255)))
    shown = {"input": inputs / 255, "latent as it is": clean, "perturbed": perturbed, "difference": times * moved}
    strips = [
        Strip(label, np.split(np.rint(255 * images).astype(np.uint8), [len(normal)]), minor=label == "difference")
        for label, images in shown.items()
    ]
    return to_picture(
        _contact_sheet(strips, ("normal", "anomalous")),
        "distortions",
        f"Inputs, reconstructions from the latent as it is and perturbed, and their difference, for class {chosen}",
        f"Class {chosen}: the same samples decoded from the latent as it is and with the distorter's perturbation. The "
        f"difference between these two is shown {'as it is' if times == 1 else f'{times} times as bright as it is'}.",
        kinds=("png",),
    )


def frames(
    before: Images | None, wanted: Images, n_normal: int, made: Mapping[str, NDArray[np.float32]], predicted: bool
) -> Picture:
    """Frames of clips on top, then a row of what each detector makes of them and one of absolute differences.

    Args:
        before: the last frames that the detectors were given, (N, C, H, W), None where they are given all.
        wanted: the frames, the normal ones first.
        n_normal: how many these are.
        made: per detector what it makes of them, (N, C, H, W) in [0, 1].
        predicted: whether the frames were predicted from earlier ones rather than reconstructed.
    """
    strips = [] if before is None else [Strip("frame before", np.split(before, [n_normal]), minor=True)]
    strips.append(Strip("frame", np.split(wanted, [n_normal])))
    for detector, images in made.items():
        rounded = np.rint(255 * images).astype(np.uint8)
        difference = np.abs(rounded.astype(np.int16) - wanted)
        brighter = np.minimum(BRIGHTER * difference, 255).astype(np.uint8)
        strips.append(Strip(detector, np.split(rounded, [n_normal]), starts_group=True))
        strips.append(Strip("difference", np.split(brighter, [n_normal]), minor=True))
    what = "predictions" if predicted else "reconstructions"
    return to_picture(
        _contact_sheet(strips, ("normal", "anomalous"), FRAME_TILE),
        "reconstructions",
        f"Frames, their {what} and the absolute differences",
        f"Frames and their {what}, which are put together of windows side by side. Differences are {BRIGHTER} times as "
        "bright as they are: a score that rests on them wants black on the left, and brightness where the anomaly is.",
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
def _contact_sheet(strips: Sequence[Strip], titles: Sequence[str], tile: float | None = None) -> Figure:
    """Lay the strips out below each other; all images lie in one raster with a transparent ground."""
    tile = tile or _tile(strips[0].blocks[0].shape[-1])[0]
    strips = _fitting(strips)
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


def _fitting(strips: Sequence[Strip]) -> Sequence[Strip]:
    """Return the strips with images so small that all of them fit into MOST_PIXELS."""
    high, wide = strips[0].blocks[0].shape[-2:]
    n = sum(len(block) for strip in strips for block in strip.blocks)
    share = (MOST_PIXELS / (n * high * wide)) ** 0.5
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
