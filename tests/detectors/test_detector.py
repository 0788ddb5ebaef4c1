"""What the base class owes every detector beyond the contract of its scores."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from alpa.config import TrainingConfig
from alpa.detectors import DETECTORS, build_detector
from alpa.detectors.detector import Detector, split_validation
from alpa.errors import ConfigError, DataError, ModelError

FullDisk = Callable[[int], AbstractContextManager[None]]
LEARNED = [key for key, cls in DETECTORS.items() if cls.train_step is not Detector.train_step]


@pytest.mark.parametrize("key", LEARNED)
def test_scores_are_the_same_whatever_mode_a_user_left_the_detector_in(
    key: str, fit: Callable[..., Any], mixed: np.ndarray
) -> None:
    detector = fit(key)
    before = detector.anomaly_scores(mixed)
    assert detector.train().anomaly_scores(mixed).tobytes() == before.tobytes()


@pytest.mark.parametrize("key", LEARNED)
def test_a_parameter_that_the_last_step_broke_is_an_error(
    key: str, build: Callable[..., Any], short: TrainingConfig, normal_images: Callable[..., np.ndarray]
) -> None:
    detector = build(key, **({"pretraining": 0.0} if key == "deep_svdd" else {}))  # whose steps are not its own
    train_step, steps = detector.train_step, []

    def breaking(images: torch.Tensor) -> dict[str, torch.Tensor]:
        losses = train_step(images)
        steps.append(losses)
        if len(steps) == 6:
            with torch.no_grad():
                next(detector.parameters()).fill_(float("nan"))
        return losses

    detector.train_step = breaking
    with pytest.raises(ModelError, match=rf"of {key} is not finite after training"):
        detector.fit(normal_images(32), short)


def test_a_part_of_combined_that_cannot_tell_images_apart_is_an_error(
    build: Callable[..., Any], short: TrainingConfig, normal_images: Callable[..., np.ndarray]
) -> None:
    same = np.repeat(normal_images(1), 32, axis=0)
    with pytest.raises(
        ModelError, match=r"^The (latent|feature) score of autoencoder is the same for all 3 validation images; "
    ):
        build("autoencoder").fit(same, short)


def test_a_full_disk_is_an_os_error(fit: Callable[..., Any], tmp_path: Path, full_disk: FullDisk) -> None:
    detector = fit("autoencoder")
    with full_disk(1000), pytest.raises(OSError, match="File too large"):
        detector.save(tmp_path)


@pytest.mark.parametrize(
    ("key", "shape"),
    [
        ("autoencoder", (1, 28, 28)),
        ("alpa", (1, 4, 32)),
        ("denoising", (1, 72, 72)),
        ("ganomaly", (1, 48, 48)),
        ("ganomaly_tuned", (1, 32, 64)),
    ],
)
def test_images_of_a_size_that_the_network_cannot_take_are_an_error(key: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match=r"^[^\n]+\.$"):
        build_detector(key, shape)


@pytest.mark.parametrize(
    ("n", "fraction", "sizes", "held_out"),
    [
        (40, 0.1, [10, 10, 10, 10], 10),
        (40, 0.25, [10, 10, 10, 10], 10),
        (40, 0.45, [10, 10, 10, 10], 20),
        (40, 0.9, [10, 10, 10, 10], 30),
        (40, 0.5, [20, 20], 20),
        (6, 0.5, [1, 5], None),
        (30, 0.1, [30], 3),
    ],
)
def test_whole_clips_are_held_out_as_many_as_come_nearest_to_the_share_and_never_all(
    n: int, fraction: float, sizes: list[int], held_out: int | None
) -> None:
    groups = np.repeat(np.arange(len(sizes)), sizes)
    for seed in range(5):
        fitted, validation = split_validation(n, fraction, seed, groups)
        assert sorted([*fitted, *validation]) == list(range(n))
        assert len(fitted) > 0
        assert len(validation) > 0
        assert list(validation) == sorted(validation)
        if held_out is not None:
            assert len(validation) == held_out
        if len(sizes) > 1:
            assert not set(groups[fitted]) & set(groups[validation])


def test_of_clips_of_different_lengths_no_shorter_or_longer_row_of_them_comes_nearer_to_the_share() -> None:
    groups = np.repeat(np.arange(6), [3, 40, 7, 25, 11, 14])
    for seed in range(20):
        _, validation = split_validation(100, 0.2, seed, groups)
        order = np.random.default_rng(seed).permutation(6)
        held = [np.isin(groups, order[:number]).sum() for number in range(1, 6)]
        assert abs(len(validation) - 20) == min(abs(number - 20) for number in held)


def test_the_seed_decides_which_clips_are_held_out() -> None:
    groups = np.repeat(np.arange(8), 5)
    held = [tuple(split_validation(40, 0.1, seed, groups)[1]) for seed in range(8)]
    assert held[0] == tuple(split_validation(40, 0.1, 0, groups)[1])
    assert len(set(held)) > 1


def test_the_numbers_of_clips_may_have_gaps_and_come_in_any_order() -> None:
    groups = np.array([7, 7, 7, 2, 2, 2, 9, 9, 9])
    fitted, validation = split_validation(9, 0.3, 0, groups)
    assert len(set(groups[validation])) == 1
    assert len(fitted) == 6


def test_the_base_scores_windows_as_it_scores_them_one_by_one(
    fit: Callable[..., Any], anomalous_images: Callable[..., np.ndarray]
) -> None:
    frames = np.concatenate([anomalous_images(2), anomalous_images(2, seed=1)], axis=3)[:, :, :, :52]
    frames = np.concatenate([frames, frames[:, :, :8]], axis=2)  # 40 x 52
    for key in ("pca", "knn", "autoencoder"):
        detector = fit(key)
        maps = detector.window_scores(frames, 32, 16)
        assert {values.shape for values in maps.values()} == {(2, 2, 3)}
        for row, top in enumerate((0, 8)):
            for column, left in enumerate((0, 16, 20)):
                alone = detector.scores(frames[:, :, top : top + 32, left : left + 32])
                for name, values in alone.items():
                    np.testing.assert_allclose(maps[name][:, row, column], values, rtol=1e-3, err_msg=name)


def test_frames_smaller_than_a_window_or_of_other_channels_are_refused(fit: Callable[..., Any]) -> None:
    with pytest.raises(DataError, match=r"^Frames of 24 pixels a side do not hold windows of 32; "):
        fit("pca").window_scores(np.zeros((1, 1, 24, 40), np.uint8), 32, 16)
    with pytest.raises(DataError, match=r"^pca takes uint8 images of shape \(N, 1, 32, 32\), not "):
        fit("pca").window_scores(np.zeros((1, 3, 40, 40), np.uint8), 32, 16)


def test_building_does_not_reseed_the_gpus(build: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[int] = []
    monkeypatch.setattr("torch.cuda.manual_seed_all", seeds.append)
    build("alpa")
    assert seeds == []
