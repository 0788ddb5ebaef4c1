"""Pictures of test images: what the detectors make of them, and which they find most normal and most anomalous."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from alpa.data.splits import Split
from alpa.reporting.contact_sheet import Images, Strip, contact_sheet
from alpa.reporting.document import Picture
from alpa.reporting.drawing import to_picture

FRAME_TILE = 82.0  # points in width that a frame takes
FRAME_PIXELS = 150_000  # of a sheet of frames
BRIGHTER = 3  # differences of frames, most of which are small


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
        contact_sheet(strips, ("normal", "anomalous")),
        "reconstructions",
        f"Inputs, reconstructions and absolute differences for class {chosen}",
        f"Class {chosen}: samples at even distances in the test split, not chosen by any score. A score that rests on "
        "the reconstruction wants a black difference on the left and a bright one on the right.",
        kinds=("png",),
    )


def distortions(
    inputs: Images, n_normal: int, made: tuple[NDArray[np.float32], NDArray[np.float32]], what: str, of_frames: bool
) -> Picture:
    """Inputs, what is made of their latents as they are and perturbed, and the difference between these two.

    Args:
        inputs: the samples, (N, C, H, W), the normal ones first.
        n_normal: how many these are.
        made: (N, C, H, W) in [0, 1] of those samples, in that order: by the clean and by the perturbed latent.
        what: the samples in the caption's words.
        of_frames: whether they are frames of clips.
    """
    clean, perturbed = made
    moved = np.abs(perturbed - clean)
    times = max(1, int(1 / max(float(moved.max()), 1 / 255)))
    shown = {"input": inputs / 255, "latent as it is": clean, "perturbed": perturbed, "difference": times * moved}
    strips = [
        Strip(label, np.split(np.rint(255 * images).astype(np.uint8), [n_normal]), minor=label == "difference")
        for label, images in shown.items()
    ]
    return to_picture(
        contact_sheet(strips, ("normal", "anomalous"), *((FRAME_TILE, FRAME_PIXELS) if of_frames else ())),
        "distortions",
        f"{what}: inputs, what is made of the latent as it is and perturbed, and their difference",
        f"{what}, decoded from the latent as it is and with the distorter's perturbation. The difference between these "
        f"two is shown {'as it is' if times == 1 else f'{times} times as bright as it is'}.",
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
        contact_sheet(strips, ("normal", "anomalous"), FRAME_TILE, FRAME_PIXELS),
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
        contact_sheet(strips, titles), name, f"Test images by class: {', '.join(titles)}", caption, kinds=("png",)
    )
