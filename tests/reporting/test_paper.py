from collections.abc import Callable
from pathlib import Path

import pytest

from alpa.errors import ScoreError
from alpa.reporting.benchmark import Inputs
from alpa.reporting.page import render_html, render_latex, render_markdown
from alpa.reporting.paper import build_paper


@pytest.fixture
def reports(make: Callable[..., Inputs]) -> Path:
    make(detectors=("alpa", "autoencoder", "knn"), class_names=("a", "b"), seeds=(0,))
    made = make(
        detectors=("alpa", "knn"), class_names=("a", "b"), seeds=(0, 1, 2), dataset="fashion_mnist", benchmark="fashion"
    )
    return made.report.parent


def test_the_paper_has_a_column_per_data_set_and_names_what_is_missing(reports: Path) -> None:
    page = build_paper(reports, ["mnist", "fashion", "cifar10"])
    table = page.tables[0]
    assert [column.title for column in table.columns] == ["Detector", "MNIST", "Fashion-MNIST"]
    assert dict((row[0], row[2]) for row in table.rows)["autoencoder"] == "–"
    assert "MNIST 2 classes × 1 seed, 24 test images; Fashion-MNIST 2 classes × 3 seeds" in table.caption
    assert page.summary[-1] == "Without results so far: `cifar10`."
    assert r"\times" in render_latex(table)


def test_every_number_of_the_paper_is_that_of_the_benchmark(reports: Path) -> None:
    page = build_paper(reports, ["mnist", "fashion"])
    html, markdown = render_html(page), render_markdown(page)
    for row in page.tables[0].rows:
        for cell in row[1:]:
            assert cell in html
            assert cell in markdown


def test_every_table_of_the_paper_names_what_was_tuned_on_labelled_anomalies(make: Callable[..., Inputs]) -> None:
    few = {"detectors": ("alpa", "knn"), "class_names": ("a", "b"), "seeds": (0,)}
    reports = make(**few).report.parent
    make(**few, benchmark="fashion", dataset="fashion_mnist", tuned_on={"alpa": "labelled", "knn": "pseudo"})
    page = build_paper(reports, ["mnist", "fashion"])
    note = "Fashion-MNIST: Tuned on labelled anomalies of the training split: alpa."
    assert page.tables
    assert all(table.caption.endswith(note) for table in page.tables)


def test_a_paper_without_results_is_an_error_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ScoreError, match=r"No benchmark .*; run `dvc repro pipeline/dvc.yaml:leaderboard@mnist`\."):
        build_paper(tmp_path, ["mnist"])
