"""Published data sets that are not what they should be: raw files, local roots, and the splits made of them."""

import gzip
import hashlib
import io
import tarfile
from dataclasses import replace as with_changes
from pathlib import Path

import numpy as np

from alpa.data.splits import load_split, write_split
from tests.bad_input.case import (
    Case,
    Damage,
    corrupt,
    folder,
    instead,
    loop,
    mode,
    pipe,
    remove,
    replace,
    truncate,
    write,
)

RAW = "data/raw/digits"
TRAIN, TEST = "data/splits/digits/train", "data/splits/digits/test"
ROOT = {"ALPA_DATA_ROOT": "<home>/data"}


def idx(shape: tuple[int, ...], content: bytes | None = None, magic: bytes = b"\0\0\x08") -> bytes:
    """Return an idx file of black pixels, or of this content."""
    header = magic + bytes([len(shape)]) + b"".join(length.to_bytes(4, "big") for length in shape)
    return header + (bytes(int(np.prod(shape))) if content is None else content)


def mnist(**changed: bytes) -> Damage:
    """Return what makes raw files of mnist, of three images of each part, with some of the four changed."""
    files = {"train_images": idx((3, 28, 28)), "train_labels": idx((3,))}
    files |= {"t10k_images": idx((3, 28, 28)), "t10k_labels": idx((3,))} | changed

    def place(project: Path) -> None:
        for name, content in files.items():
            part, kind = name.split("_")
            dimensions = 3 if kind == "images" else 1
            write(f"data/raw/mnist/{part}-{kind}-idx{dimensions}-ubyte", content)(project)

    return place


def npy(array: object) -> bytes:
    """Return an array file."""
    content = io.BytesIO()
    np.save(content, np.asarray(array), allow_pickle=True)
    return content.getvalue()


def tar(*members: tuple[str, bytes, bytes]) -> bytes:
    """Return a compressed archive of members: name, type, content."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, kind, data in members:
            entry = tarfile.TarInfo(name)
            entry.type, entry.size, entry.linkname = kind, len(data), "../../outside"
            archive.addfile(entry, io.BytesIO(data))
    return content.getvalue()


def resplit(part: str, **changed: object) -> Damage:
    """Return what writes a split again with some of its arrays changed, whole and with the right digest."""

    def edit(project: Path) -> None:
        split = with_changes(load_split(project / part, in_memory=True), **changed)
        digest = hashlib.sha256(split.images.tobytes() + split.labels.tobytes() + split.group.tobytes()).hexdigest()
        write_split(project / part, with_changes(split, digest=digest))

    return edit


def without_class_1(project: Path) -> None:
    """Call the training images of class 1 images of 2."""
    labels = load_split(project / TRAIN).labels
    resplit(TRAIN, labels=np.where(labels == 1, 2, labels))(project)


def one_class_to_test(project: Path) -> None:
    """Leave one class in the test split."""
    split = load_split(project / TEST, in_memory=True)
    rows = split.labels == 0
    resplit(TEST, images=split.images[rows], labels=split.labels[rows], group=split.group[rows])(project)


DOWNLOAD = "run `python -m pipeline.download "
SPLIT = "run `python -m pipeline.split digits`."
MISSING = Case("split digits", (f"{RAW} does not hold images.npy; {DOWNLOAD}digits`.",))
RAW_FILES = {
    "a raw folder that is not there": MISSING,
    "an empty raw folder": with_changes(MISSING, damage=lambda project: folder(project / RAW)),
    "a folder instead of a raw file": with_changes(
        MISSING, damage=lambda project: folder(project / RAW / "images.npy")
    ),
    "a pipe instead of a raw file": with_changes(
        MISSING, damage=lambda project: pipe(project / RAW / "images.npy"), as_command=True
    ),
    "a link to itself instead of a raw file": with_changes(
        MISSING, damage=lambda project: loop(project / RAW / "images.npy")
    ),
    "a raw file without permission": Case(
        "split digits",
        (f"{RAW}/images.npy", "Permission denied", "run the command again."),
        damage=mode(f"{RAW}/images.npy", 0),
        base="finished",
        unprivileged=True,
    ),
    "a truncated raw file": Case(
        "split digits",
        (f"{RAW}/images.npy is not a whole array file (", f"; {DOWNLOAD}digits`."),
        damage=truncate(f"{RAW}/images.npy"),
        base="finished",
    ),
    "an empty raw file": Case(
        "split digits",
        (f"{RAW}/images.npy is not a whole array file (", f"; {DOWNLOAD}digits`."),
        damage=write(f"{RAW}/images.npy", ""),
        base="finished",
    ),
    "a corrupted raw file": Case(
        "split digits",
        ("images.npy of digits is not the published file (", f"; {DOWNLOAD}digits`."),
        damage=corrupt(f"{RAW}/images.npy"),
        base="finished",
    ),
    "a text named .npy": Case(
        "split digits",
        (f"{RAW}/images.npy is not a whole array file (", f"; {DOWNLOAD}digits`."),
        damage=write(f"{RAW}/images.npy", "no array\n" * 99),
        base="finished",
    ),
    "an array of objects": Case(
        "split digits",
        (f"{RAW}/images.npy is not a whole array file (", f"; {DOWNLOAD}digits`."),
        damage=write(f"{RAW}/images.npy", npy(np.array([{}, print], dtype=object))),
        base="finished",
    ),
    "an array of fractions": Case(
        "split digits",
        (f"{RAW}/images.npy holds float64 (3, 8, 8), not uint8 images", f"; {DOWNLOAD}digits`."),
        damage=write(f"{RAW}/images.npy", npy(np.zeros((3, 8, 8)))),
        base="finished",
    ),
    "an array of no images": Case(
        "split digits",
        (f"{RAW}/images.npy holds uint8 (0, 8, 8), not uint8 images", f"; {DOWNLOAD}digits`."),
        damage=write(f"{RAW}/images.npy", npy(np.zeros((0, 8, 8), np.uint8))),
        base="finished",
    ),
    "a single number": Case(
        "split digits",
        (f"{RAW}/images.npy holds uint8 (), not uint8 images", f"; {DOWNLOAD}digits`."),
        damage=write(f"{RAW}/images.npy", npy(np.uint8(3))),
        base="finished",
    ),
    "labels of another length": Case(
        "split digits",
        (f"{RAW} holds 1797 images in images.npy but 3 labels", f"; {DOWNLOAD}digits`."),
        damage=write(f"{RAW}/labels.npy", npy(np.arange(3))),
        base="finished",
    ),
    "labels beyond the classes": Case(
        "split digits",
        (f"{RAW}/labels.npy holds labels 0 to 1796, not 0 to 9", f"; {DOWNLOAD}digits`."),
        damage=write(f"{RAW}/labels.npy", npy(np.arange(1797))),
        base="finished",
    ),
    "a wrong magic number": Case(
        "split mnist",
        (
            "train-images-idx3-ubyte is not an idx file of unsigned bytes: it begins with 50 4b 03 03",
            f"; {DOWNLOAD}mnist`.",
        ),
        damage=mnist(train_images=idx((3, 28, 28), magic=b"PK\x03")),
    ),
    "an idx file of fractions": Case(
        "split mnist",
        (
            "train-images-idx3-ubyte is not an idx file of unsigned bytes: it begins with 00 00 0d 03",
            f"; {DOWNLOAD}mnist`.",
        ),
        damage=mnist(train_images=idx((3, 28, 28), magic=b"\0\0\x0d")),
    ),
    "a truncated idx file": Case(
        "split mnist",
        ("train-images-idx3-ubyte is truncated: it has 116 bytes, its header promises 2368", f"; {DOWNLOAD}mnist`."),
        damage=mnist(train_images=idx((3, 28, 28), bytes(100))),
    ),
    "a header that promises four thousand million images": Case(
        "split mnist",
        ("train-images-idx3-ubyte is truncated: it has 116 bytes, ", f"; {DOWNLOAD}mnist`."),
        damage=mnist(train_images=idx((2**32 - 1, 28, 28), bytes(100))),
    ),
    "an idx file that ends in its header": Case(
        "split mnist",
        ("train-images-idx3-ubyte is truncated within its header: it has 6 bytes", f"; {DOWNLOAD}mnist`."),
        damage=mnist(train_images=idx((3, 28, 28))[:6]),
    ),
    "an idx file of no bytes": Case(
        "split mnist",
        (
            "train-images-idx3-ubyte is not an idx file of unsigned bytes: it begins with nothing",
            f"; {DOWNLOAD}mnist`.",
        ),
        damage=mnist(train_images=b""),
    ),
    "images of different sizes": Case(
        "split mnist",
        ("different sizes (28x28 to train, 27x27 to test)", f"; {DOWNLOAD}mnist`."),
        damage=mnist(t10k_images=idx((3, 27, 27))),
    ),
    "images in the place of labels": Case(
        "split mnist",
        ("train-labels-idx1-ubyte holds uint8 (3, 28, 28), not whole numbers (N,)", f"; {DOWNLOAD}mnist`."),
        damage=mnist(train_labels=idx((3, 28, 28))),
    ),
    "a manifest that is damaged": Case(
        "split ped2",
        ("data/raw/ped2/manifest.json is damaged; ", f"{DOWNLOAD}ped2`."),
        damage=write("data/raw/ped2/manifest.json", '{"files": ["a"]}'),
    ),
    "a manifest that lists what is not there": Case(
        "split ped2",
        ("data/raw/ped2 does not hold Train/001.tif; ", f"{DOWNLOAD}ped2`."),
        damage=write("data/raw/ped2/manifest.json", '{"files": {"Train/001.tif": "00"}}'),
    ),
}
LOCAL_ROOTS = {
    "a damaged compressed file in the local root": Case(
        "download mnist",
        ("train-images-idx3-ubyte.gz is damaged (", "; get a fresh copy of it."),
        damage=lambda project: [
            write(f"../data/MNIST/raw/{name}-ubyte.gz", gzip.compress(bytes(9)) if "labels" in name else b"\x1f\x8bx")(
                project
            )
            for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
        ],
        environment=ROOT,
    ),
    "another file in the local root": Case(
        "download mnist",
        ("train-images-idx3-ubyte of mnist is not the published file (", "; take it from elsewhere than "),
        damage=lambda project: [
            write(f"../data/MNIST/raw/{name}-ubyte", bytes(9))(project)
            for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
        ],
        environment=ROOT,
    ),
    "another archive in the local root": Case(
        "download cifar10",
        ("cifar-10-binary.tar.gz is not the published file (", "; get a fresh copy of it, or remove it."),
        damage=write("../data/cifar-10-binary.tar.gz", tar(("../outside", tarfile.REGTYPE, b"x"))),
        environment=ROOT,
    ),
    "a batch of CIFAR-10 that is cut off": Case(
        "download cifar10",
        ("data_batch_1.bin is not a batch of CIFAR-10 (its 100 bytes are not records of 3073)", "; get a fresh copy"),
        damage=lambda project: [
            write(f"../data/cifar-10-batches-bin/{name}.bin", bytes(100))(project)
            for name in (*(f"data_batch_{n}" for n in range(1, 6)), "test_batch")
        ],
        environment=ROOT,
    ),
    "a pickle of CIFAR-10 that would run a program": Case(
        "download cifar10",
        ("data_batch_1 is not a batch of CIFAR-10 (it would call posix system)", "; get a fresh copy of it."),
        damage=lambda project: [
            write(f"../data/cifar-10-batches-py/{name}", b"cposix\nsystem\n(S'true'\ntR.")(project)
            for name in (*(f"data_batch_{n}" for n in range(1, 6)), "test_batch")
        ],
        environment=ROOT,
    ),
    "another file of SVHN in the local root": Case(
        "download svhn",
        ("train_32x32.mat of svhn is not the published file (", "; take it from elsewhere than "),
        damage=lambda project: [
            write(f"../data/{name}_32x32.mat", b"MATLAB 5.0")(project) for name in ("train", "test")
        ],
        environment=ROOT,
    ),
    "a video of no frames in the local root": Case(
        "download ped2",
        ("data/ped2 holds no frames; get a fresh copy of it.",),
        damage=lambda project: [folder(project / f"../data/ped2/{part}/frames") for part in ("training", "testing")],
        environment=ROOT,
    ),
    "a frame that leads out of the local root": Case(
        "download ped2",
        ("01/000.jpg is a link that leads out of ", "; put what it leads to in its place."),
        damage=lambda project: [
            folder(project / "../data/ped2/testing/frames"),
            folder(project / "../data/ped2/training/frames/01"),
            (project / "../data/ped2/training/frames/01/000.jpg").symlink_to("/etc/hostname"),
        ],
        environment=ROOT,
    ),
}
SPLITS = {
    "no split": Case(
        "train digits pca",
        (f"{TRAIN}/split.json does not exist; {SPLIT}",),
        damage=remove(TRAIN),
        base="finished",
    ),
    "a split without labels": Case(
        "train digits pca",
        (f"{TRAIN}/labels.npy does not exist; {SPLIT}",),
        damage=remove(f"{TRAIN}/labels.npy"),
        base="finished",
    ),
    "a damaged description of a split": Case(
        "train digits pca",
        (f"{TRAIN}/split.json is damaged; {SPLIT}",),
        damage=truncate(f"{TRAIN}/split.json"),
        base="finished",
    ),
    "a description of a split that is a list": Case(
        "train digits pca",
        (f"{TRAIN}/split.json is damaged; {SPLIT}",),
        damage=write(f"{TRAIN}/split.json", "[]"),
        base="finished",
    ),
    "a pipe instead of a split's description": Case(
        "train digits pca",
        (f"{TRAIN}/split.json", "it is not a file", SPLIT),
        damage=instead(f"{TRAIN}/split.json", pipe),
        base="finished",
        as_command=True,
    ),
    "a pipe instead of a split's images": Case(
        "train digits pca",
        (f"{TRAIN}/images.npy", "it is not a file", SPLIT),
        damage=instead(f"{TRAIN}/images.npy", pipe),
        base="finished",
        as_command=True,
    ),
    "a folder instead of a split's images": Case(
        "train digits pca",
        (f"{TRAIN}/images.npy", "it is not a file", SPLIT),
        damage=instead(f"{TRAIN}/images.npy", folder),
        base="finished",
    ),
    "truncated images of a split": Case(
        "train digits pca",
        (f"{TRAIN}/images.npy is not a whole array file (", SPLIT),
        damage=truncate(f"{TRAIN}/images.npy"),
        base="finished",
    ),
    "an image of a split that has changed": Case(
        "train digits pca",
        (f"{TRAIN} is damaged (the arrays do not have the digest that split.json names); {SPLIT}",),
        damage=corrupt(f"{TRAIN}/images.npy"),
        base="finished",
    ),
    "images of a split of another type": Case(
        "train digits pca",
        (f"{TRAIN}/images.npy holds float64 (2, 1, 32, 32), not uint8 (N, C, H, W) in C's order; {SPLIT}",),
        damage=write(f"{TRAIN}/images.npy", npy(np.zeros((2, 1, 32, 32)))),
        base="finished",
    ),
    "a split that counts wrong": Case(
        "evaluate digits pca",
        (f"{TEST} is damaged (images is uint8 (360, 1, 32, 32), split.json says uint8 (361, 1, 32, 32)); {SPLIT}",),
        damage=replace(f"{TEST}/split.json", '"n": 360', '"n": 361'),
        base="finished",
    ),
    "a class with no images": Case(
        "train digits pca",
        ("Normal class 1 of digits has 0 normal training images; take it out of benchmarks.digits.classes, ",),
        damage=without_class_1,
        base="finished",
    ),
    "a test split of one class": Case(
        "evaluate digits pca",
        ("the test set of class 0, seed 0 has normal samples only, give it both; then run `",),
        damage=one_class_to_test,
        base="finished",
    ),
}
CASES = {"raw files": RAW_FILES, "local roots": LOCAL_ROOTS, "splits": SPLITS}
