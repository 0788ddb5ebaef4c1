import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from alpa.evaluation.leaderboard import UNTUNED
from alpa.reporting.background import facts_section
from alpa.reporting.benchmark import Inputs, build_page
from alpa.reporting.cost import NOT_COMPARABLE, cost_section
from alpa.reporting.document import Page, Picture, Table
from alpa.reporting.page import render_html, render_markdown
from alpa.reporting.results import Results, read_results

MACHINE = {"device": "cpu", "precision": "bf16", "threads": 1, "hardware": {"cpu": "A CPU", "cores": 2}}
FACTS: dict[str, Any] = {
    "seconds": {"alpa": 200.0, "knn": 0.4},
    "cells": {"alpa": 20, "knn": 20},
    "trained": [MACHINE],
    "shared": 3,
}


@pytest.fixture(scope="module")
def results(inputs: Inputs) -> Results:
    return read_results(inputs.report)


def told(page: Page, key: str) -> str:
    return " ".join(next(section for section in page.sections if section.key == key).paragraphs)


def test_cost_is_per_cell_and_of_the_detectors_whose_time_is_known(results: Results) -> None:
    section = cost_section(results, FACTS)
    assert section is not None
    picture, table = section.blocks
    assert isinstance(table, Table)
    assert {row[0]: row[2:] for row in table.rows} == {"alpa": ("10.0",), "knn": ("0.02",)}
    assert "one machine, A CPU, 2 cores" in section.paragraphs[0]
    assert isinstance(picture, Picture)
    assert "alpa 10.0 s" in picture.alt


def test_times_of_two_kinds_of_machine_are_not_compared(results: Results) -> None:
    other = MACHINE | {"hardware": {"cpu": "Another"}}
    section = cost_section(results, FACTS | {"trained": [MACHINE, other]})
    assert section is not None
    assert NOT_COMPARABLE in section.paragraphs
    assert cost_section(results, {}) is None


def test_times_are_in_no_file_but_the_page_itself(make: Callable[..., Inputs]) -> None:
    inputs = make(detectors=("alpa", "knn"), class_names=("a", "b"), seeds=(0,))
    digest = hashlib.sha256((inputs.report / "cells.csv").read_bytes()).hexdigest()
    (inputs.report / "facts.json").write_text(json.dumps(FACTS | {"cells_sha256": digest}))
    page = build_page(inputs)
    picture = next(picture for picture in page.pictures if picture.name == "cost")
    assert picture.files == {}
    assert 'id="figure-cost"' in render_html(page)
    assert "figures/cost" not in render_markdown(page)
    assert "Hardware: A CPU, 2 cores, cpu, bf16, 1 thread a cell." in told(page, "methods")


def test_the_facts_count_the_test_samples_that_also_train() -> None:
    rows = {row[0]: row[1] for row in facts_section(FACTS).blocks[0].rows}  # type: ignore[union-attr]
    assert rows["Test samples that also train"] == "3"
    without = facts_section({"commit": "c0ffee", "shared": None}).blocks[0]
    assert "Test samples that also train" not in [row[0] for row in without.rows]  # type: ignore[union-attr]


def test_the_methods_say_what_was_tuned_and_which_seeds_ran(page: Page, make: Callable[..., Inputs]) -> None:
    assert "Tuning: none" in told(page, "methods")
    assert "Seeds: 0 and 1." in told(page, "methods")
    tuned = {"alpa": "pseudo", "pca": "labelled"}
    other = build_page(make(detectors=("alpa", "pca", "knn"), class_names=("a", "b"), seeds=(3,), tuned_on=tuned))
    text = told(other, "methods")
    assert "by pseudo-anomalies made from normal training images of the same class, before training" in text
    assert "by labelled images of other classes of the training split" in text
    assert "`knn` keeps the values" in text
    assert "Seed: 3." in text
    assert UNTUNED not in text


def test_departures_are_quoted_of_what_ran(page: Page, make: Callable[..., Inputs]) -> None:
    files = {row[0] for row in next(table for table in page.tables if table.name == "choices").rows}
    assert {"alpa.py", "ganomaly.py", "networks.py"} <= files
    few = build_page(make(detectors=("pca", "knn"), class_names=("a", "b"), seeds=(0,)))
    assert "alpa.py" not in {row[0] for row in next(table for table in few.tables if table.name == "choices").rows}
