"""What data sets exist, and the checksums that make every origin give the same bytes."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from alpa import plugins
from alpa.errors import DataError
from alpa.files import read_text

RAW_FOLDER = Path("data/raw")
DIGIT_NAMES = tuple("0123456789")
MANIFEST = "manifest.json"  # of a video, or of a package's set: {"files": {path: SHA-256}} of what was put there


@dataclass(frozen=True)
class Source:
    """A data set, how it is published, and how its folder data/raw/<key>/ is read.

    `files` maps each file of that folder to its SHA-256: first what belongs to the train part, then to the test part,
    or one part alone where the publisher does not split. It is empty for videos, whose copies differ: there the
    manifest tells. `format` is that of these files: `npy` and `idx` come as pairs of images and labels, `mat` holds
    both, `frames` are folders of image files. `layout` is that of the origin: `embedded` in scikit-learn, the `files`
    themselves, one that has to be converted (`cifar10`) or searched (`ucsd`), or what another `package` loads. `places`
    are the paths in a local root where the set may lie, the preferred first.

    `downloads` maps a path in a local root to the SHA-256 of the published file for it, which lies on each of the
    `servers` by its name alone. `archives` are further published archives, which a local root may hold.

    `white` is the raw value of full brightness, `resize` the rule of `alpa.data.images.to_square`.
    """

    title: str
    citation: str
    class_names: tuple[str, ...]
    files: Mapping[str, str]
    kind: Literal["images", "video"] = "images"
    format: Literal["npy", "idx", "mat", "frames"] = "idx"
    layout: Literal["embedded", "files", "cifar10", "ucsd", "package"] = "files"
    places: tuple[str, ...] = ()
    downloads: Mapping[str, str] = field(default_factory=dict)
    archives: Mapping[str, str] = field(default_factory=dict)
    servers: tuple[str, ...] = ()
    white: int = 255
    resize: Literal["pad", "bilinear"] = "pad"


KMNIST_FILES = {  # kept compressed, since their checksums are published so
    "train-images-idx3-ubyte.gz": "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
    "train-labels-idx1-ubyte.gz": "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
    "t10k-images-idx3-ubyte.gz": "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
    "t10k-labels-idx1-ubyte.gz": "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
}
SVHN_FILES = {
    "train_32x32.mat": "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8",
    "test_32x32.mat": "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b",
}


def _under(folder: str, files: Mapping[str, str]) -> dict[str, str]:
    """Return the checksums by the files' paths in `folder`."""
    return {f"{folder}/{name}": checksum for name, checksum in files.items()}


def _pedestrians(number: int) -> Source:
    """Return one of the two scenes of the UCSD Anomaly Dataset, which come in one archive."""
    name = f"UCSDped{number}"
    return Source(
        title=f"UCSD Ped{number}",
        citation="V. Mahadevan, W. Li, V. Bhalodia and N. Vasconcelos, Anomaly Detection in Crowded Scenes, CVPR 2010; "
        f"scene Ped{number} of the UCSD Anomaly Dataset",
        class_names=("normal", "anomalous"),
        files={},
        kind="video",
        format="frames",
        layout="ucsd",
        places=(f"ped{number}", f"UCSD_Anomaly_Dataset.v1p2/{name}", name, "UCSD_Anomaly_Dataset.tar.gz"),
        downloads={
            "UCSD_Anomaly_Dataset.tar.gz": "2329af326951f5097fdd114c50e853957d3e569493a49d22fc082a9fd791915b",
        },
        servers=("http://www.svcl.ucsd.edu/projects/anomaly/",),
    )


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
        format="npy",
        layout="embedded",
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
        places=("MNIST/raw",),
        downloads=_under(
            "MNIST/raw",
            {
                "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            },
        ),
        servers=("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/"),
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
        places=("FashionMNIST/raw",),
        downloads=_under(
            "FashionMNIST/raw",
            {
                "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            },
        ),
        servers=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
    ),
    "kmnist": Source(
        title="KMNIST",
        citation="T. Clanuwat, M. Bober-Irizar, A. Kitamoto, A. Lamb, K. Yamamoto and D. Ha, Deep Learning for "
        "Classical Japanese Literature, 2018, arXiv:1812.01718, doi:10.20676/00000341",
        class_names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        files=KMNIST_FILES,
        places=("KMNIST/raw",),
        downloads=_under("KMNIST/raw", KMNIST_FILES),
        servers=("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
    ),
    "cifar10": Source(
        title="CIFAR-10",
        citation="A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, technical report, University "
        "of Toronto, 2009",
        class_names=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        files={
            "train-images.npy": "e76f344b07a10a3acffbc7bcc58006f44de37a6e6964bc33af14ef057726a1ed",
            "train-labels.npy": "377c23f583c23f9899b48f8fabc00c5a53b414a1e7785fe3d967fc40ecbd3312",
            "test-images.npy": "ecacdcf0c8468e033a45128d6af338e52d0e70694a8f1aeef09fdec00039caf5",
            "test-labels.npy": "2468512877a248e1e743892c2fb23ed957ec625ded5487f9c2d351160fbb49fb",
        },
        format="npy",
        layout="cifar10",
        places=(
            "cifar-10-batches-bin",
            "cifar-10-batches-py",
            "cifar-10-binary.tar.gz",
            "cifar-10-python.tar.gz",
            "CIFAR10",
            "cifar10",
            "CIFAR-10",
            "cifar-10",
        ),
        downloads={"cifar-10-binary.tar.gz": "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"},
        archives={"cifar-10-python.tar.gz": "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"},
        servers=("https://www.cs.toronto.edu/~kriz/",),
    ),
    "svhn": Source(
        title="SVHN",
        citation="Y. Netzer, T. Wang, A. Coates, A. Bissacco, B. Wu and A. Y. Ng, Reading Digits in Natural Images "
        "with Unsupervised Feature Learning, NIPS Workshop on Deep Learning and Unsupervised Feature Learning, 2011",
        class_names=DIGIT_NAMES,
        files=SVHN_FILES,
        format="mat",
        places=(".", "SVHN", "svhn"),
        downloads=SVHN_FILES,
        servers=("http://ufldl.stanford.edu/housenumbers/",),
    ),
    "ped1": _pedestrians(1),
    "ped2": _pedestrians(2),
}


def find_source(key: str) -> Source:
    """Return ALPA's own data set called `key`; raise DataError with all that are known otherwise."""
    if key not in SOURCES:
        known = ", ".join(name for name, _ in plugins.listed("alpa.datasets"))
        raise DataError(f"Data set {key} is unknown; choose {known}.")
    return SOURCES[key]


def difference(path: Path, expected: str) -> str | None:
    """Return how the file's SHA-256 differs from the `expected` one, as a part of a sentence, None if it does not."""
    with path.open("rb") as stream:
        actual = hashlib.file_digest(stream, "sha256").hexdigest()
    return None if actual == expected else f"its SHA-256 begins with {actual[:12]} instead of {expected[:12]}"


def check_files(key: str, folder: Path, remedy: str, source: Source | None = None) -> None:
    """Raise DataError, which names the file and ends with `remedy`, unless every raw file has its SHA-256.

    `source` is given for a set that is not ALPA's own.

    A video is checked against its manifest, so against what was put there: no file may be missing, changed or added.
    """
    source = source or find_source(key)
    expected = source.files if source.kind == "images" else read_manifest(folder, remedy)
    for name, checksum in expected.items():
        if not (folder / name).is_file():
            raise DataError(f"{folder} does not hold {name}; {remedy}.")
        if found := difference(folder / name, checksum):
            raise DataError(f"{name} of {key} is not the published file ({found}); {remedy}.")
    if source.kind == "video":
        there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        if added := sorted(there - expected.keys() - {MANIFEST}):
            raise DataError(f"{folder} holds {added[0]}, which {MANIFEST} does not list; {remedy}.")


def read_manifest(folder: Path, remedy: str) -> dict[str, str]:
    """Return the SHA-256 of each file that was put into `folder` of a set whose checksums nobody publishes.

    Raises:
        DataError: the manifest is missing or damaged; it ends with `remedy`.
    """
    try:
        files = json.loads(read_text(folder / MANIFEST))["files"]
        if all(name.isprintable() and len(name.encode()) < 256 and len(files[name]) == 64 for name in files):
            return dict(files)
    except FileNotFoundError:
        raise DataError(f"{folder} does not hold {MANIFEST}; {remedy}.") from None
    except OSError as error:
        raise DataError(f"{folder / MANIFEST} cannot be read ({error.strerror}); {remedy}.") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise DataError(f"{folder / MANIFEST} is damaged; {remedy}.")
