"""Saved detectors that are damaged, or not the ones that they should be, and what a tune stage left."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from tests.bad_input.case import Case, Damage, folder, instead, loop, mode, pipe, remove, truncate, write
from tests.bad_input.splits import TEST, resplit

MODEL = "runs/models/digits/pca/0-0"
TENSORS, DESCRIBED = f"{MODEL}/model.safetensors", f"{MODEL}/detector.json"
TUNED = "runs/tuned/digits/pca.yaml"
RECORD = "runs/tuned/digits/alpa.trials.json"


def scoring(damage: Damage, *says: str, **options: Any) -> Case:
    """Return the case of a model that cannot be loaded to score."""
    return Case("evaluate digits pca", says, damage=damage, base="finished", **options)


def exchanged(model: str) -> Damage:
    """Return what puts another model where PCA's of class 0 belongs."""

    def copy(project: Path) -> None:
        shutil.rmtree(project / MODEL)
        shutil.copytree(project / model, project / MODEL)

    return copy


def tensors(**changed: torch.Tensor | None) -> Damage:
    """Return what changes tensors of a model, or removes those that are None."""

    def edit(project: Path) -> None:
        state = load_file(project / TENSORS) | changed
        save_file({name: tensor for name, tensor in state.items() if tensor is not None}, project / TENSORS)

    return edit


def described(**changed: Any) -> Damage:
    """Return what changes values in a model's description."""

    def edit(project: Path) -> None:
        description = json.loads((project / DESCRIBED).read_text())
        (project / DESCRIBED).write_text(json.dumps(description | changed))

    return edit


def header(values: Mapping[str, Any]) -> bytes:
    """Return a safetensors file of this header alone."""
    content = json.dumps(values).encode()
    return len(content).to_bytes(8, "little") + content


NO_MODEL = f"{TENSORS} is no pca of this shape ("
TRAIN_AGAIN = "; train it again."
NO_DETECTOR = f"{DESCRIBED} does not describe a detector ("
SAVED = {
    "a class without a model": Case(
        "evaluate digits pca",
        ("runs/models/digits/pca/2-0/detector.json does not describe a detector (", TRAIN_AGAIN),
        {"benchmarks.digits.classes": ["2"]},
        base="finished",
    ),
    "a model of another detector": scoring(
        exchanged("runs/models/digits/alpa/0-0"),
        f"{MODEL} holds a detector of kind alpa, not pca; name a folder of pca.",
    ),
    "a model of another class": scoring(
        exchanged("runs/models/digits/pca/1-0"),
        f"{MODEL} holds the model of another class or seed; delete it and run the train stage again.",
    ),
    "no tensors": scoring(remove(TENSORS), NO_MODEL, TRAIN_AGAIN),
    "tensors that are cut off": scoring(truncate(TENSORS), NO_MODEL, TRAIN_AGAIN),
    "tensors of no bytes": scoring(write(TENSORS, ""), NO_MODEL, TRAIN_AGAIN),
    "a text instead of tensors": scoring(write(TENSORS, "no tensors" * 99), NO_MODEL, TRAIN_AGAIN),
    "tensors whose header promises more than there is": scoring(
        write(TENSORS, header({"mean": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}})),
        NO_MODEL,
        TRAIN_AGAIN,
    ),
    "a tensor that is missing": scoring(tensors(mean=None), NO_MODEL, "mean", TRAIN_AGAIN),
    "a tensor too many": scoring(tensors(extra=torch.zeros(3)), NO_MODEL, "extra", TRAIN_AGAIN),
    "a tensor of another shape": scoring(tensors(mean=torch.zeros(3)), NO_MODEL, TRAIN_AGAIN),
    "a tensor that is not finite": scoring(
        tensors(mean=torch.full((1024,), float("nan"))), NO_MODEL, "mean is not finite", TRAIN_AGAIN
    ),
    "no description": scoring(remove(DESCRIBED), NO_DETECTOR, "No such file or directory", TRAIN_AGAIN),
    "a description that is cut off": scoring(truncate(DESCRIBED), NO_DETECTOR, TRAIN_AGAIN),
    "a description that is a list": scoring(write(DESCRIBED, "[]"), NO_DETECTOR, TRAIN_AGAIN),
    "a description of another version": scoring(
        described(config={"components": 4, "whiten": True}),
        NO_DETECTOR,
        "Unknown key detectors.pca.whiten",
        TRAIN_AGAIN,
    ),
    "a description without a seed": scoring(described(seed=None), NO_DETECTOR, TRAIN_AGAIN),
    "a description of two sides": scoring(described(image_shape=[32, 32]), NO_DETECTOR, TRAIN_AGAIN),
    "a description of images without end": scoring(
        described(image_shape=[1, 2**40, 2**40]), NO_DETECTOR, "image_shape is (1, ", TRAIN_AGAIN
    ),
    "a description of no preparation": scoring(described(preparation="zca"), NO_DETECTOR, TRAIN_AGAIN),
    "a description of an unknown detector": scoring(
        described(detector="svdd"), f"{MODEL} holds a detector of kind svdd, not pca; name a folder of pca."
    ),
    "a pipe instead of tensors": scoring(
        instead(TENSORS, pipe), NO_MODEL, "it is not a file", TRAIN_AGAIN, as_command=True
    ),
    "a folder instead of tensors": scoring(instead(TENSORS, folder), NO_MODEL, "it is not a file", TRAIN_AGAIN),
    "a link to itself instead of tensors": scoring(
        instead(TENSORS, loop), NO_MODEL, "Too many levels of symbolic links", TRAIN_AGAIN
    ),
    "tensors without permission": scoring(
        mode(TENSORS, 0), NO_MODEL, "Permission denied", TRAIN_AGAIN, unprivileged=True
    ),
    "a pipe instead of a description": scoring(
        instead(DESCRIBED, pipe), NO_DETECTOR, "it is not a file", TRAIN_AGAIN, as_command=True
    ),
    "a cell's record that is damaged": scoring(
        truncate(f"{MODEL}/cell.json"), f"{MODEL} holds the model of another class or seed; delete it and run "
    ),
    "a test split of other images": scoring(
        lambda project: resized(project), "pca takes uint8 images of shape (N, 1, 32, 32), not uint8 of shape "
    ),
}


def resized(project: Path) -> None:
    """Make a test split of smaller images."""
    resplit(TEST, images=np.zeros((360, 1, 16, 16), np.uint8), image_shape=(1, 16, 16))(project)


VALUES = "holds no values; run `python -m pipeline.tune digits pca`."
STUDIES = {
    "no tuned values": Case("train digits pca", (f"{TUNED} {VALUES}",), damage=remove(TUNED), base="finished"),
    "tuned values that are no YAML": Case(
        "train digits pca", (f"{TUNED} {VALUES}",), damage=write(TUNED, "a: ["), base="finished"
    ),
    "tuned values that do not fit": Case(
        "train digits pca",
        ("detectors.pca.components is -3: ", "greater than or equal to 1."),
        damage=write(TUNED, "components: -3\n"),
        base="finished",
    ),
    "a pipe instead of tuned values": Case(
        "train digits pca", (f"{TUNED} {VALUES}",), damage=instead(TUNED, pipe), base="finished", as_command=True
    ),
    "a study made with another space": Case(
        "tune digits alpa",
        ("Study digits-alpa was made with another space (strength ", "giving tuning.study a name"),
        {"tuning.space.alpa.strength.high": 0.9},
        base="finished",
    ),
    "a study that was not held": Case(
        "sweep digits alpa",
        (f"{RECORD} is missing or damaged; run `dvc repro -f pipeline/dvc.yaml:tune@digits-alpa`.",),
        damage=remove(RECORD),
        base="finished",
    ),
    "a record of a study that is cut off": Case(
        "sweep digits alpa",
        (f"{RECORD} is missing or damaged; run `dvc repro -f pipeline/dvc.yaml:tune@digits-alpa`.",),
        damage=truncate(RECORD),
        base="finished",
    ),
    "a record of a study that is a number": Case(
        "leaderboard digits",
        (f"{RECORD} is missing or damaged; run `dvc repro -f pipeline/dvc.yaml:tune@digits-alpa`.",),
        damage=write(RECORD, "3"),
        base="finished",
    ),
    "a pipe instead of a record": Case(
        "leaderboard digits",
        (f"{RECORD} is missing or damaged; run `dvc repro -f pipeline/dvc.yaml:tune@digits-alpa`.",),
        damage=instead(RECORD, pipe),
        base="finished",
        as_command=True,
    ),
    "a sweep of other trials": Case(
        "tuning digits",
        ("Trial 0 of digits-alpa was not swept; run ",),
        damage=write("runs/sweeps/digits/alpa.csv", "kind,place,strength,target_class,measure,auroc\n"),
        base="finished",
    ),
    "a sweep that is a text": Case(
        "tuning digits",
        ("runs/sweeps/digits/alpa.csv is no table of a sweep (it has other columns); run its sweep stage again.",),
        damage=write("runs/sweeps/digits/alpa.csv", "no table"),
        base="finished",
    ),
}
CASES = {"saved detectors": SAVED, "studies": STUDIES}
