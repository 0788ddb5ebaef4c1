"""Arrays of images in any usual order of axes to what detectors take: uint8 (N, C, H, W)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from alpa.errors import DataError

CHANNELS = (1, 3)  # grey and RGB, by which the order of axes is told

Pixels = NDArray[np.uint8]


def to_images(images: ArrayLike, size: tuple[int, int] | None = None) -> Pixels:
    """Return images in any usual order of axes as uint8 (N, C, H, W), resized as a whole where a size is given.

    Args:
        images: uint8, (N, H, W), (N, H, W, C) or (N, C, H, W), with C 1 or 3; or (N, C, H, W) of any other C where no
            other reading is possible.
        size: (H, W) of the images returned; None leaves them as they are.

    Raises:
        DataError: they have another type or shape, or one whose channels may be the second or the last axis.

    >>> to_images(np.zeros((2, 8, 8), np.uint8)).shape, to_images(np.zeros((2, 8, 8, 3), np.uint8)).shape
    ((2, 1, 8, 8), (2, 3, 8, 8))
    """
    array = np.asarray(images)
    if array.dtype != np.uint8:
        raise DataError(f"The images are {array.dtype}; give uint8, such as (255 * images).astype('uint8') of [0, 1].")
    planes = _planes(array)
    if not planes.size:
        raise DataError(f"The images have shape {array.shape}, which holds no pixel; give at least one image.")
    if size is None or planes.shape[2:] == size:
        return np.ascontiguousarray(planes)
    height, width = size
    resized = [
        np.asarray(Image.fromarray(plane).resize((width, height), Image.Resampling.BILINEAR))
        for plane in planes.reshape(-1, *planes.shape[2:])
    ]
    return np.stack(resized).reshape(*planes.shape[:2], height, width)


def _planes(array: Pixels) -> Pixels:
    if array.ndim == 3:
        return array[:, None]
    if array.ndim == 4:
        second, last = array.shape[1] in CHANNELS, array.shape[3] in CHANNELS
        if second and last:
            problem = f"The channels of shape {array.shape} may be the second or the last axis"
            raise DataError(f"{problem}; give larger images, or (N, H, W) where they are grey.")
        return array.transpose(0, 3, 1, 2) if last else array
    raise DataError(f"The images have shape {array.shape}; give (N, H, W), (N, H, W, C) or (N, C, H, W).")
