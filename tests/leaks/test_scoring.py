"""Leaks in scoring: batch statistics, scaling over the test set, the order of test images, memory, labels."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from alpa.config import TrainingConfig, VideoConfig
from alpa.data.preparation import Preparation
from alpa.data.splits import Split
from alpa.detectors import DETECTORS, build_detector
from alpa.detectors.detector import Detector
from alpa.evaluation.video import frame_scores
from alpa.runtime import Runtime
from alpa.training.cells import Cell, SavedCell, fit_cell
from pipeline.evaluate import score_cell
from tests.leaks.checks import (
    Leak,
    Pixels,
    Score,
    clips_scored_alone,
    scored_alone,
    scored_in_any_order,
    scored_without_memory,
)

Build = Callable[..., Any]

CHECKS = (scored_alone, scored_in_any_order, scored_without_memory)
NORMALISED = [key for key, cls in DETECTORS.items() if cls.train_step is not Detector.train_step]  # with batch norm


@pytest.mark.parametrize("preparation", ["unit", "scaled", "gcn"])
@pytest.mark.parametrize("check", CHECKS)
def test_no_detector_knows_which_images_it_scores_along_with_one(
    check: Callable[[Score, Pixels], None], key: str, preparation: str, trained: Build, prepared: Build, mixed: Pixels
) -> None:
    detector = trained(key) if preparation == "unit" else prepared(key, preparation)
    check(detector.scores, mixed)


def test_scoring_leaves_the_detector_as_it_was(key: str, trained: Build, mixed: Pixels) -> None:
    detector = trained(key)
    before = {name: value.clone() for name, value in detector.state_dict().items()}
    detector.scores(mixed)
    assert all(torch.equal(value, before[name]) for name, value in detector.state_dict().items())


@pytest.mark.parametrize("key", NORMALISED)
def test_batch_statistics_at_test_time_are_found(key: str, fit: Build, mixed: Pixels) -> None:
    detector = fit(key)
    with pytest.raises(Leak, match="depends on the images that were scored before"):
        scored_without_memory(lambda images: running_statistics(detector, images), mixed)
    detector.eval = detector.train
    with pytest.raises(Leak, match="depends on other images"):
        scored_alone(detector.scores, mixed)


def running_statistics(detector: Detector, images: Pixels) -> dict[str, np.ndarray]:
    """Score in evaluation mode, but first update the running statistics of batch norm, as test-time training does."""
    if len(images) > 1:
        detector.eval = detector.train
        detector.scores(images)
        del detector.eval
    return detector.scores(images)


def min_max(values: np.ndarray) -> np.ndarray:
    return (values - values.min()) / (np.ptp(values) or 1)


def standardised(values: np.ndarray) -> np.ndarray:
    return (values - values.mean()) / (values.std() or 1)


def ranked(values: np.ndarray) -> np.ndarray:
    return values.argsort().argsort() / len(values)


@pytest.mark.parametrize("scale", [min_max, standardised, ranked])
def test_scores_that_are_scaled_over_the_test_set_are_found(
    scale: Callable[[np.ndarray], np.ndarray], trained: Build, mixed: Pixels
) -> None:
    def score(images: Pixels) -> dict[str, np.ndarray]:
        return {name: scale(values) for name, values in trained("pca").scores(images).items()}

    with pytest.raises(Leak, match="depends on other images"):
        scored_alone(score, mixed)


def test_a_preparation_that_is_fitted_on_the_test_set_is_found(fit: Build, mixed: Pixels) -> None:
    detector = fit("pca")

    def score(images: Pixels) -> dict[str, np.ndarray]:
        detector.preparation = Preparation("scaled")
        detector.preparation.fit(torch.from_numpy(np.array(images)))
        return detector.scores(images)

    with pytest.raises(Leak, match="depends on other images"):
        scored_alone(score, mixed)


def test_scores_that_depend_on_the_order_of_test_images_are_found(trained: Build, mixed: Pixels) -> None:
    def score(images: Pixels) -> dict[str, np.ndarray]:
        values = trained("pca").anomaly_scores(images)
        return {"smoothed": np.convolve(values, [0.5, 0.5])[: len(values)]}

    with pytest.raises(Leak, match="depends on the order of images"):
        scored_in_any_order(score, mixed)


def test_a_highest_score_that_is_kept_from_call_to_call_is_found(trained: Build, mixed: Pixels) -> None:
    highest = [0.0]

    def score(images: Pixels) -> dict[str, np.ndarray]:
        values = trained("pca").anomaly_scores(images)
        highest[0] = max(highest[0], float(values.max()))
        return {"scaled": values / highest[0]}

    with pytest.raises(Leak, match="scored before"):
        scored_without_memory(score, mixed)


def as_split(images: Pixels, label: int, clip: np.ndarray | None = None) -> Split:
    """Return images of one label, or the frames of clips, as a test split."""
    n, names = len(images), () if clip is None else tuple(map(str, np.unique(clip)))
    facts: Any = {"class_names": ("cat", "dog"), "image_shape": images.shape[1:], "dataset": "toy", "part": "test"}
    facts |= {"protocol": "one_vs_rest", "digest": "", "targets": ("cat", "dog"), "clips": names}
    return Split(images, np.full(n, label), np.full(n, -1) if clip is None else clip, **facts)


@pytest.fixture
def stage_scores(key: str, normal_images: Build, tmp_path: Path) -> Callable[..., dict[str, np.ndarray]]:
    """Return what the evaluate stage writes of images, all of one label."""
    config = DETECTORS[key].config_class(**({"features": 4, "epochs": 1, "minimum_steps": 4} if "gan" in key else {}))
    cell = Cell(key, "cat", 0, config, TrainingConfig(steps=4, batch_size=8), normal_images(16))
    for name, content in fit_cell(cell, "key", Runtime())[0].items():
        (tmp_path / name).write_bytes(content)

    def scores(images: Pixels, label: int = 0) -> dict[str, np.ndarray]:
        saved, rows = SavedCell(tmp_path), np.arange(len(images))
        table = score_cell(saved, key, "cat", 0, as_split(images, label), rows, VideoConfig(), Runtime())
        return {str(name): table[name].to_numpy() for name in table.columns[5:]}

    return scores


def test_the_evaluate_stage_writes_scores_that_know_neither_the_other_images_nor_a_label(
    stage_scores: Callable[..., dict[str, np.ndarray]], mixed: Pixels
) -> None:
    for check in CHECKS:
        check(stage_scores, mixed)
    normal, anomalous = stage_scores(mixed), stage_scores(mixed, label=1)
    assert all(np.array_equal(values, anomalous[name]) for name, values in normal.items())


@pytest.mark.parametrize("form", ["prediction", "reconstruction"])
def test_a_clip_is_scored_alone_as_among_others_and_a_scaling_over_all_frames_is_found(form: str) -> None:
    rng, video = np.random.default_rng(0), VideoConfig(form=form, frames=3, window=16, stride=8, span=3)
    frames = (rng.integers(0, 256, (21, 1, 16, 24)) * rng.random((21, 1, 1, 1))).astype(np.uint8)
    windows = rng.integers(0, 256, (24, 3, 16, 16), dtype=np.uint8)
    predicted = 1 if form == "prediction" else 0
    detector = build_detector("autoencoder", (3, 16, 16), {"width": 4, "latent": 2}, 0, predicted)
    detector.fit(windows, TrainingConfig(steps=4, batch_size=8))

    def score(images: Pixels, clip: np.ndarray) -> dict[str, np.ndarray]:
        return frame_scores(detector, as_split(images, 0, clip), video)

    clip = np.repeat([0, 1, 2], [5, 9, 7])
    clips_scored_alone(score, frames, clip)
    with pytest.raises(Leak, match="depends on other clips"):
        clips_scored_alone(
            lambda *given: {name: min_max(values) for name, values in score(*given).items()}, frames, clip
        )
