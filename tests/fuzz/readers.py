"""Every reader of a file that people, servers or killed processes may have damaged, with valid files to begin with."""

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np

from alpa.data.archives import unpack
from alpa.data.cifar10 import read_binary_batch, read_image_folder, read_pickled_batch
from alpa.data.clip_labels import has_clip_header, read_csv, read_m, read_masks
from alpa.data.folders import read_inventory
from alpa.data.images import read_idx, read_npy, read_raw
from alpa.data.pictures import decode
from alpa.data.sources import SOURCES, check_files
from alpa.data.splits import load_split
from alpa.data.videos import decode_video, is_grey_video, to_picture
from alpa.detectors import load_detector
from alpa.evaluation.evidence import gather, read_sweep
from alpa.evaluation.facts import current_facts, read_split_facts
from alpa.evaluation.scores import read_scores
from alpa.ledger import Ledger
from alpa.params import load_params
from alpa.reporting.cells import find_cells
from alpa.reporting.comparison import as_text, comparison_page
from alpa.reporting.results import read_results
from alpa.reporting.sides import read_side
from alpa.training.cells import CellStore
from alpa.tuning.finished import read_record
from alpa.yaml_file import read_yaml
from tests.bad_input.bases import ROOT
from tests.fuzz import seeds

CLIPS = ["a", "b"]
EMPTY = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True)
class Reader:
    """A reader: its valid files, where a damaged one belongs, and how it is read from the folder above.

    `with_beside` copies what else a reader needs into a new folder. Files of `text` also get their values replaced.
    One that `writes` may do so; all others leave the folder as it is. `examples` is how many a short run tries.
    """

    files: Callable[[], Sequence[bytes]]
    name: str
    read: Callable[[Path], object]
    with_beside: Callable[[Path], object] = lambda folder: None
    text: str = ""  # json or yaml
    writes: bool = False
    examples: int = 200


def project(*names: str) -> Callable[[], Sequence[bytes]]:
    return partial(seeds.of_project, *names)


def beside(source: str, target: str = ".") -> Callable[[Path], object]:
    """Return what copies a folder of the finished benchmark."""
    return lambda folder: shutil.copytree(seeds.finished() / source, folder / target, dirs_exist_ok=True)


def svhn(folder: Path) -> object:
    """Read a set of which the valid file is the published one."""
    checksum = hashlib.sha256(seeds.matlab()[0]).hexdigest()
    published = replace(SOURCES["svhn"], files={f"{part}_32x32.mat": checksum for part in ("train", "test")})
    with patch.dict(SOURCES, svhn=published):
        return read_raw("svhn", folder, 32)


def unpacked(folder: Path) -> None:
    archive = folder / "x.tar.gz"
    unpack(archive, hashlib.sha256(archive.read_bytes()).hexdigest(), ["ped"], folder / "out")


def video(folder: Path) -> object:
    path = folder / "x.mp4"
    return is_grey_video(path), [to_picture(frame) for _, frame in zip(range(8), decode_video(path), strict=False)]


def scored(folder: Path) -> object:
    """Load a detector and let it score, since some damage shows only then."""
    detector = load_detector(folder)
    return detector.anomaly_scores(np.zeros((2, *detector.image_shape), np.uint8))


def studied(folder: Path) -> object:
    """Go on with a study for one more trial, as the tune stage does."""
    from optuna.distributions import json_to_distribution

    from alpa.tuning.study import Plan, run_study

    record = read_record(seeds.finished() / "runs/tuned/digits/alpa.trials.json")
    space = {name: json_to_distribution(text) for name, text in record.space.items()}
    plan = Plan(space, record.settings["untuned"], record.settings, 0, record.settings["pruner"])
    aurocs = {name: {"made": 0.5 + int(name) / 4} for name in record.settings["classes"]}
    return run_study(folder / "digits-alpa.journal", plan, lambda values: iter(aurocs.items()), 3, None)


def copied(folder: Path) -> object:
    from alpa.tuning.journal import copy_studies

    return copy_studies(folder, folder / "copy.journal.all")


def evidence(folder: Path) -> object:
    record = read_record(folder / "alpa.trials.json")
    return gather({"alpa": record}, {"alpa": read_sweep(folder / "alpa.csv")})


def compared(folder: Path) -> object:
    sides = read_side(".", folder), read_side("reports/digits", seeds.finished())
    return as_text(comparison_page(*sides))


DIGITS = "data/splits/digits/test"
PCA = "runs/models/digits/pca/0-0"
ALPA = "runs/models/digits/alpa/0-0"
READERS: dict[str, Reader] = {
    "idx": Reader(seeds.idx_files, "x-ubyte", lambda folder: read_idx(folder / "x-ubyte")),
    "idx, compressed": Reader(seeds.compressed, "x-ubyte.gz", lambda folder: read_idx(folder / "x-ubyte.gz")),
    "npy": Reader(seeds.arrays, "x.npy", lambda folder: np.array(read_npy(folder / "x.npy"))),
    "images of a split": Reader(project(f"{DIGITS}/images.npy"), "images.npy", load_split, beside(DIGITS), examples=90),
    "labels of a split": Reader(project(f"{DIGITS}/labels.npy"), "labels.npy", load_split, beside(DIGITS), examples=90),
    "description of a split": Reader(
        project(f"{DIGITS}/split.json"), "split.json", load_split, beside(DIGITS), "json", examples=120
    ),
    "SVHN's mat": Reader(
        seeds.matlab, "train_32x32.mat", svhn, lambda folder: (folder / "test_32x32.mat").write_bytes(seeds.matlab()[0])
    ),
    "CIFAR-10's pickles": Reader(seeds.pickles, "batch", lambda folder: read_pickled_batch(folder / "batch")),
    "CIFAR-10's records": Reader(seeds.records, "batch.bin", lambda folder: read_binary_batch(folder / "batch.bin")),
    "CIFAR-10's pictures": Reader(
        seeds.small_pictures, "cat/0.png", lambda folder: read_image_folder(folder, ["cat"]), examples=90
    ),
    "archives": Reader(seeds.archives, "x.tar.gz", unpacked, writes=True),
    "pictures": Reader(seeds.pictures, "x", lambda folder: decode((folder / "x").read_bytes(), "x", 16), examples=600),
    "masks": Reader(seeds.pictures, "x.bmp", lambda folder: read_masks({"a": [folder / "x.bmp"]})),
    "labels.csv": Reader(
        seeds.labels_csv,
        "labels.csv",
        lambda folder: (has_clip_header(folder / "labels.csv"), read_csv(folder / "labels.csv", CLIPS)),
    ),
    "labels in .m": Reader(seeds.labels_m, "x.m", lambda folder: read_m(folder / "x.m", CLIPS)),
    "videos": Reader(seeds.videos, "x.mp4", video, examples=90),
    "inventory": Reader(
        lambda: [
            b'{"folder": "../parts", "kind": "images", "class_names": ["normal"], "files": '
            b'[{"path": "normal/0.png", "sha256": "00", "class": "normal", "part": "train"}]}',
            b'{"folder": "../doors", "kind": "clips", "class_names": [], "files": [{"path": "a", "sha256": "00"}]}',
        ],
        "inventory.json",
        lambda folder: read_inventory("parts", folder),
        text="json",
    ),
    "manifest": Reader(
        lambda: [f'{{"files": {{"Train/1.tif": "{EMPTY}", "a.m": "{EMPTY}"}}}}'.encode()],
        "manifest.json",
        lambda folder: check_files("ped2", folder, "run it again"),
        lambda folder: ((folder / "Train").mkdir(), (folder / "Train/1.tif").touch(), (folder / "a.m").touch()),
        text="json",
    ),
    "Parquet": Reader(
        project("runs/scores/digits/pca.parquet"),
        "digits/pca.parquet",
        lambda folder: read_scores(folder / "digits/pca.parquet"),
        examples=120,
    ),
    "safetensors, PCA": Reader(
        project(f"{PCA}/model.safetensors"), "model.safetensors", scored, beside(PCA), examples=120
    ),
    "safetensors, ALPA": Reader(
        project(f"{ALPA}/model.safetensors"), "model.safetensors", scored, beside(ALPA), examples=45
    ),
    "description of PCA": Reader(
        project(f"{PCA}/detector.json"), "detector.json", scored, beside(PCA), "json", examples=120
    ),
    "description of ALPA": Reader(
        project(f"{ALPA}/detector.json"), "detector.json", scored, beside(ALPA), "json", examples=45
    ),
    "cells of the store": Reader(
        lambda: [_digests()],
        "key/digests.json",
        lambda folder: CellStore(folder).get("key"),
        beside(PCA, "key"),
        "json",
    ),
    "cells' records": Reader(project(f"{PCA}/cell.json"), "pca/0-0/cell.json", find_cells, text="json"),
    "study journals": Reader(
        project(".cache/studies/digits-alpa.journal"), "digits-alpa.journal", studied, writes=True, examples=75
    ),
    "study journals, copied": Reader(
        project(".cache/studies/digits-alpa.journal"), "digits-alpa.journal", copied, writes=True, examples=45
    ),
    "records of studies": Reader(
        project("runs/tuned/digits/alpa.trials.json"),
        "alpa.trials.json",
        evidence,
        lambda folder: shutil.copy(seeds.finished() / "runs/sweeps/digits/alpa.csv", folder),
        "json",
        examples=75,
    ),
    "sweeps": Reader(
        project("runs/sweeps/digits/alpa.csv"),
        "alpa.csv",
        evidence,
        lambda folder: shutil.copy(seeds.finished() / "runs/tuned/digits/alpa.trials.json", folder),
        examples=75,
    ),
    "facts": Reader(
        project("reports/digits/facts.json"),
        "release.json",
        current_facts,
        lambda folder: shutil.copy(seeds.finished() / "reports/digits/cells.csv", folder),
        "json",
    ),
    "facts of a split": Reader(
        project(f"{DIGITS}/split.json"),
        f"{DIGITS}/split.json",
        lambda folder: read_split_facts(folder, "digits", "test"),
        text="json",
    ),
    "result tables": Reader(
        project("reports/digits/cells.csv"),
        "cells.csv",
        read_results,
        beside("reports/digits"),
        examples=120,
    ),
    "leaderboards": Reader(
        project("reports/digits/leaderboard.csv"),
        "leaderboard.csv",
        read_results,
        beside("reports/digits"),
        examples=120,
    ),
    "compared cells": Reader(
        project("reports/digits/cells.csv"), "cells.csv", compared, beside("reports/digits"), examples=120
    ),
    "compared leaderboards": Reader(
        project("reports/digits/leaderboard.csv"), "leaderboard.csv", compared, beside("reports/digits"), examples=120
    ),
    "compared facts": Reader(
        project("reports/digits/facts.json"), "facts.json", compared, beside("reports/digits"), "json", examples=120
    ),
    "ledger": Reader(
        lambda: [b'{"digits/pca/whole": "ab", "digits/pca/0-0": "cd"}'],
        ".cache/tracking/x.json",
        lambda folder: _ledger(folder)._sent(),
        text="json",
    ),
    "params.yaml": Reader(
        lambda: [(ROOT / "params.yaml").read_bytes(), (seeds.finished() / "params.yaml").read_bytes()],
        "params.yaml",
        lambda folder: load_params(folder / "params.yaml"),
        text="yaml",
        examples=90,
    ),
    "tuned values": Reader(
        project("runs/tuned/digits/alpa.yaml"), "x.yaml", lambda folder: read_yaml(folder / "x.yaml"), text="yaml"
    ),
}


def _digests() -> bytes:
    digests = [
        f'"{path.name}": "{hashlib.sha256(path.read_bytes()).hexdigest()}"'
        for path in (seeds.finished() / PCA).iterdir()
    ]
    return f"{{{', '.join(digests)}}}".encode()


def _ledger(folder: Path) -> Ledger:
    ledger = Ledger("http://127.0.0.1:9")
    ledger.path = folder / ".cache/tracking/x.json"
    return ledger
