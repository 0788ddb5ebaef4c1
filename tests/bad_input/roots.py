"""Local roots whose files are not the published ones."""

import gzip
import tarfile

from tests.bad_input.case import (
    Case,
    folder,
    write,
)
from tests.bad_input.data import tar

ROOT = {"ALPA_DATA_ROOT": "<home>/data"}
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
CASES = {"local roots": LOCAL_ROOTS}
