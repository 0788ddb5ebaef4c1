"""The sections on tuning, from made-up studies: what they say, what they show, and what they must not leave unsaid."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from alpa.errors import StudyError
from alpa.evaluation.evidence import gather
from alpa.reporting import study_figures
from alpa.reporting.document import Page, Picture, Table
from alpa.reporting.page import render_html, render_latex, render_markdown
from alpa.reporting.studies import read_studies, tuning_page
from alpa.tuning.finished import StudyRecord
from tests.reporting.made_up import joined, made_up, studies_of, usual, written

FIGURES = ["tuning_history", "tuning_importance", "tuning_agreement", "tuning_strength", "tuning_slice"]
FIGURES += ["tuning_contour"]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return tuning_page("mnist", "MNIST", studies_of(tmp_path_factory.mktemp("studies"), "alpa", "autoencoder"))


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let figures be made and not be rendered, which takes the time."""

    def picture(figure: Any, name: str, alt: str, caption: str) -> Picture:
        return Picture(name, alt, caption, 1, "<svg></svg>", {f"{name}.svg": b""})

    monkeypatch.setattr(study_figures, "to_picture", picture)


def page_of(folder: Path, *detectors: str, **changes: Any) -> Page:
    return tuning_page("mnist", "MNIST", studies_of(folder, *detectors, **changes))


def cells(table: Table) -> list[dict[str, str]]:
    """Return a table's rows by the columns' titles."""
    return [dict(zip((column.title for column in table.columns), row, strict=True)) for row in table.rows]


def test_the_page_says_what_the_choice_bought_and_what_it_lost(page: Page) -> None:
    # Trial 9 is best by pseudo-anomalies and worst on test; trial 0 is untuned and best on test.
    said = "the chosen trial has 86.0 % on test, −9.00 points against the untuned values, and 9.00 below the best"
    assert page.summary[0].count(said) == 2
    assert page.sections[1].paragraphs[0].count("objective and the test AUROC is −1.00") == 2


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (0.95, "86.0 % on test, −9.00 points against the untuned values, and 9.00 below the best of all trials."),
        (0.872, "86.0 % on test, −1.20 points against the untuned values, and 1.20 below the best of all trials."),
        (0.40, "86.0 % on test, +46.00 points against the untuned values, and 0.00 below the best of all trials."),
        (0.86001, "86.0 % on test, 0.00 points against the untuned values, and 0.00 below the best of all trials."),
    ],
)
@pytest.mark.usefixtures("undrawn")
def test_whatever_the_choice_loses_is_said_in_words(tmp_path: Path, first: float, said: str) -> None:
    page = page_of(tmp_path, "alpa", worth=lambda place: usual(place) | {"test": 0.86 if place else first})
    assert page.summary == (f"`alpa`: the chosen trial has {said}",)


@pytest.mark.parametrize(
    ("tests", "said"),
    [
        ((0.5, 0.6, 0.7, 0.8), "objective and the test AUROC is 1.00."),
        ((0.6, 0.5, 0.8, 0.7), "objective and the test AUROC is 0.60."),
        ((0.7, 0.5, 0.8, 0.6), "objective and the test AUROC is 0.00."),
        ((0.7, 0.8, 0.5, 0.6), "objective and the test AUROC is −0.60."),
        ((0.5, 0.5, 0.5, 0.5), "`alpa` has too few trials of different worth to rank."),
        ((0.5, 0.6), "`alpa` has too few trials of different worth to rank."),
    ],
)
@pytest.mark.usefixtures("undrawn")
def test_whatever_the_correlation_is_it_is_said_in_words(tmp_path: Path, tests: tuple[float, ...], said: str) -> None:
    page = page_of(tmp_path, "alpa", trials=len(tests), worth=lambda place: usual(place) | {"test": tests[place]})
    assert page.sections[1].paragraphs[0].endswith(said)
    assert "nan" not in render_markdown(page)


@pytest.mark.usefixtures("undrawn")
def test_a_tiny_negative_correlation_is_zero_without_a_sign(tmp_path: Path) -> None:
    studies = studies_of(tmp_path, "alpa")
    page = tuning_page("mnist", "MNIST", replace(studies, correlations=studies.correlations.assign(spearman=-0.001)))
    assert page.sections[1].paragraphs[0].endswith("is 0.00.")
    assert {row["alpa: correlation"] for row in cells(page.tables[2])} == {"0.00"}


@pytest.mark.usefixtures("undrawn")
def test_without_a_trial_of_the_untuned_values_nothing_is_bought(tmp_path: Path) -> None:
    page = page_of(tmp_path, "alpa", untuned={"strength": 0.02, "weight": 1.0, "latent": 3})
    assert page.summary == ("`alpa`: the chosen trial has 86.0 % on test, and 9.00 below the best of all trials.",)
    assert [row["Chosen"] for row in cells(page.tables[1])] == [
        "by pseudo-anomalies", "by labelled anomalies", "oracle: by test, an upper bound",
    ]  # fmt: skip


@pytest.mark.usefixtures("undrawn")
def test_a_chosen_trial_that_diverges_on_test_is_said_to(tmp_path: Path) -> None:
    record, sweep = made_up("alpa")
    lost = (sweep["kind"] == "trial") & (sweep["place"] == 9)
    sweep = sweep[~lost | (sweep["measure"] == "test")]
    page = tuning_page(
        "mnist", "MNIST", joined(tmp_path, {"alpa": (record, sweep.assign(auroc=sweep["auroc"].mask(lost)))})
    )
    assert page.summary == ("`alpa`: the chosen trial diverges on test.",)
    chosen = cells(page.tables[1])[1]
    assert [chosen[title] for title in ("Objective", "Labelled", "Test", "Regret")] == ["–"] * 4
    assert "nan" not in render_markdown(page)


def test_every_table_and_figure_is_there(page: Page) -> None:
    assert [table.name for table in page.tables] == ["studies", "regret", "correlations", "pruners"]
    assert [picture.name for picture in page.pictures] == FIGURES
    assert all(picture.inline.count("<path") > 5 and picture.caption for picture in page.pictures)
    assert all(render_latex(table) for table in page.tables)


def test_the_untuned_autoencoder_is_the_curves_line_at_no_perturbation(page: Page) -> None:
    assert [picture.name for picture in page.pictures if "no perturbation" in picture.inline] == ["tuning_strength"]


def test_the_oracle_is_called_what_it_is(page: Page) -> None:
    regret = page.tables[1]
    assert sum(row[1] == "oracle: by test, an upper bound" for row in regret.rows) == 2
    assert "Nobody may claim the oracle." in regret.caption
    assert "Labelled: on images of other classes" in regret.caption


def test_the_regret_table_holds_each_choice_of_each_detector(page: Page) -> None:
    rows = cells(page.tables[1])
    assert [row["Detector"] for row in rows] == ["alpa"] * 4 + ["autoencoder"] * 4
    own = rows[5]
    assert [own[title] for title in ("Chosen", "Objective", "Labelled", "Test", "Regret")] == [
        "by pseudo-anomalies", "88.0", "80.0", "86.0", "9.00",
    ]  # fmt: skip
    assert own["Values"].startswith("latent ")


def test_correlations_stand_side_by_side_and_missing_ones_are_dashes(page: Page) -> None:
    rows = {row["Measure"]: row for row in cells(page.tables[2])}
    assert list(rows) == ["objective", "permuted", "labelled"]
    assert page.tables[2].rows[0] == ("objective", "−1.00", "9.00", "−1.00", "9.00")
    assert rows["labelled"]["alpa: correlation"] == "–", "labelled anomalies rank none of these trials"


def test_pruners_tell_what_they_would_have_trained_and_missed(page: Page) -> None:
    assert [row[:2] for row in page.tables[3].rows] == [
        (detector, pruner) for detector in ("alpa", "autoencoder") for pruner in ("wilcoxon", "paired_t", "none")
    ]
    assert cells(page.tables[3])[2] == {
        "Detector": "alpa", "Pruner": "none", "Pruned": "0 of 10", "Classes trained (%)": "100.0", "Missed": "0.00",
    }  # fmt: skip


def test_the_budget_is_trials_times_steps(page: Page) -> None:
    row = cells(page.tables[0])[0]
    assert (row["Trials"], row["Pruned"], row["Steps"], row["Trials × steps"]) == ("10", "1", "40", "400")
    assert row["Searched"].startswith("latent 2 to 16; strength 0.01 to 4, logarithmic")


def test_names_are_escaped(page: Page) -> None:
    html = render_html(page)
    assert "<script>alert(1)" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "two classes" in page.sections[0].paragraphs[0]
    assert "<script>" not in render_markdown(page)


def test_a_detector_named_like_a_script_is_escaped_in_tables_text_and_figures(tmp_path: Path) -> None:
    html = render_html(page_of(tmp_path, "<script>alert(2)</script>"))
    assert html.count("<script") == 1, "the page's own"
    assert html.count("&lt;script&gt;alert(2)&lt;/script&gt;") > 10


@pytest.mark.usefixtures("undrawn")
def test_names_of_classes_are_read_as_they_were_written(tmp_path: Path) -> None:
    names = ("T-shirt, or top", 'a "b" c', "7", "it's; it", "Ünder\\score", "null")
    page = page_of(tmp_path, "alpa", classes=names)
    assert f"six classes ({', '.join(names[:-1])} and {names[-1]})" in page.sections[0].paragraphs[0]


@pytest.mark.parametrize("objective", ["pseudo", "labelled"])
@pytest.mark.usefixtures("undrawn")
def test_every_table_says_whether_labelled_anomalies_were_used(tmp_path: Path, objective: str) -> None:
    page = page_of(tmp_path, "alpa", objective=objective)
    note = "Tuned on labelled anomalies of the training split: alpa."
    assert len(page.tables) == 4
    assert {table.caption.endswith(note) for table in page.tables} == {objective == "labelled"}
    assert {note in text for text in (render_html(page), render_markdown(page))} == {objective == "labelled"}
    assert ("without seeing an anomaly" in page.title) == (objective == "pseudo")
    said = page.sections[0].paragraphs
    assert ("labelled images of other classes" in said[0]) == (objective == "labelled")
    assert ("pseudo-anomalies made from" in said[0]) == (objective == "pseudo")
    assert (note in said) == (objective == "labelled")
    assert ("pseudo" in [row["Measure"] for row in cells(page.tables[2])]) == (objective == "labelled")
    assert ("pseudo is the mean over the families" in page.tables[2].caption) == (objective == "labelled")


@pytest.mark.usefixtures("undrawn")
def test_a_labelled_study_is_told_by_what_labels_chose(tmp_path: Path) -> None:
    worths = [(0.70, 0.80, 0.90), (0.60, 0.95, 0.93), (0.90, 0.70, 0.80)]  # pseudo, labelled, test
    keys = ("permuted", "labelled", "test")
    page = page_of(
        tmp_path, "alpa", objective="labelled", trials=3, worth=lambda n: dict(zip(keys, worths[n], strict=True))
    )
    assert page.summary[0].startswith("`alpa`: the chosen trial has 93.0 % on test, +3.00 points against the untuned")
    assert page.sections[1].paragraphs[0].endswith("objective and the test AUROC is 1.00.")
    rows = {row["Chosen"]: row for row in cells(page.tables[1])}
    assert (rows["by labelled anomalies"]["Objective"], rows["by labelled anomalies"]["Regret"]) == ("95.0", "0.00")
    assert rows["by pseudo-anomalies"]["Regret"] == "13.00"


@pytest.mark.usefixtures("undrawn")
def test_only_the_detectors_that_saw_labels_are_named(tmp_path: Path) -> None:
    made = {"alpa": made_up("alpa", objective="labelled"), "autoencoder": made_up("autoencoder")}
    page = tuning_page("mnist", "MNIST", joined(tmp_path, made))
    note = "Tuned on labelled anomalies of the training split: alpa."
    assert all(table.caption.endswith(note) for table in page.tables)
    assert page.title == "MNIST: tuning"


@pytest.mark.usefixtures("undrawn")
def test_a_trial_that_diverged_is_counted_and_breaks_no_figure(tmp_path: Path) -> None:
    page = page_of(tmp_path, "alpa", "autoencoder", diverged=3)
    assert [(row["Pruned"], row["Diverged"]) for row in cells(page.tables[0])] == [("0", "1")] * 2
    assert [row["Pruned"] for row in cells(page.tables[3])][2::3] == ["0 of 9", "0 of 9"]
    assert "nan" not in render_markdown(page)
    assert [picture.name for picture in page.pictures] == FIGURES


@pytest.mark.parametrize("detectors", [("alpa",), ("autoencoder",), ("alpa", "autoencoder")], ids=len)
@pytest.mark.usefixtures("undrawn")
def test_a_study_of_two_trials_is_not_ranked(tmp_path: Path, detectors: tuple[str, ...]) -> None:
    studies = studies_of(tmp_path, *detectors, trials=2)
    assert studies.importances.empty
    page = tuning_page("mnist", "MNIST", studies)
    for detector in detectors:
        assert f"`{detector}` has too few trials of different worth to rank." in page.sections[1].paragraphs[0]
    assert "nan" not in render_markdown(page)
    with_strength = ["tuning_strength", "tuning_slice"] if "alpa" in detectors else []
    assert [picture.name for picture in page.pictures] == ["tuning_history", "tuning_agreement", *with_strength]


@pytest.mark.usefixtures("undrawn")
def test_studies_of_detectors_with_other_parameters_share_the_tables(tmp_path: Path) -> None:
    page = page_of(tmp_path, "alpa", "denoising", "autoencoder")
    assert [row["Detector"] for row in cells(page.tables[0])] == ["alpa", "denoising", "autoencoder"]
    assert [len(table.rows) for table in page.tables] == [3, 12, 3, 9]
    assert page.summary[0].count("the chosen trial has") == 3
    assert page.detectors == ("alpa", "denoising", "autoencoder")


def test_without_a_study_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert read_studies(written(tmp_path / "tuning", gather({"knn": StudyRecord("knn")}, {}))) is None


@pytest.mark.parametrize(
    "damage", [Path.unlink, lambda path: path.write_bytes(b""), lambda path: path.write_bytes(b"\xff")]
)
def test_a_missing_or_damaged_table_is_an_error_with_the_remedy(tmp_path: Path, damage: Any) -> None:
    folder = written(tmp_path / "mnist/tuning", gather({}, {}))
    damage(folder / "regret.csv")
    with pytest.raises(StudyError, match=r"regret\.csv is missing or damaged; run `dvc repro -f .*tuning@mnist`\.$"):
        read_studies(folder)
