import json
from pathlib import Path
from typing import Any

from alpa.reporting.cells import Cell, Key
from alpa.reporting.settings import settings_table


def add(
    cells: dict[Key, Cell], folder: Path, detector: str, target: str, steps: int | None, **config: Any
) -> dict[Key, Cell]:
    """Add a cell with the files that training leaves; one without steps has a history without rows."""
    own = folder / detector / target
    own.mkdir(parents=True)
    (own / "detector.json").write_text(json.dumps({"config": config}))
    (own / "history.csv").write_text("step,loss\n1,0.5\n" if steps else "step\n")
    training = {"steps": steps or 2000, "batch_size": 64, "learning_rate": 0.0002, "weight_decay": 0.0}
    cells[detector, target, 0] = Cell(own, {"training": training})
    return cells


def test_a_row_tells_the_training_and_what_differs_from_the_defaults(tmp_path: Path) -> None:
    cells = add({}, tmp_path, "alpa", "0", 2000, width=16, latent=8, strength=0.25, bound="sphere")
    table = settings_table(cells, ["alpa"])
    assert table is not None
    assert table.rows == (
        ("alpa", "2,000", "64", "0.0002", "0", "width 16, latent 8, strength 0.25, bound sphere", "strength 0.25"),
    )


def test_steps_that_differ_between_classes_are_a_range(tmp_path: Path) -> None:
    cells = add({}, tmp_path, "ganomaly", "0", 1395, epochs=15)
    add(cells, tmp_path, "ganomaly", "1", 1500, epochs=15)
    table = settings_table(cells, ["ganomaly"])
    assert table is not None
    assert table.rows[0][1] == "1,395–1,500"
    assert table.rows[0][-2:] == ("epochs 15", "–")


def test_a_detector_without_steps_has_no_training_to_tell(tmp_path: Path) -> None:
    table = settings_table(add({}, tmp_path, "pca", "0", None, components=32), ["pca", "knn"])
    assert table is not None
    assert table.rows == (("pca", "–", "–", "–", "–", "components 32", "–"),)


def test_a_users_own_detector_has_no_known_defaults(tmp_path: Path) -> None:
    table = settings_table(add({}, tmp_path, "toy", "0", None, power=2.0), ["toy"])
    assert table is not None
    assert table.rows[0][-2:] == ("power 2", "–")


def test_cells_without_a_record_make_no_table() -> None:
    assert settings_table({}, ["alpa"]) is None
