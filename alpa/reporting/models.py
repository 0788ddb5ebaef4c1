"""What the saved models of a benchmark's cells make of test images."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from alpa.reporting.cells import Cell, Key

if TYPE_CHECKING:
    from alpa.detectors.detector import Detector

Loaded = Mapping[str, "Detector"]
Images = NDArray[np.uint8]
Floats = NDArray[np.float32]


def load_models(cells: Mapping[Key, Cell], detectors: Sequence[str], target: str, seed: int) -> "dict[str, Detector]":
    """Return by its name each detector that has a cell of this class and seed."""
    found = {name: cells[name, target, seed] for name in detectors if (name, target, seed) in cells}
    if not found:
        return {}
    from alpa.detectors import load_detector

    return {name: load_detector(cell.folder) for name, cell in found.items()}


def rebuild(models: Loaded, images: Images) -> dict[str, Floats]:
    """Return per detector that reconstructs at all the reconstructions (N, C, H, W) in [0, 1] of uint8 images."""
    reconstruct = {name: getattr(detector, "reconstruct", None) for name, detector in models.items()}
    return {name: method(images) for name, method in reconstruct.items() if method is not None}


def distorted(detector: Any, images: Images) -> tuple[Floats, Floats] | None:
    """Return what a detector makes of images (N, C, H, W) with the latent as it is, and with it perturbed.

    Both are float32 in [0, 1]. None of a detector that learned no perturbation.
    """
    from alpa.detectors.alpa import ALPA

    if not isinstance(detector, ALPA) or detector.config.strength == 0:
        return None
    import torch

    pixels = torch.from_numpy(images)
    with torch.no_grad():
        made = detector.compared(detector.preparation(pixels))
    clean, perturbed = (
        detector.preparation.undo(made[name], pixels).numpy().clip(0, 1) for name in ("reconstruction", "perturbed")
    )
    return clean, perturbed


def latents(detector: Any, images: Images) -> Floats | None:
    """Return the latents (N, d) of images (N, C, H, W), None of a detector that encodes none."""
    from alpa.detectors.autoencoder import Autoencoder
    from alpa.detectors.ganomaly import GANomaly, to_tanh

    if not isinstance(detector, Autoencoder | GANomaly):
        return None
    import torch

    with torch.no_grad():
        given, _ = detector.parts(detector.preparation(torch.from_numpy(images)))
        latent, _ = (
            detector.encode(given) if isinstance(detector, Autoencoder) else detector.generator.encoder(to_tanh(given))
        )
    return latent.flatten(1).float().numpy()


def parameter_counts(detector: Any) -> dict[str, int]:
    """Return the trained parameters of each network of a detector; nothing of one that has no network."""
    counts = {name: sum(p.numel() for p in network.parameters()) for name, network in detector.named_children()}
    return {name: number for name, number in counts.items() if number}
