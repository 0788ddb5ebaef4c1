"""The cases of `python -m tests.load`, small: all that was asked for is there."""

import csv
import json
import sqlite3
from pathlib import Path

import pytest

from alpa.ledger import Ledger
from tests.load.__main__ import do, is_too_much, run
from tests.load.cases import CASES, STORE, Sizes
from tests.load.writers import count_lost

SMALL: dict[str, Sizes] = {
    "projects": {"writers": 2, "projects": 2, "metrics": 200},
    "cells": {"detectors": 2, "classes": 5, "seeds": 4, "samples": 60, "scores": 1},
    "samples": {"detectors": 1, "classes": 2, "seeds": 1, "samples": 20_000, "scores": 1},
    "pairs": {"sets": 2, "detectors": 2, "classes": 2, "samples": 40},
}


def work(name: str, folder: Path) -> int | None:
    """Prepare and do the small form of a case."""
    CASES[name].prepare(folder, SMALL[name])
    return CASES[name].work(folder, SMALL[name])


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as stream:
        return list(csv.DictReader(stream))


def test_writers_of_several_projects_lose_nothing_on_a_store_that_none_has_opened(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert work("projects", tmp_path) == 0
    assert capfd.readouterr().err == ""
    with sqlite3.connect(tmp_path / STORE) as database:
        database.execute("delete from metrics where step = 7")
    assert count_lost(tmp_path / STORE, ["set00", "set01"], 200) == 4, "two losses of each of two writers"


def test_projects_that_share_a_database_share_its_lock() -> None:
    assert Ledger("sqlite:////shared/mlflow.db").lock == Path("/shared/mlflow.db.lock")


@pytest.mark.parametrize("name", ["cells", "samples"])
def test_every_cell_of_a_grid_is_ranked(name: str, tmp_path: Path) -> None:
    work(name, tmp_path)
    size = SMALL[name]
    cells = rows(tmp_path / "reports/made_up/cells.csv")
    assert len(cells) == size["detectors"] * size["classes"] * size["seeds"]
    leaderboard = rows(tmp_path / "reports/made_up/leaderboard.csv")
    assert len(leaderboard) == size["detectors"]
    assert all(float(row["ci_low"]) < float(row["auroc_mean"]) < float(row["ci_high"]) for row in leaderboard)
    assert {row["n_test"] for row in leaderboard} == {str(size["samples"])}


def test_every_pair_of_data_set_and_detector_is_reported(tmp_path: Path) -> None:
    work("pairs", tmp_path)
    for benchmark in ("set00", "set01"):
        text = (tmp_path / "reports" / benchmark / "report.md").read_text()
        assert text.count("| detector00 |") + text.count("| detector01 |") >= 2
    paper = (tmp_path / "reports/paper/report.md").read_text()
    assert "set00" in paper
    assert "set01" in paper


def test_a_part_runs_in_a_process_of_its_own_and_says_what_it_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CASES["samples"].size, "samples", 1000)
    found = do("prepare", "samples", tmp_path / "here")
    assert found["lost"] is None
    assert json.loads(run("prepare", "writers", str(tmp_path / "there")))["peak_mib"] > 50
    assert len(list((tmp_path / "there").rglob("cell.json"))) == 8


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, False),
        ({"lost": 0, "seconds": 70}, False),
        ({"lost": 1}, True),
        ({"seconds": 60.1}, True),
        ({"peak_mib": 1025}, True),
    ],
)
def test_a_loss_and_what_takes_too_much_are_failures(changes: dict[str, int], expected: bool) -> None:
    assert is_too_much({"lost": None, "seconds": 59.9, "peak_mib": 1024} | changes) == expected
