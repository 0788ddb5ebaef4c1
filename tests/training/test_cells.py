import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alpa.config import RuntimeConfig, TrainingConfig
from alpa.data.images import read_npy
from alpa.data.stored import StoredImages
from alpa.detectors import DETECTORS, load_detector
from alpa.detectors.autoencoder import AutoencoderConfig
from alpa.detectors.knn import KNNConfig
from alpa.errors import ModelError
from alpa.runtime import Runtime, resolve
from alpa.training import cells
from alpa.training.cells import Cell, CellStore, fit_cell, train_cells
from alpa.training.workers import Pool

OTHER_TRAINING = {
    "steps": 6,
    "batch_size": 9,
    "learning_rate": 0.5,
    "weight_decay": 0.5,
    "validation_fraction": 0.5,
    "preparation": "gcn",
}
MakeCell = Callable[..., Cell]
RUNTIME = Runtime()


def test_a_cells_name_is_its_class_and_seed(make_cell: MakeCell) -> None:
    assert make_cell(target_class="7", seed=3).name == "7-3"


def test_equal_cells_have_equal_keys(make_cell: MakeCell) -> None:
    first, second = make_cell(), make_cell()
    assert first.key(RUNTIME) == second.key(RUNTIME)
    fortran = replace(first, images=np.asfortranarray(first.images))
    assert fortran.key(RUNTIME) == first.key(RUNTIME), "how the images lie in memory does not matter"


@pytest.fixture
def stored_cell(make_cell: MakeCell, tmp_path: Path) -> Cell:
    """A cell whose images are the ones of `make_cell()`, in a file among others."""
    images = make_cell().images
    np.save(tmp_path / "images.npy", np.concatenate([images[:3], images]))
    return make_cell(images=StoredImages.of(read_npy(tmp_path / "images.npy")).select(slice(3, None)))


def test_a_cell_whose_images_are_in_a_file_has_the_same_key_and_files(stored_cell: Cell, make_cell: MakeCell) -> None:
    assert stored_cell.key(RUNTIME) == make_cell().key(RUNTIME)
    assert fit_cell(stored_cell, "key", RUNTIME)[0] == fit_cell(make_cell(), "key", RUNTIME)[0]


def test_the_clips_of_the_samples_change_the_key(make_cell: MakeCell) -> None:
    first, second = (make_cell(groups=np.arange(40) // size) for size in (10, 20))
    assert first.key(RUNTIME) != second.key(RUNTIME)


def test_a_cell_of_clips_holds_whole_clips_out(make_cell: MakeCell) -> None:
    cell = make_cell(groups=np.arange(40) // 10)
    fitted, validation = cell.split()
    assert (len(fitted), len(validation)) == (30, 10)
    assert len(set(cell.groups[validation].tolist())) == 1
    description = json.loads(fit_cell(cell, "some key", RUNTIME)[0]["cell.json"])
    assert (description["n_train"], description["n_validation"]) == (30, 10)


def test_a_cell_builds_a_detector_that_predicts_as_many_channels_as_it_says(make_cell: MakeCell) -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 3, 16, 16), dtype=np.uint8)
    assert make_cell("autoencoder", images=images, predicted=1).build().given == (2, 16, 16)
    assert make_cell("autoencoder", images=images).build().given == (3, 16, 16)


def _other_pixel(cell: Cell) -> Cell:
    images = cell.images.copy()
    images[0, 0, 0, 0] ^= 1
    return replace(cell, images=images)


@pytest.mark.parametrize(
    "change",
    [
        lambda cell: replace(cell, seed=1),
        lambda cell: replace(cell, config=KNNConfig(neighbours=4)),
        lambda cell: replace(cell, detector="autoencoder", config=AutoencoderConfig()),
        lambda cell: replace(cell, training=replace(cell.training, validation_fraction=0.2)),
        lambda cell: replace(cell, images=cell.images[1:]),
        lambda cell: replace(cell, images=cell.images.reshape(40, 4, 8, 8)),
        lambda cell: replace(cell, groups=np.arange(40) // 10),
        lambda cell: replace(cell, predicted=1),
        lambda cell: replace(cell, images=cell.images[::-1]),
        _other_pixel,
    ],
    ids=["seed", "config", "detector", "validation", "fewer", "shape", "clips", "predicted", "order", "pixel"],
)
def test_everything_decisive_changes_the_key(change: Callable[[Cell], Cell], make_cell: MakeCell) -> None:
    assert change(make_cell()).key(RUNTIME) != make_cell().key(RUNTIME)


@pytest.mark.parametrize("detector", list(DETECTORS))
@pytest.mark.parametrize("name", OTHER_TRAINING)
def test_a_training_setting_changes_the_key_of_the_detectors_that_use_it(
    detector: str, name: str, make_cell: MakeCell
) -> None:
    cell = make_cell(detector)
    other = replace(cell, training=replace(cell.training, **{name: OTHER_TRAINING[name]}))
    assert (other.key(RUNTIME) != cell.key(RUNTIME)) == (name in DETECTORS[detector].uses)


def test_every_training_setting_is_some_detectors(make_cell: MakeCell) -> None:
    assert set(OTHER_TRAINING) == set(TrainingConfig.__dataclass_fields__) == set(DETECTORS["autoencoder"].uses)


@pytest.mark.parametrize("other", [Runtime(device="cuda"), Runtime(precision="bf16"), Runtime(threads=2)], ids=str)
def test_the_runtime_changes_the_key(other: Runtime, make_cell: MakeCell) -> None:
    assert make_cell().key(other) != make_cell().key(RUNTIME)


@pytest.mark.parametrize(
    ("name", "other"), [("_code_of", lambda module: "other code"), ("version", lambda name: "99.0")]
)
def test_code_and_versions_change_the_key(
    name: str, other: Callable[[Any], str], make_cell: MakeCell, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = make_cell().key(RUNTIME)
    monkeypatch.setattr(cells, name, other)
    assert make_cell().key(RUNTIME) != before


def test_the_number_of_workers_does_not_change_the_key(make_cell: MakeCell) -> None:
    keys = {make_cell().key(resolve(RuntimeConfig(device="cpu", workers=workers))) for workers in (0, 1, 8)}
    assert len(keys) == 1


def test_the_class_is_in_the_images_and_not_in_the_key(make_cell: MakeCell) -> None:
    cell = make_cell(target_class="1")
    assert replace(cell, target_class="2").key(RUNTIME) == cell.key(RUNTIME)
    assert make_cell(target_class="2").key(RUNTIME) != cell.key(RUNTIME)


def test_a_fitted_cell_is_what_the_detector_saves_and_a_description(make_cell: MakeCell, tmp_path: Path) -> None:
    cell = make_cell("autoencoder", seed=2)
    files, seconds = fit_cell(cell, "some key", RUNTIME)
    assert set(files) == {"model.safetensors", "detector.json", "history.csv", "cell.json", "facts.json"}
    assert seconds > 0
    description = json.loads(files["cell.json"])
    assert {name: description[name] for name in ("key", "detector", "target_class", "seed")} == {
        "key": "some key",
        "detector": "autoencoder",
        "target_class": "1",
        "seed": 2,
    }
    assert (description["n_train"], description["n_validation"]) == (36, 4)  # a tenth of 40
    assert description["training"]["steps"] == 5
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    assert load_detector(tmp_path, expected="autoencoder").config == cell.config


def test_a_cell_that_diverges_is_named(make_cell: MakeCell) -> None:
    cell = make_cell("autoencoder", seed=2)
    diverging = replace(cell, training=replace(cell.training, learning_rate=1e38, steps=40))
    with pytest.raises(ModelError, match=r"^autoencoder, class 1, seed 2: The \w+ (loss|score) of autoencoder is n"):
        fit_cell(diverging, "key", RUNTIME)


@pytest.fixture
def store(tmp_path: Path) -> CellStore:
    return CellStore(tmp_path / "cells")


def count_fits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that the name of every cell joins when it is fitted."""
    fitted = []

    def counting(cell: Cell, key: str, runtime: Runtime) -> Any:
        fitted.append(cell.name)
        return fit_cell(cell, key, runtime)

    monkeypatch.setattr(cells, "fit_cell", counting)
    return fitted


def run(wanted: list[Cell], store: CellStore) -> dict[str, dict[str, bytes]]:
    return train_cells(wanted, RUNTIME, store, Pool(), facts={"device": "cpu"}, title="toy")


def test_only_cells_that_the_store_lacks_are_trained(
    make_cell: MakeCell, store: CellStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted = count_fits(monkeypatch)
    first = run([make_cell(seed=0), make_cell(seed=1)], store)
    assert fitted == ["1-0", "1-1"]
    second = run([make_cell(seed=0), make_cell(seed=1), make_cell(target_class="2", seed=1)], store)
    assert fitted == ["1-0", "1-1", "2-1"]
    assert {name: second[name] for name in first} == first
    assert list(second) == ["1-0", "1-1", "2-1"]


def test_nothing_is_trained_when_every_cell_is_there(
    make_cell: MakeCell, store: CellStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run([make_cell()], store)
    fitted = count_fits(monkeypatch)
    assert run([make_cell()], store) == first
    assert fitted == []
    assert "toy: 0 cells trained, 1 were there already." in capsys.readouterr().out


def test_a_damaged_cell_is_trained_again(
    make_cell: MakeCell, store: CellStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run([make_cell(seed=0), make_cell(seed=1)], store)
    path = store.folder / make_cell(seed=1).key(RUNTIME) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    fitted = count_fits(monkeypatch)
    assert run([make_cell(seed=0), make_cell(seed=1)], store) == first
    assert fitted == ["1-1"]


def test_times_and_facts_stay_in_the_store(make_cell: MakeCell, store: CellStore) -> None:
    cell = make_cell()
    assert "facts.json" not in run([cell], store)[cell.name]
    facts = json.loads((store.folder / cell.key(RUNTIME) / "facts.json").read_text())
    assert facts["device"] == "cpu"
    assert facts["seconds"] >= 0
    assert facts["finished"].endswith("+00:00")


def test_a_run_that_ends_half_way_keeps_its_finished_cells(
    make_cell: MakeCell, store: CellStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [make_cell(seed=seed) for seed in range(3)]

    def failing(cell: Cell, key: str, runtime: Runtime) -> Any:
        if cell.seed == 2:
            raise ModelError("The third cell fails.")
        return fit_cell(cell, key, runtime)

    with monkeypatch.context() as patch:
        patch.setattr(cells, "fit_cell", failing)
        with pytest.raises(ModelError, match="The third cell fails"):
            run(wanted, store)
    fitted = count_fits(monkeypatch)
    run(wanted, store)
    assert fitted == ["1-2"]
