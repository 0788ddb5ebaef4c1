"""The sections on what the numbers rest on: published results, the protocol and the data, the run itself."""

from pathlib import Path

from alpa.data.protocols import PROTOCOLS
from alpa.data.sources import SOURCES
from alpa.evaluation.facts import current_facts
from alpa.reporting import tables
from alpa.reporting.cells import Cell, Key, training_counts
from alpa.reporting.choices import choices
from alpa.reporting.document import Section, present
from alpa.reporting.provenance import facts_table
from alpa.reporting.published import published_for
from alpa.reporting.results import Results
from alpa.reporting.settings import settings_table


def published_section(results: Results) -> Section:
    """Published numbers on the same data and protocol, beside ours."""
    rows = published_for(results.dataset, results.protocol, results.classes)
    if not rows:
        text = "No published numbers are on record for this data set, protocol and choice of classes."
        return Section("published", "Published numbers", (text,))
    text = (
        "Same data set, same protocol, no pretrained features. The published numbers were taken from the papers or "
        "from papers and repositories that quote them, and were not run again here."
    )
    blocks = (tables.published(results, rows), tables.published_sources(rows))
    return Section("published", "Published numbers", (text,), blocks)


def protocol_section(results: Results, cells: dict[Key, Cell]) -> Section:
    """What was trained and tested on what, how the intervals were made, and our own choices."""
    known = PROTOCOLS.get(results.protocol)
    paragraphs = [f"{results.protocol_title}{f' ({known.source})' if known else ''}."]
    if results.dataset in SOURCES:
        paragraphs.append(f"Data: {SOURCES[results.dataset].citation}.")
    paragraphs += [
        "Training sees normal images of the training split only, and validation images are held out of these; the "
        "test split is read to score and to report. A cell is one detector, trained for one class with one seed.",
        "Intervals come from a paired hierarchical bootstrap over test images and, from three seeds on, over seeds; "
        "the classes are the benchmark and are not resampled.",
        "Early prototypes of this design were tried on the test splits of MNIST, Fashion-MNIST, CIFAR-10 and UCSD "
        "Ped2: what it considers at all was informed by them. The networks' normalisation, the latent's size and the "
        "scores that are combined were then chosen on the training split of MNIST alone, with one seed: held-out "
        "images of classes 2 and 8 against training images of the other classes (reports/choices.csv). The strength "
        "of the perturbations is not tuned: on class 2 the strengths tried from 0.05 to 0.2 came out alike.",
    ]
    counts = tables.counts(results, training_counts(cells, results.classes))
    blocks = present(counts, settings_table(cells, results.detectors), choices())
    return Section("protocol", "Protocol and data", tuple(paragraphs), blocks)


def facts_section(report: Path) -> Section:
    """Where the numbers come from, if that is on record."""
    table = facts_table(current_facts(report))
    text = "" if table else "No record of the run belongs to these numbers."
    return Section("facts", "Facts", (text,) if text else (), present(table))
