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
from alpa.detectors.detector import Detector
from alpa.errors import ConfigError, ModelError

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
    detector = build(key)
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
    ("key", "shape"), [("autoencoder", (1, 28, 28)), ("alpa", (1, 4, 32)), ("ganomaly", (1, 64, 64))]
)
def test_images_of_a_size_that_the_network_cannot_take_are_an_error(key: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match=r"^[^\n]+\.$"):
        build_detector(key, shape)


def test_building_does_not_reseed_the_gpus(build: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[int] = []
    monkeypatch.setattr("torch.cuda.manual_seed_all", seeds.append)
    build("alpa")
    assert seeds == []
