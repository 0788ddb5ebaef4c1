"""Readings of the scores of frames: one detector, one set of scores, and the ways to make a number of several clips.

`micro` is one AUROC over all frames, scores as they are: what a fixed threshold would see. `per_clip` first maps each
clip's scores to 0..1 by their own lowest and highest, which takes the clip's future; most of the literature does so, as
in W. Liu, W. Luo, D. Lian and S. Gao, Future Frame Prediction for Anomaly Detection, CVPR 2018, arXiv:1712.09867.
`macro` is the mean of the AUROCs of those clips that have both kinds of frames, as in M.-I. Georgescu et al., Anomaly
Detection in Video via Self-Supervised and Multi-Task Learning, CVPR 2021, arXiv:2011.07491.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from alpa.evaluation.metrics import auroc, eer
from alpa.evaluation.result_tables import as_csv
from alpa.evaluation.scores import ScoreTable
from alpa.files import write_text

FILE = "readings.csv"
VALUES = ["micro", "per_clip", "macro", "eer"]
COUNTS = ["n_frames", "n_clips", "n_clips_with_both", "n_seeds"]
COLUMNS = ["detector", "score", "is_primary", "smoothing", *VALUES, *COUNTS]

Values = NDArray[np.float64]
Labels = NDArray[np.bool_]
Clips = NDArray[np.int64]


def build_readings(
    tables: Sequence[ScoreTable], classes: Sequence[str], seeds: Sequence[int], smoothing: float
) -> pd.DataFrame:
    """Return a row per detector and score, and one more of the smoothed scores, each the mean over seeds.

    Args:
        tables: one per detector, in the order of the rows.
        classes: the target classes that `build_leaderboard` was given.
        seeds: likewise the seeds.
        smoothing: the deviation in frames of the Gaussian that smooths scores over time; 0 for none.

    Returns:
        The columns of readings.csv; no rows where the samples are still images. `macro` is NaN if no clip has both
        kinds of frames.
    """
    return pd.DataFrame(_rows(tables, classes, seeds, smoothing), columns=COLUMNS)


def write_readings(folder: Path, readings: pd.DataFrame) -> None:
    """Write readings.csv; equal readings give equal bytes."""
    write_text(folder / FILE, as_csv(readings))


def per_clip(is_anomaly: Labels, scores: Values, group: Clips) -> float:
    """Return the AUROC over all frames after each clip's scores were mapped to 0..1; a constant clip becomes 0."""
    mapped = np.zeros(len(scores))
    for clip in np.unique(group):
        own = scores[group == clip]
        if own.max() > own.min():
            mapped[group == clip] = (own - own.min()) / (own.max() - own.min())
    return auroc(is_anomaly, mapped)


def macro(is_anomaly: Labels, scores: Values, group: Clips) -> float:
    """Return the mean AUROC of the clips that have both kinds of frames, NaN if none has."""
    found = [auroc(is_anomaly[group == clip], scores[group == clip]) for clip in with_both(is_anomaly, group)]
    return float(np.mean(found)) if found else float("nan")


def with_both(is_anomaly: Labels, group: Clips) -> list[int]:
    """Return the clips that have normal and anomalous frames."""
    return [int(clip) for clip in np.unique(group) if len(np.unique(is_anomaly[group == clip])) > 1]


def _rows(
    tables: Sequence[ScoreTable], classes: Sequence[str], seeds: Sequence[int], smoothing: float
) -> Iterator[dict[str, object]]:
    for table in tables:
        held = table.cells()
        cells = [held[name, seed] for name in classes for seed in seeds]
        if any((cell["group"] < 0).any() for cell in cells):
            return
        for score in sorted(table.score_names):
            for deviation in (0.0, smoothing) if smoothing else (0.0,):
                values = np.mean([_values(cell, score, deviation) for cell in cells], axis=0)
                yield {
                    "detector": table.info.detector,
                    "score": score,
                    "is_primary": score == table.info.primary_score,
                    "smoothing": float(deviation),
                    **dict(zip(VALUES, values, strict=True)),
                    "n_frames": len(cells[0]),
                    "n_clips": cells[0]["group"].nunique(),
                    "n_clips_with_both": len(with_both(*_labels(cells[0]))),
                    "n_seeds": len(seeds),
                }


def _values(cell: pd.DataFrame, score: str, deviation: float) -> tuple[float, float, float, float]:
    """Return the numbers of VALUES for one cell."""
    (is_anomaly, group), scores = _labels(cell), cell[score].to_numpy(np.float64)
    if deviation:
        from alpa.evaluation.video import smoothed  # which brings torch, and most benchmarks have no clips

        scores = smoothed(scores, group, deviation)
    return (
        auroc(is_anomaly, scores),
        per_clip(is_anomaly, scores, group),
        macro(is_anomaly, scores, group),
        eer(is_anomaly, scores),
    )


def _labels(cell: pd.DataFrame) -> tuple[Labels, Clips]:
    return cell["is_anomaly"].to_numpy(), cell["group"].to_numpy()
