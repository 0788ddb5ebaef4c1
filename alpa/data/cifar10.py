"""CIFAR-10 from any of its forms to the same four arrays, whatever the order in which a form lists the images.

The official batches come as records of bytes or as Python pickles (www.cs.toronto.edu/~kriz/cifar.html). A pickle is a
program, so none is run: its listing is read for the two values that matter. The third form is a folder of PNG images,
<part>/<class>/*.png.
"""

import pickletools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from alpa.data.pictures import DECODER_ERRORS
from alpa.data.places import CIFAR_BATCHES, cifar_form
from alpa.errors import DataError
from alpa.files import write_npy

SHAPE = (3, 32, 32)
PIXELS = 3 * 32 * 32
PNG_ERRORS: tuple[type[Exception], ...] = (*DECODER_ERRORS, Image.DecompressionBombError)
THREADS = 4  # that decode images; reading a file and inflating it let the others go on

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]

# What a pickle does beyond holding data: calling and importing, numpy's arrays apart. Listed, these do nothing, but a
# batch that asks for them is none.
CALLS = {"INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4", "PERSID", "BINPERSID"}
WHOLE_NUMBERS = {"INT", "BININT", "BININT1", "BININT2", "LONG1"}


def write_cifar10(place: Path, class_names: Sequence[str], folder: Path) -> None:
    """Write the set that lies in the folder `place` as <part>-images.npy and <part>-labels.npy of each part.

    Images are uint8 (N, 3, 32, 32) and labels int64 (N,), sorted by label and then by the images' bytes.

    Raises:
        DataError: a file is damaged or not of its form.
    """
    form = cifar_form(place, class_names)
    assert form is not None, place
    for part, batches in CIFAR_BATCHES.items():
        if form == "images":
            images, labels = read_image_folder(place / part, class_names)
        else:
            read = read_binary_batch if form == "binary" else read_pickled_batch
            suffix = ".bin" if form == "binary" else ""
            pairs = [read(place / f"{name}{suffix}") for name in batches]
            images, labels = (np.concatenate(arrays) for arrays in zip(*pairs, strict=True))
        order = sorted(range(len(labels)), key=lambda row: (labels[row], images[row].tobytes()))
        write_npy(folder / f"{part}-images.npy", images[order])
        write_npy(folder / f"{part}-labels.npy", labels[order].astype("<i8"))


def read_binary_batch(path: Path) -> tuple[Images, Labels]:
    """Read a batch of records, each a byte for the label and the image's bytes.

    Raises:
        DataError: the file is not made of whole records with labels from 0 to 9.
    """
    content = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    if not len(content) or len(content) % (1 + PIXELS):
        raise _no_batch(path, f"its {len(content)} bytes are not records of {1 + PIXELS}")
    records = content.reshape(-1, 1 + PIXELS)
    return _checked(path, records[:, 1:], records[:, 0].astype(np.int64))


def read_pickled_batch(path: Path) -> tuple[Images, Labels]:
    """Read a pickled batch without unpickling it: the one long string is the images, "labels" comes before the labels.

    Raises:
        DataError: the file is no such pickle, or would call or import something else than numpy's arrays.
    """
    pixels, labels, last_string = [], [], b""
    try:
        # Lists the instructions, and follows none; of bytes, since a stream would make room for any promised length.
        for opcode, value, _ in pickletools.genops(path.read_bytes()):
            if opcode.name in CALLS or (opcode.name == "GLOBAL" and not _is_harmless(str(value))):
                raise _no_batch(path, f"it would call {value or opcode.name}")
            if opcode.name in WHOLE_NUMBERS and last_string == b"labels":
                labels.append(value)
            elif isinstance(value, str | bytes) and opcode.name != "GLOBAL":
                last_string = value.encode("latin-1") if isinstance(value, str) else value
                if len(last_string) >= PIXELS:
                    pixels.append(last_string)
    except (ValueError, OverflowError) as error:
        raise _no_batch(path, " ".join(str(error).split()).removesuffix(".")) from None
    if len(pixels) != 1 or not labels or len(pixels[0]) != PIXELS * len(labels):
        lengths = " and ".join(str(len(string)) for string in pixels) or "no"
        raise _no_batch(path, f"it holds {len(labels)} labels and {lengths} bytes of images")
    return _checked(path, np.frombuffer(pixels[0], dtype=np.uint8), np.array(labels))


def read_image_folder(folder: Path, class_names: Sequence[str]) -> tuple[Images, Labels]:
    """Read the PNG images in a folder with one folder for each class.

    Raises:
        DataError: there are none, or one is damaged or not of 32x32 pixels in red, green and blue.
    """
    paths = [sorted((folder / name).glob("*.png")) for name in class_names]
    flat = [path for group in paths for path in group]
    if not flat:
        raise DataError(f"{folder} holds no images <class>/*.png; get a fresh copy of it.")
    with ThreadPoolExecutor(THREADS) as threads:
        read = tqdm(threads.map(_read_png, flat), desc=f"reading {folder.name}", total=len(flat), disable=None)
        images = np.stack(list(read)).transpose(0, 3, 1, 2)  # (N, H, W, C) -> (N, C, H, W)
    return images, np.repeat(np.arange(len(class_names)), [len(group) for group in paths])


def _read_png(path: Path) -> Images:
    try:
        with Image.open(path, formats=["PNG"]) as image:
            if (image.mode, image.size) != ("RGB", (32, 32)):
                width, height = image.size
                raise DataError(f"{path} is {width}x{height} {image.mode}, not 32x32 RGB; get a fresh copy of it.")
            return np.asarray(image)
    except PNG_ERRORS as error:
        reason = " ".join(str(error).split()).removesuffix(".")
        raise DataError(f"{path} is not a whole PNG image ({reason}); get a fresh copy of it.") from None


def _is_harmless(name: str) -> bool:
    """Tell whether an imported "module name" belongs to how numpy's arrays, and bytes from Python 2, are pickled."""
    return name.split(".")[0].split(" ")[0] == "numpy" or name == "_codecs encode"


def _checked(path: Path, pixels: Images, labels: NDArray[Any]) -> tuple[Images, Labels]:
    """Return a batch's images, (N, 3, 32, 32), and its labels if these are from 0 to 9."""
    if not 0 <= labels.min() <= labels.max() <= 9:
        raise _no_batch(path, f"it holds labels {labels.min()} to {labels.max()}")
    return pixels.reshape(-1, *SHAPE), labels.astype(np.int64)


def _no_batch(path: Path, reason: str) -> DataError:
    return DataError(f"{path} is not a batch of CIFAR-10 ({reason}); get a fresh copy of it.")
