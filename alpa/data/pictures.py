"""Picture files to arrays, by one rule for all of them, whatever their format, size and colours.

- Read are PNG, JPEG, BMP, TIFF, WebP, GIF, PGM and PPM, told by their content; of several frames or pages, the first.
- A picture is turned upright as its EXIF orientation says.
- 1 bit becomes 0 or 255. Grey of 16 bits becomes `value // 257`, whatever range the picture uses of it; 32-bit integers
  are read likewise if they lie within 0..65535. (Colour of 16 bits keeps its high byte: Pillow reads no more.)
- Palettes, CMYK and YCbCr become RGB.
- What is transparent lies before black: editors leave any colours in it, which nobody sees and which must not count.
- A picture is grey if its file can hold no colours, not if they happen to be grey, which one pixel would change; files
  with a palette, GIF, WebP, and grey of 16 bits with alpha count as colour.
- The whole picture is resized to a square by antialiased bilinear interpolation, after all of the above; nothing is cut
  off, so the aspect ratio is not kept.
"""

import io
import struct
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, TypeVar

import joblib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from tqdm import tqdm

from alpa.errors import ConfigError, DataError

FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF", "PPM")  # Pillow's names; PPM reads PGM as well
GREY = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N"})  # Pillow's modes without colour
COLOUR = frozenset({"P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr"})
SIZES = range(8, 513)  # sides that a picture may be resized to

MOST_THREADS = 8  # each holds a picture at its full size
LONG = 200  # from so many files on, progress is shown

# What Pillow's decoders raise on damaged content.
DECODER_ERRORS: tuple[type[Exception], ...] = (OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError)
DECODER_ERRORS += (OverflowError, MemoryError, struct.error, zlib.error)

Picture = NDArray[np.uint8]
Item = TypeVar("Item")
Result = TypeVar("Result")


def read_picture(path: Path, size: int, channels: Literal[1, 3]) -> Picture:
    """Read one picture file as uint8 (channels, size, size), prepared exactly as a data set's pictures are.

    With one channel, colours become their luma (ITU-R 601); with three, grey is repeated.

    Raises:
        ConfigError: `size` or `channels` is out of range.
        DataError: the file cannot be read, or is not a whole picture.
    """
    check_size(size)
    if channels not in (1, 3):
        raise ConfigError(f"A picture of {channels} channels is not possible; choose 1 (grey) or 3 (RGB).")
    try:
        return decode(path.read_bytes(), str(path), size, channels)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); name a picture file that can.") from None
    except DataError as error:
        raise DataError(f"{error}; replace it by a whole picture.") from None


def check_size(size: int) -> None:
    """Raise ConfigError unless pictures may be resized to `size` x `size`."""
    if size not in SIZES:
        raise ConfigError(f"Image size {size} is out of range; choose {SIZES[0]} to {SIZES[-1]}.")


def decode(content: bytes, name: str, size: int, channels: Literal[1, 3] | None = None) -> Picture:
    """Return a picture file's content as uint8 (C, size, size); without `channels`, C is 1 if it is grey, 3 otherwise.

    Raises:
        DataError: it is not a whole picture of a kind that can be read; the message is the start of a sentence.
    """
    image = whole_picture(open_picture(content, name), name)
    if channels is not None:
        image = image.convert("L" if channels == 1 else "RGB")
    square = np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))
    return np.ascontiguousarray(np.atleast_3d(square).transpose(2, 0, 1))  # (H, W) or (H, W, 3) -> (C, H, W)


def open_picture(content: bytes, name: str) -> Image.Image:
    """Read the header of a picture file, not yet its pixels.

    Raises:
        DataError: it is not of a kind that can be read; the message is the start of a sentence.
    """
    if not content:
        raise DataError(f"{name} is empty (0 bytes)")
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
    except Image.DecompressionBombError:
        raise DataError(f"{name} is too large: it has more than {2 * (Image.MAX_IMAGE_PIXELS or 0)} pixels") from None
    except UnidentifiedImageError:
        raise DataError(f"{name} is not a PNG, JPEG, BMP, TIFF, WebP, GIF, PGM or PPM picture") from None
    except DECODER_ERRORS as error:
        raise _damaged(name, error) from None
    if image.mode not in GREY | COLOUR:
        raise DataError(f"{name} has pixels of mode {image.mode}, not integers of at most 16 bits, grey or in colour")
    if 0 in image.size:
        raise DataError(f"{name} has no pixels ({image.width}x{image.height})")
    return image


def whole_picture(image: Image.Image, name: str) -> Image.Image:
    """Return an opened picture with its pixels, upright, in mode L if it is grey and RGB otherwise.

    Raises:
        DataError: it is not whole; the message is the start of a sentence.
    """
    try:
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        return _to_bytes(image, name)
    except DECODER_ERRORS as error:
        raise _damaged(name, error) from None


def stack(pictures: Iterable[Picture], n: int, size: int) -> Picture:
    """Return `n` pictures (C, size, size) as one array, grey if all of them are, RGB otherwise."""
    images = np.empty((n, 1, size, size), dtype=np.uint8)
    for row, picture in enumerate(pictures):
        if len(picture) > images.shape[1]:
            images = np.repeat(images, 3, axis=1)  # (N, 1, H, W) -> (N, 3, H, W)
        images[row] = picture
    return images


def in_threads(work: Callable[[Item], Result], items: Sequence[Item], title: str) -> Iterator[Result]:
    """Yield `work(item)` in the order of the items; an error is that of the first item that has one."""
    threads = min(MOST_THREADS, joblib.cpu_count())
    with warnings.catch_warnings(), ThreadPoolExecutor(threads) as pool:
        # Pillow warns of large pictures and refuses those of twice its limit; those between are welcome.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        results = pool.map(work, items)
        yield from tqdm(results, total=len(items), desc=title, unit="file", disable=len(items) < LONG)


def _to_bytes(image: Image.Image, name: str) -> Image.Image:
    """Return the picture in mode L or RGB, by the rule above."""
    if image.mode.startswith("I"):
        return _from_wide(image, name)
    mode = "L" if image.mode in GREY else "RGB"
    if not image.has_transparency_data:
        return image.convert(mode)
    shown = image.convert(f"{mode}A")
    return Image.composite(shown.convert(mode), Image.new(mode, image.size), shown.getchannel("A"))


def _from_wide(image: Image.Image, name: str) -> Image.Image:
    """Map grey values of 16 bits to 8."""
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 65535:
        raise DataError(f"{name} has values from {values.min()} to {values.max()}, not from 0 to 65535")
    transparent = image.info.get("transparency")
    if transparent is not None:
        values = np.where(values == transparent, 0, values)
    return Image.fromarray((values // 257).astype(np.uint8))


def _damaged(name: str, error: BaseException) -> DataError:
    reason = " ".join(str(error).split()).removesuffix(".") or type(error).__name__
    return DataError(f"{name} is damaged ({reason})")
