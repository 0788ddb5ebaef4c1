"""Files of every kind that the suite reads, each with a program inside: refused in a sentence, and the program not run.

Batches of CIFAR-10, the one kind that is published as pickles, are in tests/data/test_cifar10.py.
"""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from alpa.data.folders import read_inventory
from alpa.data.images import read_idx, read_npy, read_raw
from alpa.data.pictures import read_picture
from alpa.data.splits import load_split
from alpa.data.videos import decode_video
from alpa.detectors import load_detector
from alpa.evaluation.facts import current_facts, read_split_facts
from alpa.params import load_params
from alpa.reporting.cells import find_cells, histories
from alpa.reporting.results import read_results
from alpa.runs import read_json
from alpa.training.cells import DIGESTS, CellStore
from alpa.training.tuned import read_tuned
from alpa.tuning.finished import read_record
from alpa.tuning.journal import copy_studies
from tests.security.evil import Evil, refusal, write

DESCRIPTION = {"detector": "pca", "image_shape": [1, 32, 32], "config": {}, "seed": 0}
CELL = {"detector": "pca", "target_class": "0", "seed": 0}


def test_these_programs_do_run_where_they_are_let(tmp_path: Path, pickled: bytes, ran: Path) -> None:
    pickle.loads(pickled)
    assert ran.is_dir()


@pytest.mark.parametrize("kind", ["pickle", "torch", "numpy"])
def test_a_model_is_tensors_alone(kind: str, tmp_path: Path, pickled: bytes, ran: Path) -> None:
    write(tmp_path / "model/detector.json", DESCRIPTION)
    path = write(tmp_path / "model/model.safetensors", pickled)
    if kind == "torch":
        torch.save({"mean": Evil(tmp_path)}, path)
    if kind == "numpy":
        with path.open("wb") as file:
            np.save(file, np.array([Evil(tmp_path)], dtype=object), allow_pickle=True)
    assert "model.safetensors is no pca" in refusal(lambda: load_detector(tmp_path / "model"), ran)


@pytest.mark.parametrize("name", ["images", "labels", "group"])
def test_an_array_of_objects_is_no_part_of_a_split(name: str, tmp_path: Path, ran: Path) -> None:
    facts = {"n": 1, "image_shape": [1, 8, 8], "class_names": ["a"], "targets": ["a"], "clips": [], "part": "test"}
    write(tmp_path / "split/split.json", facts | dict.fromkeys(("dataset", "protocol", "digest"), "x"))
    for each, array in {
        "images": np.zeros((1, 1, 8, 8), np.uint8),
        "labels": np.zeros(1, np.int64),
        "group": np.full(1, -1),
    }.items():
        np.save(tmp_path / "split" / f"{each}.npy", array)
    np.save(tmp_path / "split" / f"{name}.npy", np.array([Evil(tmp_path)], dtype=object), allow_pickle=True)
    assert "is not a whole array file" in refusal(lambda: load_split(tmp_path / "split"), ran)


def raw_readers(folder: Path) -> dict[str, Callable[[], Any]]:
    """Return the readers of raw data, all of which meet the same file."""
    names = {
        "digits": ("images.npy", "labels.npy"),
        "svhn": ("train_32x32.mat", "test_32x32.mat"),
        "mnist": tuple(
            f"{part}-{kind}-ubyte.gz" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
        ),
        "cifar10": tuple(f"{part}-{kind}.npy" for part in ("train", "test") for kind in ("images", "labels")),
    }
    for key, files in names.items():
        for name in files:
            write(folder / key / name, (folder / "file").read_bytes())
    readers: dict[str, Callable[[], Any]] = {key: lambda key=key: read_raw(key, folder / key, 32) for key in names}
    return readers | {
        "npy": lambda: read_npy(folder / "file"),
        "idx": lambda: read_idx(folder / "file"),
        "picture": lambda: read_picture(folder / "file", 32, 1),
        "video": lambda: list(decode_video(folder / "file")),
        "inventory": lambda: read_inventory("own", folder),
    }


@pytest.mark.parametrize("kind", ["pickle", "objects"])
@pytest.mark.parametrize(
    "reader", ["digits", "svhn", "mnist", "cifar10", "npy", "idx", "picture", "video", "inventory"]
)
def test_raw_data_are_never_unpickled(reader: str, kind: str, tmp_path: Path, pickled: bytes, ran: Path) -> None:
    write(tmp_path / "file", pickled)
    if kind == "objects":
        with (tmp_path / "file").open("wb") as file:
            np.save(file, np.array([Evil(tmp_path)] * 9, dtype=object), allow_pickle=True)
    write(tmp_path / "inventory.json", (tmp_path / "file").read_bytes())
    refusal(raw_readers(tmp_path)[reader], ran)


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.mkdir", "!!python/object/new:os.mkdir", "!!python/name:os.mkdir"]
)
def test_params_make_no_objects(tag: str, tmp_path: Path, ran: Path) -> None:
    path = write(tmp_path / "params.yaml", f"pipeline: {tag} [{ran}]\n")
    assert "is not valid YAML" in refusal(lambda: load_params(path), ran)


def test_tuned_values_make_no_objects(tmp_path: Path, ran: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "runs/tuned/toy/pca.yaml", f"components: !!python/object/apply:os.mkdir [{ran}]\n")
    assert "holds no values" in refusal(lambda: read_tuned("toy", "pca"), ran)


JSON_READERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "record": ("runs/tuned/toy/alpa.trials.json", lambda root: read_record(root / "runs/tuned/toy/alpa.trials.json")),
    "cell": ("toy/pca/0-0/cell.json", lambda root: find_cells(root / "toy")),
    "history": ("toy/pca/0-0/history.csv", lambda root: histories(find_cells(root / "toy"), ["pca"], "0", 0)),
    "facts": ("toy/facts.json", lambda root: current_facts(root / "toy")),
    "split": ("data/splits/toy/test/split.json", lambda root: read_split_facts(root, "toy", "test")),
    "detector": ("toy/pca/0-0/detector.json", lambda root: load_detector(root / "toy/pca/0-0")),
    "results": ("toy/leaderboard.csv", lambda root: read_results(root / "toy")),
    "journal": ("studies/toy-alpa.journal", lambda root: copy_studies(root / "studies", root / "copy.journal")),
}


@pytest.mark.parametrize("kind", JSON_READERS)
def test_a_pickle_in_the_place_of_text_is_refused(kind: str, tmp_path: Path, pickled: bytes, ran: Path) -> None:
    write(tmp_path / "toy/cells.csv", "detector,normal_class,seed,score,auroc,n_normal,n_anomalous\na,b,0,s,0.5,1,1\n")
    write(tmp_path / "toy/pca/0-0/cell.json", CELL)
    name, read = JSON_READERS[kind]
    write(tmp_path / name, pickled)
    refusal(lambda: read(tmp_path), ran)


@pytest.mark.parametrize(
    "line",
    [
        {"op_code": 0, "worker_id": "w", "study_name": "toy-alpa", "directions": ["cos\nmkdir\n"]},
        {"op_code": "__import__('os').mkdir('ran')", "worker_id": "w"},
        {"op_code": 99, "worker_id": "w"},
    ],
    ids=["directions", "op_code", "unknown"],
)
def test_a_journal_is_read_and_not_run(
    line: dict[str, Any], tmp_path: Path, ran: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "studies/toy-alpa.journal", json.dumps(line) + "\n")
    assert "is no journal of study" in refusal(lambda: copy_studies(tmp_path / "studies", tmp_path / "copy"), ran)


def test_a_damaged_store_holds_no_cell_and_a_damaged_record_is_empty(tmp_path: Path, pickled: bytes, ran: Path) -> None:
    write(tmp_path / "cells/key" / DIGESTS, pickled)
    assert CellStore(tmp_path / "cells").get("key") is None
    assert read_json(write(tmp_path / "ledger.json", pickled)) == {}
    assert not ran.exists()
