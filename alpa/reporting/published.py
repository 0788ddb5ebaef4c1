"""Published AUROC in percent, from papers or repositories that quote them; for images without pretrained features."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from alpa.data.protocols import PROTOCOLS
from alpa.data.sources import SOURCES
from alpa.reporting.document import Column, Table
from alpa.reporting.results import Results
from alpa.reporting.wording import percent


@dataclass(frozen=True)
class Published:
    """One method on one data set; `per_class` in the data set's order of classes, empty for frames of clips.

    `reading` tells how scores of frames were put together over clips: a key of alpa.evaluation.readings, or `unknown`;
    it is empty for stills. `eer` is in percent, where the same source has one.
    """

    method: str
    mean: float
    reading: str
    eer: float | None
    per_class: tuple[float, ...]
    source: str
    differs: str


def published_for(dataset: str, protocol: str, classes: Sequence[str]) -> tuple[Published, ...]:
    """Return what was published on the same data set, protocol and classes; nothing if only some classes ran."""
    of_clips = protocol in PROTOCOLS and PROTOCOLS[protocol].make_splits is None
    known = dataset in SOURCES and (of_clips or list(SOURCES[dataset].class_names) == list(classes))
    text = files("alpa.reporting").joinpath("published.csv").read_text(encoding="utf-8")
    return tuple(
        Published(
            method=row["method"],
            mean=float(row["mean"]),
            reading=row["reading"],
            eer=float(row["eer"]) if row["eer"] else None,
            per_class=tuple(map(float, row["per_class"].split())),
            source=row["source"],
            differs=row["differs"],
        )
        for row in csv.DictReader(text.splitlines())
        if known and (row["dataset"], row["protocol"]) == (dataset, protocol)
    )


def published_table(results: Results, rows: Sequence[Published]) -> Table:
    """Published numbers and ours, best mean first."""
    ours = results.by_class
    entries: list[tuple[float, tuple[str, ...]]] = [
        (row.mean, (row.method, "published", f"{row.mean:.1f}", *(f"{value:.1f}" for value in row.per_class)))
        for row in rows
    ]
    for detector, row in results.primary.iterrows():
        cells = (
            str(detector),
            "this run",
            percent(row["auroc_mean"]),
            *(percent(value) for value in ours.loc[detector]),
        )
        entries.append((100 * row["auroc_mean"], cells))
    entries.sort(key=lambda entry: -entry[0])
    columns = (Column("Method", "detector"), Column("From", "text"), Column("Mean"), *map(Column, results.classes))
    caption = f"AUROC (%) on {results.dataset_title}, published numbers and this run."
    return Table("published", caption, columns, tuple(cells for _, cells in entries), sortable=True)


def sources_table(rows: Sequence[Published]) -> Table:
    """Where each published row comes from, and what differs from ours."""
    columns = (Column("Method", "text"), Column("Source", "text"), Column("What differs from ours", "text"))
    body = tuple(dict.fromkeys((row.method, row.source, row.differs) for row in rows))
    return Table("published_sources", "Where the published numbers come from.", columns, body)
