"""What data sets exist, and the checksums that make every origin give the same bytes."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from alpa.errors import DataError

RAW_FOLDER = Path("data/raw")
DIGIT_NAMES = tuple("0123456789")


@dataclass(frozen=True)
class Source:
    """A data set: `files` maps each raw file to its SHA-256, `white` is the raw value of full brightness.

    `torchvision` names the class that downloads the set and the folder in a local root; None means that the set is
    embedded in scikit-learn. `resize` is the rule of `alpa.data.images.to_square`.
    """

    title: str
    citation: str
    class_names: tuple[str, ...]
    files: Mapping[str, str]
    torchvision: str | None = None
    white: int = 255
    resize: Literal["pad", "bilinear"] = "pad"


SOURCES: dict[str, Source] = {
    "digits": Source(
        title="Digits (8x8)",
        citation="E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning "
        "Repository, 1998, doi:10.24432/C50P49; its test part, as shipped with scikit-learn",
        class_names=DIGIT_NAMES,
        files={
            "images.npy": "88e52eb3e11cb9cc0130dc8fc4b6256aa919b3275fec17e6c2f880e1ae8d34ae",
            "labels.npy": "0e1c5e26d7ec59f910975e2cd61b6b76bc67b4bfaa8a4233726a6038d8e62a2c",
        },
        white=16,
        resize="bilinear",
    ),
    "mnist": Source(
        title="MNIST",
        citation="Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, Gradient-based learning applied to document "
        "recognition, Proceedings of the IEEE 86(11), 1998",
        class_names=DIGIT_NAMES,
        files={
            "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
        torchvision="MNIST",
    ),
    "fashion_mnist": Source(
        title="Fashion-MNIST",
        citation="H. Xiao, K. Rasul and R. Vollgraf, Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine "
        "Learning Algorithms, 2017, arXiv:1708.07747",
        class_names=("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"),
        files={
            "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
        torchvision="FashionMNIST",
    ),
}


def find_source(key: str) -> Source:
    """Return the data set called `key`; raise DataError with the known ones otherwise."""
    if key not in SOURCES:
        raise DataError(f"Data set {key} is unknown; choose {', '.join(SOURCES)}.")
    return SOURCES[key]


def check_files(key: str, folder: Path, remedy: str) -> None:
    """Raise DataError, which names the file and ends with `remedy`, unless every raw file has its SHA-256."""
    for name, expected in find_source(key).files.items():
        with (folder / name).open("rb") as stream:
            actual = hashlib.file_digest(stream, "sha256").hexdigest()
        if actual != expected:
            difference = f"its SHA-256 begins with {actual[:12]} instead of {expected[:12]}"
            raise DataError(f"{name} of {key} is not the published file ({difference}); {remedy}.")
