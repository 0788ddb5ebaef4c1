"""Small valid files of every kind, from which damaged ones are made."""

import gzip
import io
import pickle
import tarfile
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.io import savemat

from tests.bad_input.bases import shared
from tests.bad_input.data import idx, npy, tar
from tests.data.published import pickled_batch


def noise(*shape: int) -> NDArray[np.uint8]:
    """Return the same random pixels whenever it is called."""
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


PIXELS = noise(9, 7, 3)


def finished() -> Path:
    """Return the folder of a finished tiny benchmark, made once in this process."""
    return shared().made("finished") / "project"


def of_project(*names: str) -> list[bytes]:
    """Return files of the finished benchmark."""
    return [(finished() / name).read_bytes() for name in names]


def idx_files() -> list[bytes]:
    return [idx((2, 3, 4)), idx((5,)), idx((0, 3))]


def compressed() -> list[bytes]:
    return [gzip.compress(content, mtime=0) for content in idx_files()]


@cache
def arrays() -> list[bytes]:
    return [
        npy(np.zeros((3, 1, 2, 2), np.uint8)),
        npy(np.arange(3)),
        npy(np.array(["ab"])),
        npy(np.zeros((2, 2), order="F")),
    ]


@cache
def pictures() -> list[bytes]:
    """Return a picture of each format and of each mode that has a way of its own."""
    image = Image.fromarray(PIXELS)
    wide = Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 257)
    made = [(image, name) for name in ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF", "PPM")]
    made += [(image.convert("L"), name) for name in ("PNG", "JPEG", "TIFF", "PPM")]
    made += [(image.convert("CMYK"), "JPEG"), (image.convert("CMYK"), "TIFF"), (image.convert("1"), "PNG")]
    made += [(image.convert("RGBA"), "PNG"), (image.convert("LA"), "PNG"), (wide, "PNG"), (wide, "TIFF")]
    return [_saved(picture, name) for picture, name in made] + [animation()]


def _saved(image: Image.Image, name: str) -> bytes:
    content = io.BytesIO()
    image.save(content, name)
    return content.getvalue()


def animation() -> bytes:
    """Return a GIF of two frames."""
    content = io.BytesIO()
    frames = [Image.fromarray(frame).convert("P") for frame in (PIXELS, PIXELS[::-1].copy())]
    frames[0].save(content, "GIF", save_all=True, append_images=frames[1:])
    return content.getvalue()


@cache
def matlab() -> list[bytes]:
    """Return a file as SVHN's."""
    content, digits = io.BytesIO(), np.array([[1], [2], [10], [4], [5]], np.uint8)
    savemat(content, {"X": np.zeros((4, 4, 3, 5), np.uint8), "y": digits}, do_compression=True)
    return [content.getvalue()]


@cache
def archives() -> list[bytes]:
    return [
        tar(("ped/Train/001.tif", tarfile.REGTYPE, b"x" * 40), ("ped/Train", tarfile.DIRTYPE, b"")),
        tar(("ped/a", tarfile.REGTYPE, b"y"), ("other/b", tarfile.REGTYPE, b"")),
    ]


@cache
def pickles() -> list[bytes]:
    """Return batches of CIFAR-10 as Python 2 and 3 pickle them."""
    images = noise(2, 3, 32, 32)
    return [pickled_batch(images, [3, 1]), pickle.dumps({"labels": [3, 1], "data": images.tobytes()}, 3)]


@cache
def small_pictures() -> list[bytes]:
    """Return PNG files of CIFAR-10's size."""
    return [_saved(Image.fromarray(noise(32, 32, 3)), "PNG")]


def records() -> list[bytes]:
    return [(bytes([3]) + bytes(3072)) * 2]


def labels_csv() -> list[bytes]:
    return [b"clip,first,last\na,1,2\nb,,\n", b'\xef\xbb\xbfclip,first,last\r\n"a",3,4\r\na,1,2\r\nb,2,2\r\n']


def labels_m() -> list[bytes]:
    return [
        b"TestVideoFile = {};\nTestVideoFile{end+1}.gt_frame = [5:90, 140:200];\nTestVideoFile{end+1}.gt_frame = [3];\n"
    ]


@cache
def videos() -> list[bytes]:
    """Return clips of four frames."""
    import av

    files = []
    for container, codec, pixels in (
        ("avi", "mjpeg", "yuvj420p"),
        ("mp4", "mpeg4", "yuv420p"),
        ("matroska", "ffv1", "gray"),
    ):
        content = io.BytesIO()
        with av.open(content, "w", format=container) as output:
            stream = output.add_stream(codec, rate=10)
            stream.width, stream.height, stream.pix_fmt = 32, 24, pixels
            for shade in range(4):
                frame = av.VideoFrame.from_ndarray(np.full((24, 32, 3), 40 * shade, np.uint8), format="rgb24")
                output.mux(stream.encode(frame))
            output.mux(stream.encode())
        files.append(content.getvalue())
    return files
