"""Published AUROC in percent, without pretrained features, from papers or from repositories that quote them."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from alpa.data.sources import SOURCES


@dataclass(frozen=True)
class Published:
    """One method on one data set; `per_class` in the data set's order of classes."""

    method: str
    mean: float
    per_class: tuple[float, ...]
    source: str
    differs: str


def published_for(dataset: str, protocol: str, classes: Sequence[str]) -> tuple[Published, ...]:
    """Return what was published on the same data set, protocol and classes; nothing if only some classes ran."""
    known = dataset in SOURCES and list(SOURCES[dataset].class_names) == list(classes)
    text = files("alpa.reporting").joinpath("published.csv").read_text(encoding="utf-8")
    return tuple(
        Published(
            method=row["method"],
            mean=float(row["mean"]),
            per_class=tuple(map(float, row["per_class"].split())),
            source=row["source"],
            differs=row["differs"],
        )
        for row in csv.DictReader(text.splitlines())
        if known and (row["dataset"], row["protocol"]) == (dataset, protocol)
    )
