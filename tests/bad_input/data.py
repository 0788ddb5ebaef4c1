"""Published data sets that are not what they should be: their raw files, damaged or of another kind."""

import io
import json
import tarfile
from dataclasses import replace as with_changes
from pathlib import Path

import numpy as np

from tests.bad_input.case import (
    Case,
    Damage,
    corrupt,
    folder,
    loop,
    mode,
    pipe,
    truncate,
    write,
)

RAW = "data/raw/digits"


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


DOWNLOAD = "run `python -m pipeline.download "
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
        damage=write("data/raw/ped2/manifest.json", json.dumps({"files": {"Train/001.tif": "0" * 64}})),
    ),
}
CASES = {"raw files": RAW_FILES}
