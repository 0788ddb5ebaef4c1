"""Tiny sets as their publishers lay them out, byte by byte: CIFAR-10's batches, SVHN's files, UCSD's archive."""

import io
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

CIFAR_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR_BATCHES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")
CIFAR_SIZE = 12  # images in a batch: every class, two of them twice


def cifar_batches() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the images (N, 3072) and labels (N,) of six batches; one image occurs twice, and labels are unsorted."""
    random = np.random.default_rng(1)
    batches = {}
    for name in CIFAR_BATCHES:
        images = random.integers(0, 256, (CIFAR_SIZE, 3072)).astype(np.uint8)
        batches[name] = images, random.permutation(np.arange(CIFAR_SIZE) % 10)
    images, labels = batches["data_batch_1"]
    images[1], labels[1] = images[0], labels[0]
    return batches


def binary_batch(images: np.ndarray, labels: np.ndarray) -> bytes:
    return np.concatenate([labels[:, np.newaxis].astype(np.uint8), images], axis=1).tobytes()


def pickled_batch(images: np.ndarray, labels: np.ndarray) -> bytes:
    """Return the batch as Python 2 pickled it in 2009: protocol 2, the keys in this order, memo entries all over."""
    n = len(labels).to_bytes(2, "little")
    listed = b"".join(b"K" + bytes([label]) for label in labels)
    names = b"".join(b"U\x05a.png" for _ in labels)
    dtype = b"cnumpy\ndtype\nq\nU\x02u1K\x00K\x01\x87Rq\x0b(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    return (
        b"\x80\x02}q\x01(U\x0bbatch_labelq\x02U\x15training batch 1 of 5q\x03"
        b"U\x06labelsq\x04]q\x05(" + listed + b"e"
        b"U\x04dataq\x06cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\x00\x85U\x01b\x87Rq\x09"
        b"(K\x01M" + n + b"M\x00\x0c\x86" + dtype + b"\x89"
        b"T" + images.size.to_bytes(4, "little") + images.tobytes() + b"q\x0ctb"
        b"U\x09filenamesq\x0d]q\x0e(" + names + b"eu."
    )


def cifar_files(form: str, batches: dict[str, tuple[np.ndarray, np.ndarray]]) -> dict[str, bytes]:
    """Return the batch files of an official archive, by their paths in it."""
    if form == "binary":
        files = {f"cifar-10-batches-bin/{name}.bin": binary_batch(*batch) for name, batch in batches.items()}
        return files | {"cifar-10-batches-bin/batches.meta.txt": "\n".join(CIFAR_NAMES).encode()}
    return {f"cifar-10-batches-py/{name}": pickled_batch(*batch) for name, batch in batches.items()}


def cifar_pngs(batches: dict[str, tuple[np.ndarray, np.ndarray]]) -> dict[str, bytes]:
    """Return the same images as PNG files, by their paths below the folder of images."""
    files = {}
    for name, (images, labels) in batches.items():
        part = "test" if name == "test_batch" else "train"
        for row, (image, label) in enumerate(zip(images, labels, strict=True)):
            pixels = image.reshape(3, 32, 32).transpose(1, 2, 0)
            files[f"{part}/{CIFAR_NAMES[label]}/{name}-{row:05d}.png"] = encode(pixels, "PNG")
    return files


def ucsd_files(number: int) -> dict[str, bytes]:
    """Return a scene of two train and two test clips, by paths in UCSD's archive, with what macOS left there."""
    scene, random = f"UCSD_Anomaly_Dataset.v1p2/UCSDped{number}", np.random.default_rng(number)
    files = {}
    for clip in ("Train/Train001", "Train/Train002", "Test/Test001", "Test/Test002"):
        for frame in range(1, 4):
            pixels = random.integers(0, 256, (24, 36)).astype(np.uint8)
            files[f"{scene}/{clip}/{frame:03d}.tif"] = encode(pixels, "TIFF")
    for frame in range(1, 4):
        files[f"{scene}/Test/Test001_gt/{frame:03d}.bmp"] = encode(np.zeros((24, 36), np.uint8), "BMP")
    lines = ["TestVideoFile = {};", *("TestVideoFile{end+1}.gt_frame = [2:3];" for _ in range(2))]
    files[f"{scene}/Test/UCSDped{number}.m"] = "\n".join(lines).encode()
    return files


UCSD_EXTRAS = {  # what the archive holds beside the frames
    "UCSD_Anomaly_Dataset.v1p2/README.txt": b"read me",
    "UCSD_Anomaly_Dataset.v1p2/UCSDped2/Train/Train001/._001.tif": b"macOS",
    "UCSD_Anomaly_Dataset.v1p2/UCSDped2/Train/.DS_Store": b"macOS",
}


def encode(pixels: np.ndarray, form: str) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, form)
    return content.getvalue()


def tar_gz(files: dict[str, bytes], extras: list[tarfile.TarInfo] | None = None) -> bytes:
    """Return an archive of the files and of further members without content."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for name, value in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(value)
            tar.addfile(member, io.BytesIO(value))
        for member in extras or []:
            tar.addfile(member)
    return content.getvalue()


def write_files(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
