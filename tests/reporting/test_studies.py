"""The sections on tuning, from made-up studies: what they say, what they show, and what they must not leave unsaid."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from optuna.distributions import FloatDistribution, IntDistribution, distribution_to_json

from alpa.errors import StudyError
from alpa.evaluation.evidence import Evidence, gather
from alpa.reporting.document import Page
from alpa.reporting.page import render_html, render_latex, render_markdown
from alpa.reporting.studies import Studies, read_studies, tuning_page
from alpa.tuning.finished import Finished, StudyRecord

CLASSES = ["4", "<script>alert(1)</script>"]
STRENGTH, LATENT = FloatDistribution(0.01, 1.0, log=True), IntDistribution(2, 16)
N_TRIALS = 10


def made_up(detector: str, objective: str = "pseudo", diverged: int | None = None) -> tuple[StudyRecord, pd.DataFrame]:
    """Return a study's record and its sweep: ten trials over strength and weight, the objective against the test."""
    rng = np.random.default_rng(0)
    space = {"strength": STRENGTH, "weight": FloatDistribution(0.25, 4.0, log=True), "latent": LATENT}
    if detector == "autoencoder":
        space = {"latent": LATENT}
    trials, rows = [], []
    for place in range(N_TRIALS):
        drawn = {"strength": rng.uniform(0.01, 1), "weight": rng.uniform(0.3, 4), "latent": int(rng.integers(2, 16))}
        values = {name: drawn[name] for name in space}
        measures = {"permuted": 0.7 + 0.02 * place, "labelled": 0.8, "test": 0.95 - 0.01 * place}
        state = "diverged" if place == diverged else "pruned" if place == 3 else "complete"
        trials.append(Finished(place, state, 0.0 if place == diverged else measures["permuted"], values, {}))
        rows += sweep_rows("trial", place, values.get("strength"), measures, lost=place == diverged)
    if detector != "autoencoder":
        for place, strength in enumerate(np.geomspace(0.01, 1, 8)):
            rows += sweep_rows(
                "curve", place, strength, {"permuted": 0.7, "labelled": 0.8, "test": 0.9 - 0.1 * strength}
            )
    settings = {
        "objective": objective, "steps": 40, "batch_size": 8, "classes": CLASSES, "pruner": "wilcoxon",
        "families": [["permuted"]] * 2, "untuned": trials[0].values,
    }  # fmt: skip
    record = StudyRecord(
        detector, {name: distribution_to_json(d) for name, d in space.items()}, settings, tuple(trials)
    )
    columns = ["kind", "place", "strength", "target_class", "measure", "auroc"]
    return record, pd.DataFrame(rows, columns=columns)


def sweep_rows(
    kind: str, place: int, strength: float | None, measures: dict[str, float], lost: bool = False
) -> list[tuple[object, ...]]:
    found = {"test": float("nan")} if lost else measures
    return [(kind, place, strength, name, measure, value) for name in CLASSES for measure, value in found.items()]


def written(folder: Path, evidence: Evidence) -> Path:
    folder.mkdir(parents=True)
    for name, table in vars(evidence).items():
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    return folder


def studies_of(folder: Path, *detectors: str, **changes: object) -> Studies:
    made = {name: made_up(name, **changes) for name in detectors}  # type: ignore[arg-type]
    found = {name: record for name, (record, _) in made.items()}
    sweeps = {name: sweep for name, (_, sweep) in made.items()}
    studies = read_studies(written(folder / "mnist/tuning", gather(found, sweeps)))
    assert studies is not None
    return studies


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    studies = studies_of(tmp_path_factory.mktemp("studies"), "alpa", "autoencoder")
    return tuning_page("mnist", "MNIST", studies)


def test_the_page_says_what_the_choice_bought_and_what_it_lost(page: Page) -> None:
    # Trial 9 is best by pseudo-anomalies and worst on test; trial 0 is untuned and best on test.
    said = "the chosen trial has 86.0 % on test, −9.00 points against the untuned values, and 9.00 below the best"
    assert page.summary[0].count(said) == 2
    assert "rank correlation between the objective and the test AUROC is −1.00" in page.sections[1].paragraphs[0]


def test_every_table_and_figure_is_there(page: Page) -> None:
    assert [table.name for table in page.tables] == ["studies", "regret", "correlations", "pruners"]
    assert [picture.name for picture in page.pictures] == [
        *(
            "tuning_history",
            "tuning_importance",
            "tuning_agreement",
            "tuning_strength",
            "tuning_slice",
            "tuning_contour",
        ),
    ]
    assert all(picture.inline.count("<path") > 5 and picture.caption for picture in page.pictures)
    assert all(render_latex(table) for table in page.tables)


def test_the_oracle_is_called_what_it_is(page: Page) -> None:
    regret = page.tables[1]
    assert sum(row[1] == "oracle: by test, an upper bound" for row in regret.rows) == 2
    assert "Nobody may claim the oracle." in regret.caption
    assert "Labelled: on images of other classes" in regret.caption


def test_the_budget_is_trials_times_steps(page: Page) -> None:
    row = dict(zip((column.title for column in page.tables[0].columns), page.tables[0].rows[0], strict=True))
    assert (row["Trials"], row["Pruned"], row["Steps"], row["Trials × steps"]) == ("10", "1", "40", "400")


def test_names_are_escaped(page: Page) -> None:
    html = render_html(page)
    assert "<script>alert(1)" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "two classes" in page.sections[0].paragraphs[0]
    assert render_markdown(page)


@pytest.mark.parametrize("objective", ["pseudo", "labelled"])
def test_every_table_says_whether_labelled_anomalies_were_used(tmp_path: Path, objective: str) -> None:
    page = tuning_page("mnist", "MNIST", studies_of(tmp_path, "alpa", objective=objective))
    note = "Tuned on labelled anomalies of the training split: alpa."
    assert {note in table.caption for table in page.tables} == {objective == "labelled"}
    assert ("without seeing an anomaly" in page.title) == (objective == "pseudo")
    assert ("labelled images of other classes" in page.sections[0].paragraphs[0]) == (objective == "labelled")


def test_a_trial_that_diverged_is_counted_and_breaks_no_figure(tmp_path: Path) -> None:
    page = tuning_page("mnist", "MNIST", studies_of(tmp_path, "alpa", "autoencoder", diverged=5))
    columns = [column.title for column in page.tables[0].columns]
    assert [row[columns.index("Diverged")] for row in page.tables[0].rows] == ["1", "1"]
    assert "nan" not in render_markdown(page)
    assert len(page.pictures) == 6


def test_a_study_of_two_trials_is_not_ranked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.reporting.test_studies.N_TRIALS", 2)
    page = tuning_page("mnist", "MNIST", studies_of(tmp_path, "alpa"))
    assert "`alpa` has too few different trials to rank." in page.sections[1].paragraphs[0]
    assert "nan" not in render_markdown(page)


def test_without_a_study_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert read_studies(written(tmp_path / "tuning", gather({"knn": StudyRecord("knn")}, {}))) is None


def test_a_missing_table_is_an_error_with_the_remedy(tmp_path: Path) -> None:
    folder = written(tmp_path / "mnist/tuning", gather({}, {}))
    (folder / "regret.csv").unlink()
    with pytest.raises(StudyError, match=r"regret\.csv is missing or damaged; run `dvc repro -f .*tuning@mnist`\.$"):
        read_studies(folder)
