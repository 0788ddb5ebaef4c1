"""The sections that show test images: reconstructions, and the samples at the ends of the scores."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from alpa.data.splits import Split
from alpa.evaluation.scores import ScoreTable
from alpa.reporting import samples
from alpa.reporting.contact_sheet import most_in_block
from alpa.reporting.document import Picture, Section
from alpa.reporting.models import Loaded, distorted, rebuild
from alpa.reporting.results import Results
from alpa.reporting.wording import METHOD, name

SHOWN_CLASSES = 10


def reconstructions_section(
    results: Results, score_tables: Mapping[str, ScoreTable], models: Loaded, split: Split
) -> Section | None:
    """What the detectors make of normal and of anomalous samples, None if no detector reconstructs."""
    chosen, seed = results.hardest, results.seeds[0]
    rows = some(score_tables[results.detectors[0]], chosen, seed, split, most_in_block(split.image_shape[-1]))
    images = split.images[np.concatenate(rows)]
    rebuilt = rebuild(models, images)
    if not rebuilt:
        return None
    picture = samples.reconstructions(split, rows, rebuilt, chosen)
    text = [f"The hardest class, {name(chosen)}, with seed {seed}, for every detector that reconstructs."]
    made = distorted(models[METHOD], images) if METHOD in models else None
    if made is None:
        return Section("reconstructions", "What the detectors reconstruct", tuple(text), (picture,))
    text.append(moved(made, len(rows[0]), "images"))
    what = f"Class {chosen}: the same samples"
    pictures = (picture, samples.distortions(images, len(rows[0]), made, what, of_frames=False))
    return Section("reconstructions", "What the detectors reconstruct", tuple(text), pictures)


def moved(made: tuple[NDArray[np.float32], NDArray[np.float32]], n_normal: int, noun: str) -> str:
    """Say how far the distorter moves pixels, given what is made by the clean and by the perturbed latent."""
    means = np.abs(made[1] - made[0]).reshape(len(made[0]), -1).mean(axis=1)
    normal, anomalous = (255 * part.mean() for part in np.split(means, [n_normal]))
    return (
        f"What the distorter changes: {name(METHOD)} decodes the same {noun} once more, with the learned perturbation "
        f"added to the latent. It moves a pixel by {_levels(normal)} of 255 grey levels on average in these normal "
        f"{noun}, and by {_levels(anomalous)} in the anomalous ones."
    )


def _levels(value: float) -> str:
    return f"{value:.1f}" if value >= 1 else f"{value:.1g}"


def extremes_section(results: Results, score_tables: Mapping[str, ScoreTable], split: Split) -> Section:
    """The samples that the method, or else the leader, finds most normal and most anomalous, its mistakes, and then
    the same ends for every detector in one class.
    """
    detector = METHOD if METHOD in results.detectors else results.detectors[0]
    cells, seed, score = score_tables[detector].cells(), results.seeds[0], results.score_of(detector)
    found = {target: cells[target, seed].sort_values([score, "sample"]) for target in results.classes[:SHOWN_CLASSES]}
    shown = most_in_block(split.image_shape[-1])
    ends = {target: _ends(cell, shown) for target, cell in found.items()}
    mistakes = {}
    for target, cell in found.items():
        alarms, misses = cell[~cell["is_anomaly"]][::-1], cell[cell["is_anomaly"]]
        mistakes[target] = [(rows["sample"].head(shown).tolist(), [False] * shown) for rows in (alarms, misses)]
    pictures = [
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
    ]
    text = [f"Test images as {name(detector)} sees them with seed {seed}, by {name(score)}; a row per class."]
    if len(results.detectors) > 1:
        pictures.append(_by_detector(results, score_tables, split, shown))
        text.append(f"Then every detector by its own score, of the hardest class, {name(results.hardest)}, alone.")
    return Section("extremes", "Most normal, most anomalous", tuple(text), tuple(pictures))


def _by_detector(results: Results, score_tables: Mapping[str, ScoreTable], split: Split, shown: int) -> Picture:
    ends = {}
    for detector in results.detectors:
        cell = score_tables[detector].cells()[results.hardest, results.seeds[0]]
        ends[detector] = _ends(cell.sort_values([results.score_of(detector), "sample"]), shown)
    caption = (
        f"{results.target} {results.hardest}, a row per detector, best first: the samples that it puts nearest to the "
        "normal ones and farthest from them. A frame marks a mistake: an anomaly on the left or a normal sample on the "
        "right."
    )
    return samples.extremes(split, ends, ("lowest scores", "highest scores"), "ends", caption)


def _ends(ordered: pd.DataFrame, shown: int) -> list[tuple[list[int], list[bool]]]:
    """Return the samples at both ends of a cell in the order of its scores, and whether each is a mistake there."""
    lowest, highest = ordered.head(shown), ordered[::-1].head(shown)
    return [
        (lowest["sample"].tolist(), lowest["is_anomaly"].tolist()),
        (highest["sample"].tolist(), (~highest["is_anomaly"]).tolist()),
    ]


def some(table: ScoreTable, target: str, seed: int, split: Split, most: int) -> tuple[list[int], list[int]]:
    """Return a few normal and a few anomalous test samples of a class, chosen by no score."""
    cell = table.cells()[target, seed]
    normal, anomalous = (cell["sample"].to_numpy()[cell["is_anomaly"] == flag] for flag in (False, True))
    return evenly(normal, split.labels, most), evenly(anomalous, split.labels, most)


def evenly(candidates: np.ndarray, labels: np.ndarray, most: int) -> list[int]:
    """Return a few of the samples at even distances, in order of their labels, so that many of these are shown."""
    ordered = candidates[np.argsort(labels[candidates], kind="stable")]
    count = min(most, len(ordered))
    return [int(ordered[(2 * place + 1) * len(ordered) // (2 * count)]) for place in range(count)]
