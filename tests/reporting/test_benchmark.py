import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alpa.config import TrainingConfig
from alpa.detectors import build_detector
from alpa.errors import ScoreError
from alpa.reporting import figures
from alpa.reporting.benchmark import Inputs, build_page
from alpa.reporting.cells import find_cells
from alpa.reporting.document import Page
from alpa.reporting.models import load_models, rebuild
from alpa.reporting.page import render_html
from alpa.reporting.results import read_results

ALL_SECTIONS = [
    "leaderboard",
    "ablation",
    "comparisons",
    "pairs",
    "classes",
    "curves",
    "reconstructions",
    "extremes",
    "training",
    "published",
    "methods",
    "deviations",
    "facts",
]


def keys(page: Page) -> list[str]:
    return [section.key for section in page.sections]


def table(page: Page, name: str) -> list[tuple[str, ...]]:
    return list(next(table for table in page.tables if table.name == name).rows)


def test_a_whole_benchmark_has_all_sections_in_order(page: Page) -> None:
    assert keys(page) == ALL_SECTIONS


def test_comparisons_are_seen_from_the_side_of_alpa(inputs: Inputs, page: Page) -> None:
    for other, score, own, others, difference, _, reading in table(page, "comparisons"):
        value = float(difference.replace("−", "-"))
        assert value == pytest.approx(float(own) - float(others), abs=0.11), (other, score)
        assert reading in ("alpa is better" if value > 0 else "alpa is worse", "no difference shown")


def test_the_best_printed_number_of_a_class_is_stressed(page: Page) -> None:
    per_class = next(table for table in page.tables if table.name == "per_class")
    for row, cells in enumerate(per_class.rows):
        best = max(float(cell) for cell in cells[1:])
        stressed = {column for line, column in per_class.best if line == row}
        assert stressed == {column for column in range(1, len(cells)) if float(cells[column]) == best}


def test_every_table_names_the_detectors_that_were_tuned_on_labelled_anomalies(
    page: Page, make: Callable[..., Inputs]
) -> None:
    note = "Tuned on labelled anomalies of the training split: autoencoder."
    labelled = build_page(make(class_names=("a", "b"), tuned_on={"autoencoder": "labelled", "alpa": "pseudo"}))
    assert all(table.caption.endswith(note) for table in labelled.tables)
    assert not any(note in table.caption for table in page.tables)


def test_counts_come_from_the_cells(page: Page) -> None:
    assert table(page, "counts")[0] == ("0", "5,400", "600", "12", "108")


def test_published_numbers_stand_beside_ours_on_the_same_classes_only(page: Page, make: Callable[..., Inputs]) -> None:
    kinds = [row[1] for row in table(page, "published")]
    assert kinds.count("published") == 5
    assert kinds.count("this run") == 6
    other = build_page(make(detectors=("knn",), class_names=("0", "1"), seeds=(0,)))
    assert "published" not in [table.name for table in other.tables]


def test_one_detector_with_one_seed_and_no_reconstruction_makes_a_report(make: Callable[..., Inputs]) -> None:
    page = build_page(make(detectors=("knn",), class_names=("a", "b"), seeds=(0,)))
    absent = {"comparisons", "pairs", "reconstructions", "training"}
    assert keys(page) == [key for key in ALL_SECTIONS if key not in absent]
    assert "SD seeds" not in [column.title for column in page.tables[0].columns]
    assert "stands alone" in page.summary[0]
    render_html(page)


def test_a_run_of_one_class_shows_that_class_once(make: Callable[..., Inputs]) -> None:
    page = build_page(make(detectors=("knn",), class_names=("a", "b"), seeds=(0,), targets=("b",)))
    assert [row[0] for row in table(page, "per_class")] == ["b", "mean"]
    histograms = next(picture for picture in page.pictures if picture.name == "histograms")
    assert histograms.inline.count("Normal class") == 1
    assert next(section for section in page.sections if section.key == "classes").paragraphs == ()


def test_without_models_only_what_needs_them_is_left_out(make: Callable[..., Inputs]) -> None:
    inputs = make(detectors=("autoencoder", "pca"), class_names=("a", "b"), seeds=(0,))
    shutil.rmtree(inputs.models)
    page = build_page(inputs)
    absent = {"comparisons", "reconstructions", "training"}
    assert keys(page) == [key for key in ALL_SECTIONS if key not in absent]
    assert len(table(page, "counts")[0]) == 3


def test_a_users_own_detector_has_a_row_a_colour_and_a_curve(make: Callable[..., Inputs]) -> None:
    page = build_page(make(detectors=("knn", "mine"), class_names=("a", "b"), seeds=(0,)))
    assert "mine" in [row[0] for row in page.tables[0].rows]
    assert re.search(r'style="background:#[0-9a-f]{6}"></i>mine', render_html(page))


def test_facts_are_shown_while_they_belong_to_the_numbers(make: Callable[..., Inputs]) -> None:
    inputs = make(detectors=("knn",), class_names=("a", "b"), seeds=(0,))
    digest = hashlib.sha256((inputs.report / "cells.csv").read_bytes()).hexdigest()
    facts = {"cells_sha256": digest, "commit": "c0ffee", "seconds": {"knn": 61.0}, "seeds": [0]}
    (inputs.report / "facts.json").write_text(json.dumps(facts))
    shown = {row[0]: row[1] for row in table(build_page(inputs), "facts")}
    assert shown["Evaluated at commit"] == "c0ffee"
    assert shown["Training time, summed over cells"] == "knn 1 min 01 s"
    (inputs.report / "facts.json").write_text(json.dumps(facts | {"cells_sha256": "other"}))
    section = build_page(inputs).sections[-1]
    assert section.blocks == ()
    assert "No record" in section.paragraphs[0]


@pytest.mark.parametrize("name", ["cells.csv", "leaderboard.csv", "comparisons.csv"])
def test_a_missing_or_damaged_result_table_is_named_with_the_remedy(make: Callable[..., Inputs], name: str) -> None:
    inputs = make(detectors=("pca", "knn"), class_names=("a", "b"), seeds=(0,))
    text = (inputs.report / name).read_text()
    (inputs.report / name).write_text(text.replace("score", "store", 1))
    with pytest.raises(
        ScoreError, match=rf"{name} has no column score; run `dvc repro pipeline/dvc.yaml:leaderboard@mnist`\."
    ):
        build_page(inputs)
    (inputs.report / name).unlink()
    with pytest.raises(ScoreError, match=rf"{name} does not exist"):
        build_page(inputs)


def test_classes_called_na_and_07_keep_their_names(make: Callable[..., Inputs]) -> None:
    page = build_page(make(detectors=("knn",), class_names=("NA", "07"), seeds=(0,)))
    assert [row[0] for row in table(page, "per_class")] == ["NA", "07", "mean"]


def test_reconstructions_come_from_the_saved_detector(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 1, 32, 32), dtype=np.uint8)
    folder = tmp_path / "pca" / "a-0"
    folder.mkdir(parents=True)
    detector = build_detector("pca", (1, 32, 32)).fit(images, TrainingConfig())
    detector.save(folder)
    (folder / "cell.json").write_text(json.dumps({"detector": "pca", "target_class": "a", "seed": 0}))
    rebuilt = rebuild(load_models(find_cells(tmp_path), ["pca", "knn"], "a", 0), images[:3])
    assert list(rebuilt) == ["pca"]
    assert np.allclose(rebuilt["pca"], detector.reconstruct(images[:3]), atol=1e-5)  # type: ignore[operator]


def test_a_detector_far_below_the_others_does_not_crowd_them(make: Callable[..., Inputs]) -> None:
    inputs = make(detectors=("autoencoder", "pca", "knn"), class_names=("a", "b"), seeds=(0,))
    table = pd.read_csv(inputs.report / "leaderboard.csv")
    table.loc[:, ["auroc_mean", "ci_low", "ci_high"]] = (0.99, 0.985, 0.995)
    table.loc[table["detector"] == "pca", ["auroc_mean", "ci_low", "ci_high"]] = (0.4, 0.3, 0.5)
    table.to_csv(inputs.report / "leaderboard.csv", index=False)
    results = read_results(inputs.report)
    picture = figures.leaderboard(results)
    labels = [float(text) for text in re.findall(r">([\d.]+)</text>", picture.inline)]
    assert 40.0 in labels  # the number is printed, the axis does not reach for it
    assert min(label for label in labels if label != 40.0) > 90
