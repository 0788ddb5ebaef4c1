"""The sections on how the numbers came about, told by what ran: the methods, and where they depart from the paper."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from alpa.config import VideoConfig
from alpa.data.datasets import citation_of
from alpa.data.protocols import PROTOCOLS
from alpa.data.splits import Split
from alpa.reporting import tables
from alpa.reporting.cells import Cell, Key, training_counts
from alpa.reporting.choices import choices
from alpa.reporting.counts import clip_counts, clip_settings, preparations
from alpa.reporting.document import Column, Section, Table, present
from alpa.reporting.models import Loaded, parameter_counts
from alpa.reporting.provenance import devices, machines
from alpa.reporting.results import Results
from alpa.reporting.settings import NONE, settings_table
from alpa.reporting.studies import OBJECTIVES, Studies
from alpa.reporting.wording import count, listed, name

EARLY_CHOICES = (
    "Early prototypes of this design were tried on the test splits of MNIST, Fashion-MNIST, CIFAR-10 and UCSD Ped2: "
    "what it considers at all was informed by them. The networks' normalisation, the latent's size and the scores that "
    "are combined were then chosen on the training split of MNIST alone, with one seed: held-out images of classes 2 "
    "and 8 against training images of the other classes (reports/choices.csv). The untuned strength of the "
    "perturbations was not searched for: on class 2 the strengths tried from 0.05 to 0.2 came out alike."
)
VIDEO_CHOICES = (
    "The form for video was found with rough scripts on UCSD Ped2, with one seed (reports/choices_video.csv). The "
    "score `relative` and the span were chosen on two held-out training clips, against the same clips at twice "
    "their speed or with the frames of a cuboid in another order; but the scripts printed the AUROC of the test "
    "frames too, and the size of the frames was chosen by it. So the numbers on Ped2 are somewhat better than "
    "those on a scene that nobody has seen would be."
)


def methods_section(
    results: Results,
    cells: dict[Key, Cell],
    models: Loaded,
    studies: Studies | None,
    splits: tuple[Path, Split],
    video: VideoConfig,
    facts: Mapping[str, Any],
) -> Section:
    """What was trained on what, how, and how it was judged.

    Args:
        results: the benchmark's.
        cells: its trained cells, so far as they are there.
        models: the detectors of one class and seed, so far as they are there.
        studies: of its tuning, if there was any.
        splits: the folder of its train split, so far as it is there, and its test split.
        video: how clips became samples.
        facts: of the run, empty if none are on record.
    """
    train, test = splits
    known = PROTOCOLS.get(results.protocol)
    paragraphs = [f"Protocol: {results.protocol_title}{f' ({known.source})' if known else ''}."]
    paragraphs += [f"Split: {known.split}"] if known else []
    paragraphs += [
        f"Data: {results.dataset_title}. {citation_of(results.dataset)}.",
        *(clip_settings(video) if results.has_clips else ()),
        *(f"Preparation: {text}" for text in preparations(cells)),
        _seen(results),
        *_tuning(results, studies),
        _evaluation(results),
        _seeds(results),
        *_hardware(facts),
    ]
    trained = training_counts(cells, results.classes)
    counts = clip_counts(results, trained, train, test, video) if results.has_clips else tables.counts(results, trained)
    blocks = present(networks_table(results, models), settings_table(cells, results.detectors), counts)
    return Section("methods", "Methods", tuple(paragraphs), blocks)


def deviations_section(results: Results) -> Section:
    """Where the code departs from the papers or fills their gaps, so far as it ran, and how its choices were made."""
    text = "Each line is the comment that stands in the code, at the place in question."
    paragraphs = (text, EARLY_CHOICES, *((VIDEO_CHOICES,) if results.has_clips else ()))
    return Section("deviations", "Departures from the paper", paragraphs, present(choices(results.detectors)))


def networks_table(results: Results, models: Loaded) -> Table | None:
    """Return a row per detector with its networks and their trained parameters, None without models."""
    rows = []
    for detector, model in models.items():
        counts = parameter_counts(model)
        total = f"{sum(counts.values()):,}" if counts else NONE
        parts = ", ".join(f"{part} {number:,}" for part, number in counts.items()) or NONE
        rows.append((detector, results.score_of(detector), total, parts))
    columns = [Column("Detector", "detector"), Column("Ranked by", "text")]
    columns += [Column("Parameters"), Column("Of these", "text")]
    caption = (
        f"{results.dataset_title}: trained parameters of each detector's networks; {NONE}: it has no network, and is "
        "fitted in closed form or keeps the training samples."
    )
    return Table("networks", caption, tuple(columns), tuple(rows)) if rows else None


def _seen(results: Results) -> str:
    """Say what training saw and what the test split was read for."""
    seen = (
        "Training sees windows of the training clips only, all of them normal, and validation windows are held out of "
        "these by whole clips"
        if results.has_clips
        else "Training sees normal images of the training split only, and validation images are held out of these"
    )
    cell = (
        "one detector, trained with one seed"
        if results.has_clips
        else "one detector, trained for one class with one seed"
    )
    return (
        f"{seen}; the test split is read to score and to report. The number of steps is "
        f"fixed beforehand. A cell is {cell}."
    )


def _tuning(results: Results, studies: Studies | None) -> Iterator[str]:
    """Say which detectors had their values chosen, by what, and which keep theirs."""
    tuned = [detector for detector in results.detectors if results.primary.loc[detector, "tuned_on"] != "untuned"]
    kept = [name(detector) for detector in results.detectors if detector not in tuned]
    if not tuned:
        yield "Tuning: none; every detector has the values that were fixed beforehand."
        return
    parts = []
    for detector in tuned:
        objective = results.primary.loc[detector, "tuned_on"]
        row = studies.of("studies", detector) if studies else pd.DataFrame()
        trials = f", {count(int(row['trials'].iloc[0]), 'trial')}" if len(row) else ""
        parts.append((f"by {OBJECTIVES.get(objective, objective)}", f"{name(detector)}{trials}"))
    for objective in dict.fromkeys(objective for objective, _ in parts):
        own = "; ".join(text for each, text in parts if each == objective)
        yield f"Tuning: values were chosen {objective}, before training and without the test split ({own})."
    if kept:
        yield f"{listed(kept)} {'keeps' if len(kept) == 1 else 'keep'} the values that were fixed beforehand."


def _evaluation(results: Results) -> str:
    what = "all test frames" if results.has_clips else "each class's test images"
    drawn = (
        "whole test clips, since frames of a clip are alike, and, from three seeds on, over seeds"
        if results.has_clips
        else "test images and, from three seeds on, over seeds; the classes are the benchmark and are not resampled"
    )
    classes = "" if results.has_clips else f"{count(len(results.classes), 'class', 'classes')} and "
    return (
        f"Evaluation: the AUROC over {what}, by the one score that a detector's code declares, mean over {classes}"
        f"{count(len(results.seeds), 'seed')}. Intervals come from a paired hierarchical bootstrap over {drawn}."
    )


def _seeds(results: Results) -> str:
    seeds = [str(seed) for seed in results.seeds]
    return (
        f"{'Seed' if len(seeds) == 1 else 'Seeds'}: {listed(seeds)}. A seed decides a cell's initial weights, its "
        "validation samples and the order of its batches."
    )


def _hardware(facts: Mapping[str, Any]) -> Iterator[str]:
    found = [text for text in ("; ".join(machines(facts)), "; ".join(devices(facts))) if text]
    if found:
        yield f"Hardware: {', '.join(found)}. The facts below tell commit, versions and time."
