"""Heat maps of single images: where a reconstruction fails, painted over the image."""

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from alpa.detectors.detector import Detector
from alpa.detectors.reconstruction import ReconstructingDetector
from alpa.errors import ModelError
from alpa.reporting.heat import overlaid

AROUND = 16  # an error is averaged over a square of a 16th of the image's shorter side, and 3 pixels at least
FAINT = 0.5  # of the threshold, from where on a heat map has colour
LARGEST, SMALLEST = 512, 256  # sides in pixels of a picture that is larger, or smaller, itself

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]


def error_maps(detector: Detector, images: Pixels) -> Floats:
    """Return the squared error of each reconstruction, the mean over channels and over a square around each pixel.

    Args:
        detector: fitted, and one that reconstructs.
        images: uint8 (N, C, H, W).

    Returns:
        float32 (N, H, W), of pixels in [0, 1]; higher = more anomalous.

    Raises:
        ModelError: the detector does not reconstruct images.
    """
    if not isinstance(detector, ReconstructingDetector):
        raise ModelError(f"{detector.key} does not reconstruct images; choose another detector, such as alpa or pca.")
    difference = images.astype(np.float32) / 255 - detector.reconstruct(images)
    return error_map(torch.from_numpy(difference)).numpy()


def error_map(difference: Tensor) -> Tensor:
    """Return the mean square of (N, C, H, W) over channels and over a square around each pixel, (N, H, W)."""
    around = max(1, min(difference.shape[2:]) // AROUND // 2)
    padded = F.pad(difference.square().mean(1, keepdim=True), (around,) * 4, mode="replicate")
    return F.avg_pool2d(padded, 2 * around + 1, stride=1)[:, 0]


def heat_picture(image: Pixels, heat: Floats, threshold: float) -> Pixels:
    """Return an image in grey, (h, w, 3), under colour that is full where the heat is above the threshold.

    Args:
        image: uint8 (C, H, W), of any size.
        heat: (h, w), which is enlarged to the picture's size.
        threshold: colour grows from half of it on.

    Returns:
        A picture whose longer side has 256 to 512 pixels.
    """
    shown = at_picture_size(image)
    enlarged = Image.fromarray(heat).resize((shown.shape[2], shown.shape[1]), Image.Resampling.BILINEAR)
    return overlaid(shown, np.asarray(enlarged), (FAINT * threshold, threshold))


def at_picture_size(image: Pixels) -> Pixels:
    """Return an image (C, H, W) with a longer side of 256 to 512 pixels, its proportions kept."""
    longest = max(image.shape[1:])
    share = min(max(longest, SMALLEST), LARGEST) / longest
    size = (max(1, round(image.shape[2] * share)), max(1, round(image.shape[1] * share)))
    planes = [Image.fromarray(plane).resize(size, Image.Resampling.BICUBIC) for plane in image]
    return np.stack([np.asarray(plane) for plane in planes])
