"""The sections that show test images: reconstructions, and the samples at the ends of the scores."""

from collections.abc import Mapping

import numpy as np

from alpa.data.splits import Split
from alpa.evaluation.scores import ScoreTable
from alpa.reporting import samples
from alpa.reporting.cells import Cell, Key, rebuild
from alpa.reporting.document import Section
from alpa.reporting.results import Results
from alpa.reporting.wording import METHOD, name

SHOWN_CLASSES = 10


def reconstructions_section(
    results: Results, score_tables: Mapping[str, ScoreTable], cells: dict[Key, Cell], split: Split
) -> Section | None:
    """What the detectors make of normal and of anomalous samples, None if no detector reconstructs."""
    chosen, seed = results.hardest, results.seeds[0]
    cell = score_tables[results.detectors[0]].cells()[chosen, seed]
    shown = samples.shown(split.image_shape[-1])
    rows = [
        evenly(cell["sample"].to_numpy()[cell["is_anomaly"] == flag], split.labels, shown) for flag in (False, True)
    ]
    rebuilt = rebuild(cells, results.detectors, chosen, seed, split.images[np.concatenate(rows)])
    if not rebuilt:
        return None
    picture = samples.reconstructions(split, (rows[0], rows[1]), rebuilt, chosen)
    text = f"The hardest class, {name(chosen)}, with seed {seed}, for every detector that reconstructs."
    return Section("reconstructions", "What the detectors reconstruct", (text,), (picture,))


def extremes_section(results: Results, score_tables: Mapping[str, ScoreTable], split: Split) -> Section:
    """The samples that the method, or else the leader, finds most normal and most anomalous, and its mistakes."""
    detector = METHOD if METHOD in results.detectors else results.detectors[0]
    cells, seed, score = score_tables[detector].cells(), results.seeds[0], results.score_of(detector)
    found = {target: cells[target, seed].sort_values([score, "sample"]) for target in results.classes[:SHOWN_CLASSES]}
    ends, mistakes = {}, {}
    shown = samples.shown(split.image_shape[-1])
    for target, cell in found.items():
        lowest, highest = cell.head(shown), cell[::-1].head(shown)
        ends[target] = [
            (lowest["sample"].tolist(), lowest["is_anomaly"].tolist()),
            (highest["sample"].tolist(), (~highest["is_anomaly"]).tolist()),
        ]
        alarms, misses = cell[~cell["is_anomaly"]][::-1], cell[cell["is_anomaly"]]
        mistakes[target] = [(rows["sample"].head(shown).tolist(), [False] * shown) for rows in (alarms, misses)]
    pictures = (
        samples.extremes(
            split,
            ends,
            ("most normal", "most anomalous"),
            "extremes",
            "The lowest and the highest scores of the test set. A frame marks a mistake: an anomaly on the left or a "
            "normal sample on the right.",
        ),
        samples.extremes(
            split,
            mistakes,
            ("normal, scored highest", "anomalous, scored lowest"),
            "mistakes",
            "Where the two are confused: the normal samples with the highest scores and the anomalies with the lowest.",
        ),
    )
    text = f"Test images as {name(detector)} sees them with seed {seed}, by {name(score)}; a row per class."
    return Section("extremes", "Most normal, most anomalous", (text,), pictures)


def evenly(candidates: np.ndarray, labels: np.ndarray, most: int) -> list[int]:
    """Return a few of the samples at even distances, in order of their labels, so that many of these are shown."""
    ordered = candidates[np.argsort(labels[candidates], kind="stable")]
    count = min(most, len(ordered))
    return [int(ordered[(2 * place + 1) * len(ordered) // (2 * count)]) for place in range(count)]
