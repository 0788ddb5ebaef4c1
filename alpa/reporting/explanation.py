"""What a detector makes of one image, side by side: image, reconstructions, where these differ, and a heat map."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from alpa.data.batches import to_device
from alpa.detectors.perturbed import PerturbedAutoencoder
from alpa.files import whole_file
from alpa.reporting.drawing import INK, POINTS, RESOLUTION, styled
from alpa.reporting.pixels import heat_picture

if TYPE_CHECKING:
    from alpa.model import Model

PANEL, HEADER, GAP = 130.0, 18.0, 8.0  # points

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Explanation:
    """One image as a detector sees it, uint8 (C, H, W), and what it makes of it.

    `reconstruction` and `perturbed`, its reconstruction from a latent that the distorter has perturbed (None without a
    distorter), are float32 (C, H, W) in [0, 1]. `heat` is the error map, (H, W), whose pixels above `threshold` are
    beyond what all but a share `level` of normal images have anywhere. `score`: higher = more anomalous.
    """

    image: Pixels
    reconstruction: Floats
    perturbed: Floats | None
    heat: Floats
    threshold: float
    score: float
    p_value: float

    @property
    def difference(self) -> Floats:
        """The absolute difference between image and reconstruction, (C, H, W) in [0, 1]."""
        return np.abs(self.image.astype(np.float32) / 255 - self.reconstruction)

    def save(self, path: Path | str) -> None:
        """Write a PNG file of all panels; equal explanations give equal bytes."""
        with whole_file(Path(path)) as temporary:
            temporary.write_bytes(_png(self))


def explain(model: "Model", image: Pixels) -> Explanation:
    """Explain one image, uint8 (1, C, H, W), of the model's size."""
    score = model.anomaly_scores(image)
    return Explanation(
        image=image[0],
        reconstruction=model.detector.reconstruct(image)[0],  # type: ignore[operator]
        perturbed=_perturbed(model, image),
        heat=model.error_maps(image)[0],
        threshold=model.peak_threshold(),
        score=float(score[0]),
        p_value=float(model.p_values(score)[0]),
    )


def _perturbed(model: "Model", image: Pixels) -> Floats | None:
    """Return the reconstruction of the perturbed latent of (1, C, H, W), None where there is no distorter."""
    detector = model.detector
    if not isinstance(detector, PerturbedAutoencoder) or not hasattr(detector, "distorter"):
        return None
    pixels = to_device(image, detector.calibration.device)
    with torch.no_grad():
        made = detector.compared(detector.preparation(pixels))["perturbed"]
        return detector.preparation.undo(made, pixels)[0].clamp(0, 1).cpu().numpy()


@styled
def _png(shown: Explanation) -> bytes:
    panels = {"input": _square(shown.image / 255), "reconstruction": _square(shown.reconstruction)}
    if shown.perturbed is not None:
        panels["perturbed"] = _square(shown.perturbed)
    panels["difference"] = _square(shown.difference)
    panels["heat map"] = heat_picture(shown.image, shown.heat, shown.threshold)
    height, width = shown.image.shape[1:]
    high = PANEL * height / width
    total = len(panels) * (PANEL + GAP) - GAP
    figure = Figure(figsize=(total / POINTS, (high + 2 * HEADER) / POINTS))
    for place, (title, picture) in enumerate(panels.items()):
        left = place * (PANEL + GAP) / total
        bottom, part = HEADER / (high + 2 * HEADER), high / (high + 2 * HEADER)
        axes = figure.add_axes((left, bottom, PANEL / total, part))
        axes.imshow(picture, interpolation="nearest", aspect="auto")
        axes.set_axis_off()
        axes.set_title(title, loc="left", color=INK)
    figure.text(0, 0.02, f"score {shown.score:.4g}, p = {shown.p_value:.3g}", color=INK, va="bottom")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=RESOLUTION, metadata={"Software": None})
    return buffer.getvalue()


def _square(pixels: NDArray) -> NDArray:
    """Return (C, H, W) in [0, 1] as matplotlib shows it, (H, W, 3); of other channels than RGB, their mean in grey."""
    planes = pixels if len(pixels) == 3 else np.repeat(pixels.mean(0, keepdims=True), 3, axis=0)
    return np.moveaxis(planes, 0, -1)
