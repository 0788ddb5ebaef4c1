"""Synthetic score tables: one-vs-rest over labels 0, 1, 2 with scores that separate the classes a little."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from alpa.evaluation.scores import ScoreInfo, ScoreTable


def score_frame(
    classes: Sequence[str] = ("0", "1", "2"),
    seeds: Sequence[int] = (0, 1),
    scores: Sequence[str] = ("reconstruction", "latent"),
    n: int = 60,
    noise: int = 0,
    clip: int = 0,
) -> pd.DataFrame:
    """Return a valid score frame: sample i has label i mod 3; `clip` samples in a row form a clip (0: no clips)."""
    rng = np.random.default_rng(noise)
    cells = []
    for name in classes:
        for seed in seeds:
            is_anomaly = np.arange(n) % 3 != int(name)
            group = np.arange(n) // clip if clip else np.full(n, -1)
            cell = {
                "target_class": name,
                "seed": seed,
                "sample": np.arange(n),
                "group": group,
                "is_anomaly": is_anomaly,
            }
            for score in scores:
                cell[score] = (is_anomaly + rng.normal(size=n)).astype(np.float32)
            cells.append(pd.DataFrame(cell))
    return pd.concat(cells, ignore_index=True)


def score_info(detector: str = "alpa", primary_score: str = "latent") -> ScoreInfo:
    return ScoreInfo("toy", "toy_set", "one_vs_rest", detector, primary_score)


@pytest.fixture
def make_frame() -> Callable[..., pd.DataFrame]:
    return score_frame


@pytest.fixture
def make_info() -> Callable[..., ScoreInfo]:
    return score_info


@pytest.fixture
def make_table() -> Callable[..., ScoreTable]:
    """Return a factory of score tables that were never on disk."""

    def build(detector: str = "alpa", primary_score: str = "latent", **options: Any) -> ScoreTable:
        frame = score_frame(**options)
        names = tuple(frame.columns[5:])
        return ScoreTable(score_info(detector, primary_score), frame, names)

    return build
