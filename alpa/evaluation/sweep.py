"""After the fact: what a study's trials, and a row of strengths, are worth on the test split. Only reports read it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from optuna.distributions import FloatDistribution
from sklearn.metrics import roc_auc_score

from alpa.config import VideoConfig
from alpa.data.protocols import find_protocol, target_indices
from alpa.data.splits import Split
from alpa.data.stored import Images, select
from alpa.detectors.detector import Detector
from alpa.errors import ModelError
from alpa.evaluation.video import frame_scores
from alpa.runtime import Runtime
from alpa.training.cells import Cell, Files, with_facts
from alpa.training.workers import run_in_workers
from alpa.tuning.finished import Aurocs, Finished
from alpa.tuning.objective import Probe, load_fitted, run_cell
from alpa.tuning.space import Space
from alpa.tuning.trials import Trials

CURVE = "strength"  # the parameter whose curve is drawn
TEST = "test"
COLUMNS = ["kind", "place", "strength", "target_class", "measure", "auroc"]
DECIMALS = 6
MOST_ANOMALIES = 2000  # of a class's test images; with more, settings would hardly be ranked better


@dataclass(frozen=True)
class Setting:
    """Values to measure: those of a trial, or a point of the curve over strength; and their place among their kind."""

    kind: Literal["trial", "curve"]
    place: int
    values: dict[str, Any]


@dataclass(frozen=True, eq=False)
class ImagesUnderTest:
    """The test images of one target class, uint8 (N, C, H, W), and which of them are anomalous, bool (N,)."""

    images: Images
    is_anomaly: NDArray[np.bool_]

    def scores(self, detector: Detector) -> NDArray[np.float32]:
        """Return the primary score of each, (N,)."""
        return detector.anomaly_scores(self.images)


@dataclass(frozen=True, eq=False)
class FramesUnderTest:
    """Rows of the test split of clips, (N,), and which of these frames are anomalous, bool (N,)."""

    split: Split
    rows: NDArray[np.int64]
    video: VideoConfig
    is_anomaly: NDArray[np.bool_]

    def scores(self, detector: Detector) -> NDArray[np.float32]:
        """Return the primary score of each, (N,)."""
        return frame_scores(detector, self.split, self.video)[detector.primary_score][self.rows]


UnderTest = ImagesUnderTest | FramesUnderTest


def of_trials(trials: Sequence[Finished]) -> list[Setting]:
    """Return the settings of a study's trials."""
    return [Setting("trial", trial.trial, trial.values) for trial in trials]


def of_curve(space: Space, untuned: dict[str, Any], points: int) -> list[Setting]:
    """Return so many strengths from end to end of the space, all else untuned; none where strength is not searched.

    >>> space = {"strength": FloatDistribution(0.01, 1.0, log=True)}
    >>> [setting.values for setting in of_curve(space, {"strength": 0.5, "weight": 2.0}, 3)]
    [{'strength': 0.01, 'weight': 2.0}, {'strength': 0.1, 'weight': 2.0}, {'strength': 1.0, 'weight': 2.0}]
    """
    searched = space.get(CURVE)
    if not isinstance(searched, FloatDistribution):
        return []
    spaced = np.geomspace if searched.log else np.linspace
    strengths = [float(f"{value:.4g}") for value in spaced(searched.low, searched.high, points)]
    return [Setting("curve", place, untuned | {CURVE: value}) for place, value in enumerate(strengths)]


def under_test(split: Split, target_class: str, seed: int, video: VideoConfig) -> UnderTest:
    """Return what a target class is tested on: all its normal images or frames, and a sample of the anomalous ones."""
    protocol, target = find_protocol(split.protocol), target_indices(split.class_names, target_class)
    rows = protocol.test_rows(split.labels, target, seed)
    normal = protocol.normal_mask(split.labels[rows], target)
    anomalous = np.random.default_rng(seed).permutation(rows[~normal])[:MOST_ANOMALIES]
    chosen = np.concatenate([rows[normal], np.sort(anomalous)])
    is_anomaly = np.arange(len(chosen)) >= normal.sum()
    if split.clips:
        return FramesUnderTest(split, chosen, video, is_anomaly)
    return ImagesUnderTest(select(split.images, chosen), is_anomaly)


def sweep(settings: Sequence[Setting], trials: Trials, tests: Sequence[UnderTest], title: str) -> pd.DataFrame:
    """Measure every setting on every class of the study: each family of its probe, and the test split.

    Args:
        settings: what to measure.
        trials: of the study; cells that its store lacks are fitted.
        tests: the test images, in the order of the trials' cells.
        title: names the run in the progress bar.

    Returns:
        A row per setting, class and measure, in order. Of a setting whose training or scores diverge on any class,
        there is a row per class, whose test AUROC is missing.
    """
    places, calls = [], {}  # trials with equal values share their cells, which are measured once
    for setting in settings:
        for cell, probe, test in zip(trials.with_values(setting.values), trials.probes, tests, strict=True):
            key = cell.key(trials.runtime)
            places.append((key, (setting.kind, setting.place, setting.values.get(CURVE), cell.target_class)))
            if key not in calls:
                calls[key] = (cell, key, trials.store.get(key), probe, test, trials.runtime)
    found: dict[str, Aurocs] = {}
    keys, pool = list(calls), trials.pool
    for index, (files, seconds, measured) in run_in_workers(measure_cell, list(calls.values()), pool, title):
        if files is not None:
            trials.store.put(keys[index], with_facts(files, trials.facts, seconds))
        found[keys[index]] = measured
    diverged = {place[:2] for key, place in places if not found[key]}
    rows = [
        (*place, name, round(auroc, DECIMALS))
        for key, place in places
        for name, auroc in ({TEST: math.nan} if place[:2] in diverged else found[key]).items()
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def measure_cell(
    cell: Cell, key: str, held: Files | None, probe: Probe, test: UnderTest, runtime: Runtime
) -> tuple[Files | None, float, Aurocs]:
    """Return the files and the seconds of a cell that was not held, and its AUROC by measure, none if it diverges."""
    try:
        files, seconds, measured = run_cell(cell, key, held, probe, runtime)
        detector = load_fitted(cell, files, runtime)
        with runtime.limited_threads():
            scores = test.scores(detector)
    except ModelError:
        return None, 0.0, {}
    measured[TEST] = float(roc_auc_score(test.is_anomaly, scores))
    return None if held else files, seconds, measured
