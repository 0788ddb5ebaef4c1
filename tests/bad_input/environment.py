"""Variables, folders and links of the machine that do not let a command work."""

import os

from tests.bad_input.case import Case, Damage, folder, loop, make, mode, pipe, remove, several, write

IMAGES = "MNIST/raw/train-images-idx3-ubyte"


def rooted(value: str, *says: str, damage: Damage = lambda project: None, **options: object) -> Case:
    """Return the case of a local root that does not hold MNIST."""
    return Case(
        "download mnist",
        (f"ALPA_DATA_ROOT is {value}", *says),
        damage=damage,
        environment={"ALPA_DATA_ROOT": value},
        **options,
    )


def mirrored(value: str) -> Case:
    """Return the case of a mirror that is no address."""
    return Case(
        "download mnist",
        (f"ALPA_DOWNLOAD_MIRROR is {value}; give an address that begins with http:// or https://.",),
        environment={"ALPA_DOWNLOAD_MIRROR": value},
    )


REMEDY = f"which does not hold {IMAGES}; name a folder that holds mnist, or unset it to download the set."
VARIABLES = {
    "a local root that does not exist": rooted("/no/such/folder", REMEDY),
    "a local root that is a file": rooted("params.yaml", REMEDY),
    "a local root that is empty": rooted("../data", REMEDY, damage=lambda project: folder(project / "../data")),
    "a local root of a user that is none": rooted("~nobody-of-this-name/data", REMEDY),
    "a local root whose name is too long": rooted(
        "x" * 5000, "cannot be read (File name too long); ", "another folder."
    ),
    "a local root that is a link to itself": rooted(
        "../data", REMEDY, damage=lambda project: loop(project / "../data")
    ),
    "a local root without permission": rooted(
        "../data",
        f", where ../data/{IMAGES} cannot be read (Permission denied); give yourself the permission, or name another",
        damage=several(write(f"../data/{IMAGES}", "x"), mode("../data", 0)),
        unprivileged=True,
    ),
    "a local root of pipes": rooted(
        "../data", REMEDY, damage=lambda project: pipe(project / f"../data/{IMAGES}"), as_command=True
    ),
    "a local root in params.yaml that does not exist": Case(
        "download mnist", ("data.root is /no/such/folder, ", REMEDY), {"data.root": "/no/such/folder"}
    ),
    "a mirror that is a word": mirrored("somewhere"),
    "a mirror that is a file": mirrored("file:///etc"),
    "a mirror that is not encrypted by a known way": mirrored("ftp://localhost/mnist"),
    "a mirror in params.yaml that is a word": Case(
        "download mnist",
        ("data.mirror is somewhere; give an address that begins with http://",),
        {"data.mirror": "somewhere"},
    ),
    "a mirror that nobody serves": Case(
        "download mnist",
        (
            "mnist could not be downloaded (http://127.0.0.1:9/mnist/",
            "refused",
            "set ALPA_DATA_ROOT to a folder that holds",
        ),
        environment={"ALPA_DOWNLOAD_MIRROR": "http://127.0.0.1:9"},
    ),
    "a mirror of an impossible port": Case(
        "download mnist",
        ("mnist could not be downloaded (http://localhost:99999/mnist/", "set ALPA_DATA_ROOT to a folder that holds"),
        environment={"ALPA_DOWNLOAD_MIRROR": "http://localhost:99999"},
    ),
    "a mirror with a space": Case(
        "download mnist",
        ("mnist could not be downloaded (http://local host/mnist/", "set ALPA_DATA_ROOT to a folder that holds"),
        environment={"ALPA_DOWNLOAD_MIRROR": "http://local host"},
    ),
    "a GPU that is none": Case(
        "train digits pca",
        ("runtime.device is 'cuda' but torch sees no GPU; choose auto or cpu.",),
        {"runtime.device": "cuda"},
        environment={"CUDA_VISIBLE_DEVICES": "nonsense"},
        base="finished",
        as_command=True,
    ),
}
GOES_ON = "run the command again."
FOLDERS = {
    "a split in a read-only folder": Case(
        "split digits",
        ("Permission denied at data/splits/digits", GOES_ON),
        damage=mode("data/splits/digits", 0o555),
        base="finished",
        unprivileged=True,
    ),
    "models in a read-only folder": Case(
        "train digits pca",
        ("Permission denied at runs/models/digits", GOES_ON),
        damage=mode("runs/models/digits", 0o555),
        base="finished",
        unprivileged=True,
    ),
    "scores in a read-only folder": Case(
        "evaluate digits pca",
        ("Permission denied at runs/scores/digits", GOES_ON),
        damage=mode("runs/scores/digits", 0o555),
        base="finished",
        unprivileged=True,
    ),
    "a report in a read-only folder": Case(
        "leaderboard digits",
        ("Permission denied at reports/digits", GOES_ON),
        damage=mode("reports/digits", 0o555),
        base="finished",
        unprivileged=True,
    ),
    "a read-only project": Case(
        "download digits", ("Permission denied at ", "/.cache; ", GOES_ON), damage=mode(".", 0o555), unprivileged=True
    ),
    "a cache in a read-only folder": Case(
        "tune digits alpa",
        ("Permission denied at ", "/.cache/locks; ", GOES_ON),
        damage=several(remove(".cache/locks"), mode(".cache", 0o555)),
        base="finished",
        unprivileged=True,
    ),
    "a file where a folder belongs": Case("download digits", ("data", GOES_ON), damage=write("data", "x")),
    "a link to itself where a folder belongs": Case("download digits", ("data", GOES_ON), damage=make("data", loop)),
    "a link to nowhere where a folder belongs": Case(
        "download digits", ("data", GOES_ON), damage=lambda project: os.symlink("nowhere", project / "data")
    ),
    "a file where a split's folder belongs": Case(
        "split digits",
        ("Not a directory at data/splits/digits", GOES_ON),
        damage=several(remove("data/splits"), write("data/splits", "x")),
        base="finished",
    ),
    "params.yaml without permission": Case(
        "split mnist",
        ("params.yaml cannot be read (Permission denied); put a file there that can.",),
        damage=mode("params.yaml", 0),
        unprivileged=True,
    ),
}
CASES = {"variables": VARIABLES, "folders": FOLDERS}
