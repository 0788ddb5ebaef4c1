"""The sections on tuning: what was searched and chosen, and whether the objective was worth following."""

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from alpa.errors import StudyError
from alpa.reporting import study_figures as figures
from alpa.reporting.document import Column, Page, Section, Table, present
from alpa.reporting.wording import count, labelled_note, listed, name, percent, points

NONE = "–"
TABLES = ("studies", "trials", "curve", "regret", "correlations", "pruners", "importances")
OBJECTIVES = {
    "pseudo": "pseudo-anomalies made from normal training images of the same class",
    "labelled": "labelled images of other classes of the training split",
}
WAYS = {
    "untuned": "untuned",
    "pseudo": "by pseudo-anomalies",
    "labelled": "by labelled anomalies",
    "oracle": "oracle: by test, an upper bound",
}


@dataclass(frozen=True)
class Studies:
    """The tables in reports/<benchmark>/tuning/, each with the detector in its first column."""

    studies: pd.DataFrame
    trials: pd.DataFrame
    curve: pd.DataFrame
    regret: pd.DataFrame
    correlations: pd.DataFrame
    pruners: pd.DataFrame
    importances: pd.DataFrame

    @property
    def detectors(self) -> list[str]:
        """The detectors that have a study."""
        return list(self.studies["detector"])

    @property
    def labelled(self) -> list[str]:
        """Those whose values were chosen by labelled anomalies."""
        return list(self.studies.loc[self.studies["objective"] == "labelled", "detector"])

    def of(self, table: str, detector: str) -> pd.DataFrame:
        """Return a detector's rows of a table."""
        rows = getattr(self, table)
        return rows[rows["detector"] == detector]


def read_studies(folder: Path) -> Studies | None:
    """Read reports/<benchmark>/tuning/; None where no detector has a study.

    Raises:
        StudyError: a table is missing or damaged.
    """
    tables = {}
    for table in TABLES:
        try:
            tables[table] = pd.read_csv(folder / f"{table}.csv", dtype={"classes": str, "families": str, "space": str})
        except (OSError, ValueError):
            remedy = f"run `dvc repro -f pipeline/dvc.yaml:tuning@{folder.parent.name}`"
            raise StudyError(f"{folder / table}.csv is missing or damaged; {remedy}.") from None
    return Studies(**tables) if len(tables["studies"]) else None


def tuning_page(benchmark: str, dataset_title: str, studies: Studies) -> Page:
    """Return a page of its own for a benchmark's studies, which may be there before its results are."""
    title = f"{dataset_title}: tuning without seeing an anomaly"
    if studies.labelled:
        title = f"{dataset_title}: tuning"
    note = labelled_note(studies.labelled)
    sections = tuple(section.noted(note) for section in (searched_section(studies), evidence_section(studies)))
    return Page(f"Benchmark {name(benchmark)}", title, summary(studies), sections, tuple(studies.detectors))


def summary(studies: Studies) -> tuple[str, ...]:
    """Say for each detector what the study's choice bought on test, at the trials' training."""
    sentences = []
    for detector in studies.detectors:
        rows = studies.of("regret", detector).set_index("choice")
        own = str(studies.of("studies", detector)["objective"].iloc[0])
        if pd.isna(rows.loc[own, "test"]):
            sentences.append(f"{name(detector)}: the chosen trial diverges on test.")
            continue
        gain = rows.loc[own, "test"] - rows.loc["untuned", "test"] if "untuned" in rows.index else None
        bought = f", {points(gain)} points against the untuned values" if gain is not None else ""
        sentences.append(
            f"{name(detector)}: the chosen trial has {percent(rows.loc[own, 'test'])} % on test{bought}, and "
            f"{100 * rows.loc[own, 'regret']:.2f} below the best of all trials."
        )
    return (" ".join(sentences),)


def searched_section(studies: Studies) -> Section:
    """What was searched, how, and what came out."""
    first = studies.studies.iloc[0]
    classes, families = json.loads(first["classes"]), json.loads(first["families"])
    paragraphs = [
        f"Before training, values were chosen by studies (Optuna's TPE sampler) that see the training split alone. A "
        f"trial fits the detector on {count(len(classes), 'class', 'classes')} ({listed(classes)}) and is worth the "
        f"mean AUROC of held-out normal images against {OBJECTIVES[str(first['objective'])]}"
        + (f": {listed(families)}." if first["objective"] == "pseudo" else "."),
        "Where trials train shorter than the benchmark, their AUROC is lower, and a value that is best in a short "
        "training need not be best in a long one. The first trial has the untuned values; the values of a study are "
        "the same for all classes and seeds.",
    ]
    if studies.labelled:
        paragraphs.append(labelled_note(studies.labelled))
    blocks = present(
        _budget(studies), _regret(studies), figures.history(studies.trials), figures.importances(studies.importances)
    )
    return Section("tuning", "Tuning", tuple(paragraphs), blocks)


def evidence_section(studies: Studies) -> Section:
    """Whether the objective was worth following, by what all trials turned out to be worth on test."""
    paragraphs = [
        "All of this was computed after the fact, on all normal test images and a sample of the anomalous ones of the "
        "studies' classes; no value was chosen by it. "
        + " ".join(_rank_sentence(studies, detector) for detector in studies.detectors),
    ]
    autoencoder = studies.of("regret", "autoencoder").set_index("choice")["test"].to_dict()
    blocks = present(
        _correlations(studies),
        figures.agreement(studies.trials),
        figures.curve(studies.curve, autoencoder.get("untuned")),
        figures.slices(studies.trials),
        figures.contours(studies.trials),
        _pruners(studies),
    )
    return Section("objective", "Was the objective worth following?", tuple(paragraphs), blocks)


def _rank_sentence(studies: Studies, detector: str) -> str:
    row = studies.of("correlations", detector).set_index("measure").loc["objective"]
    if pd.isna(row["spearman"]):
        return f"{name(detector)} has too few trials of different worth to rank."
    return (
        f"Over {count(int(row['n']), 'different trial')} of {name(detector)} the rank correlation between the "
        f"objective and the test AUROC is {_signed(row['spearman'])}."
    )


def _signed(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−")


def _percent(value: float) -> str:
    return NONE if pd.isna(value) else percent(value)


def _lost(value: float) -> str:
    """Return what a choice loses, in points."""
    return NONE if pd.isna(value) else f"{100 * value:.2f}"


def _budget(studies: Studies) -> Table:
    columns = (
        Column("Detector", "detector"),
        Column("Trials"),
        Column("Pruned"),
        Column("Diverged"),
        Column("Steps"),
        Column("Trials × steps"),
        Column("Batch"),
        Column("Pruner", "text"),
        Column("Searched", "text"),
    )
    body = tuple(
        (
            str(row["detector"]),
            *(f"{row[column]:,}" for column in ("trials", "pruned", "diverged", "steps")),
            f"{row['trials'] * row['steps']:,}",
            f"{row['batch_size']:,}",
            str(row["pruner"]),
            str(row["space"]),
        )
        for _, row in studies.studies.iterrows()
    )
    caption = "The studies: how many trials, how each of their cells trained, and what was searched."
    return Table("studies", caption, columns, body)


def _regret(studies: Studies) -> Table:
    columns = [Column("Detector", "detector"), Column("Chosen", "text"), Column("Objective"), Column("Labelled")]
    columns += [Column("Test"), Column("Regret"), Column("Values", "text")]
    body = tuple(
        (
            str(row["detector"]),
            WAYS[str(row["choice"])],
            *(_percent(row[column]) for column in ("objective", "labelled", "test")),
            _lost(row["regret"]),
            str(row["values"]),
        )
        for _, row in studies.regret.iterrows()
    )
    caption = (
        "What each way to choose a trial gives, in mean AUROC (%) at the trials' short training, and its regret: what "
        "it loses on test to the best trial, in points. Nobody may claim the oracle. "
        "Labelled: on images of other classes of the training split."
    )
    return Table("regret", caption, tuple(columns), body)


def _correlations(studies: Studies) -> Table:
    measures = list(dict.fromkeys(studies.correlations["measure"]))
    columns = [Column("Measure", "text")]
    for detector in studies.detectors:
        columns += [Column(f"{detector}: correlation"), Column("regret")]
    body = []
    for measure in measures:
        row = [measure]
        for detector in studies.detectors:
            found = studies.of("correlations", detector).set_index("measure")
            known = measure in found.index and not pd.isna(found.loc[measure, "spearman"])
            row.append(_signed(found.loc[measure, "spearman"]) if known else NONE)
            row.append(f"{100 * found.loc[measure, 'regret']:.2f}" if measure in found.index else NONE)
        body.append(tuple(row))
    caption = (
        "Spearman's rank correlation over trials between each measure and the test AUROC, and the regret in points of "
        "choosing by that measure alone: the objective, each family, and labelled anomalies."
    )
    if "pseudo" in measures:
        caption += " Where these are the objective, pseudo is the mean over the families."
    return Table("correlations", caption, tuple(columns), tuple(body))


def _pruners(studies: Studies) -> Table:
    columns = [
        Column("Detector", "detector"),
        Column("Pruner", "text"),
        Column("Pruned"),
        Column("Classes trained (%)"),
    ]
    columns.append(Column("Missed"))
    body = tuple(
        (
            str(row["detector"]),
            str(row["pruner"]),
            f"{row['pruned']} of {row['n']}",
            percent(row["trained"]),
            f"{100 * row['missed']:.2f}",
        )
        for _, row in studies.pruners.iterrows()
    )
    caption = (
        "The same trials under each pruner, replayed: the share of classes that it would have trained, and the points "
        "of the objective that its choice would have missed."
    )
    return Table("pruners", caption, tuple(columns), body)
