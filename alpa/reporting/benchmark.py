"""A benchmark's results to the sections of its report."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from alpa.config import VideoConfig
from alpa.data.splits import load_split
from alpa.evaluation.facts import current_facts
from alpa.evaluation.scores import ScoreTable, read_scores
from alpa.reporting import curves, figures, tables
from alpa.reporting.background import facts_section, published_section
from alpa.reporting.cells import Cell, Key, find_cells, histories
from alpa.reporting.clips import predictions_section, timelines_section
from alpa.reporting.cost import cost_section
from alpa.reporting.document import Page, Section, present
from alpa.reporting.gallery import extremes_section, reconstructions_section
from alpa.reporting.glossary import glossary
from alpa.reporting.latent_map import latents_section
from alpa.reporting.methods import deviations_section, methods_section
from alpa.reporting.models import load_models
from alpa.reporting.pairs import comparisons_section, pairs_section
from alpa.reporting.readings import readings_section
from alpa.reporting.results import Results, read_results
from alpa.reporting.studies import evidence_section, read_studies, searched_section
from alpa.reporting.wording import (
    FAMILY,
    METHOD,
    labelled_note,
    listed,
    name,
    percent,
    summary,
)


@dataclass(frozen=True)
class Inputs:
    """The folders that a report is made from, and how clips became samples; `test` and `train` are those of a split."""

    report: Path
    scores: Path
    models: Path
    test: Path
    tuning: Path
    video: VideoConfig = field(default_factory=VideoConfig)

    @property
    def train(self) -> Path:
        """The train split, of which a report reads what is in it, and no image."""
        return self.test.parent / "train"


def build_page(inputs: Inputs) -> Page:
    """Read a benchmark's results and build its report.

    Raises:
        AlpaError: a result table, a score table or the test split is missing or damaged.
    """
    results = read_results(inputs.report)
    score_tables = {detector: read_scores(inputs.scores / f"{detector}.parquet") for detector in results.detectors}
    cells, split = find_cells(inputs.models), load_split(inputs.test)
    studies = read_studies(inputs.tuning)
    models = load_models(cells, results.detectors, results.hardest, results.seeds[0])
    facts = current_facts(inputs.report)
    has_clips, video = results.has_clips, inputs.video
    sections = (
        _leaderboard(results),
        readings_section(results) if has_clips else None,
        _ablation(results),
        comparisons_section(results),
        pairs_section(results),
        None if has_clips else _per_class(results),
        timelines_section(results, score_tables, models, split, video) if has_clips else None,
        _curves(results, score_tables),
        predictions_section(results, score_tables, models, split, video)
        if has_clips
        else reconstructions_section(results, score_tables, models, split),
        None if has_clips else extremes_section(results, score_tables, split),
        None if has_clips else latents_section(results, score_tables, models, split),
        searched_section(studies) if studies else None,
        evidence_section(studies) if studies else None,
        _training(results, cells),
        published_section(results),
        methods_section(results, cells, models, studies, (inputs.train, split), video, facts),
        deviations_section(results),
        cost_section(results, facts),
        facts_section(facts),
    )
    title = f"{results.dataset_title}: {_lower(results.protocol_title)}"
    note = labelled_note(results.labelled)
    found = tuple(section.noted(note) for section in sections if section is not None)
    return Page(f"Benchmark {name(results.benchmark)}", title, summary(results), found, tuple(results.detectors))


def _leaderboard(results: Results) -> Section:
    text = "Each detector is ranked by the one score that its code declares, whatever the results."
    blocks = present(
        figures.leaderboard(results),
        tables.leaderboard(results),
        tables.every_score(results),
        glossary(tables.scores(results), results.has_clips),
    )
    return Section("leaderboard", "Leaderboard", (text,), blocks)


def _ablation(results: Results) -> Section:
    family = results.auroc().reindex([detector for detector in FAMILY if detector in results.detectors])
    shared = family.loc[:, family.count() > 1]
    paragraphs = []
    if shared.shape[1] > 1:
        by_score = (shared.max(axis=1) - shared.min(axis=1)).max()
        by_training = (shared.max() - shared.min()).max()
        paragraphs.append(
            f"{listed([name(detector) for detector in family.index])} share their networks. With the training kept, "
            f"the choice of the score moves the mean AUROC by up to {100 * by_score:.2f} points; with the score kept, "
            f"the training moves it by up to {100 * by_training:.2f}."
        )
    blocks = present(figures.ablation(results), tables.ablation(results))
    return Section("ablation", "The training or the score?", tuple(paragraphs), blocks)


def _per_class(results: Results) -> Section:
    median, hardest, easiest = results.by_class.median(), results.hardest, results.easiest
    text = (
        f"By the median over the detectors, {name(hardest)} is the hardest class ({percent(median[hardest])} %) and "
        f"{name(easiest)} the easiest ({percent(median[easiest])} %)."
    )
    paragraphs = (text,) if hardest != easiest else ()
    return Section("classes", "Class by class", paragraphs, (figures.per_class(results), tables.per_class(results)))


def _curves(results: Results, score_tables: Mapping[str, ScoreTable]) -> Section:
    text = "Curves and histograms use the score that a detector is ranked by."
    pictures = (curves.roc(results, score_tables), curves.histograms(results, score_tables))
    return Section("curves", "Behind the AUROC", (text,), pictures)


def _training(results: Results, cells: dict[Key, Cell]) -> Section | None:
    chosen, seed = results.hardest, results.seeds[0]
    found = histories(cells, results.detectors, chosen, seed)
    picture = curves.training(found, chosen, seed)
    if picture is None:
        return None
    paragraphs = ["Each value is the mean since the one before. Detectors without steps have no curve."]
    if "perturbed" in found.get(METHOD, pd.DataFrame()):
        paragraphs.append(
            f"In {name(METHOD)} two players share the loss {name('perturbed')}: the distorter raises it, the "
            f"autoencoder lowers it, together with {name('reconstruction')}."
        )
    return Section("training", "Training", tuple(paragraphs), (picture,))


def _lower(title: str) -> str:
    return title[:1].lower() + title[1:]
