"""What a class is called never leads a file out of the folder where the class's files belong."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from alpa.config import TrainingConfig
from alpa.data.folders import list_pictures, read_inventory, write_inventory
from alpa.data.protocols import LONGEST_NAME, find_protocol, target_classes
from alpa.detectors.pca import PCAConfig
from alpa.errors import ConfigError, DataError
from alpa.params import load_params
from alpa.training.cells import Cell
from tests.data.published import encode, write_files

ONE, SEVERAL = find_protocol("one_vs_rest"), find_protocol("multi_modal")
ODD = ("a b", "A", "a", "größe", "a\\b", "-rf", "~", "$HOME", "a\nb", "CON", "*", "%2e%2e", "x" * LONGEST_NAME, "a..b")
BAD = ("..", ".", "../evil", "a/b", "/etc", ".hidden", "a\0b", "x" * (LONGEST_NAME + 1), "ö" * LONGEST_NAME)


def cell(name: str) -> Cell:
    images = np.zeros((1, 1, 8, 8), np.uint8)
    return Cell("pca", name, 0, PCAConfig(), TrainingConfig(), images)


def test_what_a_folder_may_be_called_a_class_may_too_each_in_a_folder_of_its_own(tmp_path: Path) -> None:
    assert target_classes(ONE, ODD, "all") == list(ODD)
    for name in ODD:
        (tmp_path / cell(name).name).mkdir()
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}-0" for name in ODD}


@pytest.mark.parametrize("name", BAD, ids=lambda name: ascii(name[:12]))
def test_what_leads_out_of_a_folder_or_names_none_is_refused_before_anything_is_trained(name: str) -> None:
    for wanted in ("all", (name,)):
        with pytest.raises(
            DataError, match=r"^Normal class .* of toy cannot name a folder; rename it: .*\.$"
        ) as caught:
            target_classes(ONE, ("good", name), wanted, "toy")
        assert str(caught.value).isprintable()


def test_joined_names_that_are_too_long_together_are_refused() -> None:
    names = tuple(letter * 100 for letter in "abc")
    with pytest.raises(DataError, match="cannot name a folder"):
        target_classes(SEVERAL, names, (names,), "toy")


def test_folders_with_odd_names_are_listed_and_read_as_they_are(tmp_path: Path) -> None:
    picture = encode(np.zeros((8, 8), np.uint8), "PNG")
    write_files(tmp_path / "own", {f"{name}/1.png": picture for name in ODD})
    write_inventory(tmp_path / "raw", list_pictures("own", tmp_path / "own"))
    assert set(read_inventory("own", tmp_path / "raw").class_names) == set(ODD)


@pytest.mark.parametrize("name", ["../evil", "a/b", ".", "", "a b", "A", "a\n"])
@pytest.mark.parametrize("place", ["benchmarks", "folders", "study"])
def test_keys_of_benchmarks_folders_and_studies_name_no_other_folder(name: str, place: str, tmp_path: Path) -> None:
    params: dict[str, Any] = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    if place == "benchmarks":
        params["benchmarks"][name] = params["benchmarks"]["digits"]
    elif place == "folders":
        params["folders"] = {name: str(tmp_path)}
    else:
        params["tuning"]["study"] = name
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    with pytest.raises(ConfigError):
        load_params(tmp_path / "params.yaml")
