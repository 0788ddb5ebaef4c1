"""Leaks in fitting: a detector, its preparation or its calibration that saw an anomaly, or a held-out image."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from alpa.config import TrainingConfig
from alpa.data.preparation import Preparation
from alpa.data.protocols import PROTOCOLS
from alpa.data.raw import RawImages
from alpa.data.splits import make_splits
from alpa.detectors import DETECTORS
from alpa.detectors.detector import split_validation
from alpa.runtime import Runtime
from alpa.training.cells import Cell, fit_cell
from alpa.training.grid import normal_images as normals_of
from tests.detectors.conftest import SMALL
from tests.leaks.checks import Leak, Pixels, made_without

Build = Callable[..., Any]
MakeRaw = Callable[..., RawImages]

STILL = [key for key, protocol in PROTOCOLS.items() if protocol.make_splits is not None]
TRAINING = TrainingConfig(steps=3, batch_size=8, preparation="scaled")


def hidden_in(raw: RawImages, protocol: str) -> np.ndarray:
    """Return which of a data set's images no detector may see that is trained for cats: anomalies, and test images."""
    train, _ = PROTOCOLS[protocol].make_splits(raw, 0)
    normal = PROTOCOLS[protocol].normal_mask(raw.labels, [0])
    return ~(np.isin(np.arange(len(raw.labels)), train) & normal)


def model(raw: RawImages, protocol: str, detector: str, images: Pixels) -> bytes:
    """Return a detector's file after it was trained for cats on the images, as the stages do it."""
    train, _ = make_splits(replace(raw, images=images), protocol, 0)
    config = DETECTORS[detector].config_class(**SMALL.get(detector, {}))
    cell = Cell(detector, "cat", 0, config, TRAINING, normals_of(train, PROTOCOLS[protocol], "cat"))
    files, _ = fit_cell(cell, "key", Runtime())
    return files["model.safetensors"] + files["history.csv"]


def test_no_detector_nor_its_preparation_nor_its_calibration_sees_an_anomaly_or_a_test_image(
    key: str, make_raw: MakeRaw
) -> None:
    raw = make_raw(parts=True)
    made_without(lambda images: model(raw, "one_vs_rest", key, images), raw.images, hidden_in(raw, "one_vs_rest"))


@pytest.mark.parametrize("parts", [True, False])
@pytest.mark.parametrize("protocol", STILL)
def test_no_protocol_hands_an_anomaly_or_a_test_image_to_a_detector(
    protocol: str, parts: bool, make_raw: MakeRaw
) -> None:
    raw = make_raw(parts)
    made_without(lambda images: model(raw, protocol, "pca", images), raw.images, hidden_in(raw, protocol))


@pytest.mark.parametrize("saw", ["anomalies", "test images"])
def test_a_preparation_that_was_fitted_on_anomalies_or_test_images_is_found(saw: str, make_raw: MakeRaw) -> None:
    raw = make_raw(parts=True)
    images = (raw.images // 2 + 60).astype(np.uint8)  # the images that were looked at decide the range
    hidden = hidden_in(raw, "one_vs_rest")
    train, _ = PROTOCOLS["one_vs_rest"].make_splits(raw, 0)
    seen = train if saw == "anomalies" else np.flatnonzero(raw.labels == 0)
    images[hidden] = np.random.default_rng(1).integers(0, 256, images[hidden].shape)
    images[hidden, :, 0, 0] = 10

    def leaky(images: Pixels) -> bytes:
        preparation = Preparation("scaled")
        preparation.fit(torch.from_numpy(images[seen]))
        return str(preparation.state_dict()).encode()

    with pytest.raises(Leak, match="hidden"):
        made_without(leaky, images.clip(10, 200), hidden)


def test_a_protocol_that_calls_everything_normal_is_found(make_raw: MakeRaw, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = make_raw(parts=True)
    hidden = hidden_in(raw, "one_vs_rest")
    leaky = replace(PROTOCOLS["one_vs_rest"], normal_mask=lambda labels, target: np.ones(len(labels), bool))
    monkeypatch.setitem(PROTOCOLS, "one_vs_rest", leaky)
    with pytest.raises(Leak, match="hidden"):
        made_without(lambda images: model(raw, "one_vs_rest", "pca", images), raw.images, hidden)


def test_a_detector_that_reads_more_than_it_is_given_is_found(
    make_raw: MakeRaw, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = make_raw(parts=True)
    learn = DETECTORS["pca"].learn
    everything: list[Pixels] = []

    def greedy(self: Any, images: torch.Tensor, *others: Any) -> None:
        learn(self, torch.cat([images, torch.from_numpy(everything[-1])]), *others)

    def make(images: Pixels) -> bytes:
        everything.append(images)
        return model(raw, "one_vs_rest", "pca", images)

    monkeypatch.setattr(DETECTORS["pca"], "learn", greedy)
    with pytest.raises(Leak, match="hidden"):
        made_without(make, raw.images, hidden_in(raw, "one_vs_rest"))


def test_the_range_of_pixels_comes_from_the_fitted_normals_and_not_from_the_held_out_ones(
    key: str, build: Build, short: TrainingConfig, normal_images: Callable[..., Pixels]
) -> None:
    images = normal_images(32)
    fitted, validation = split_validation(32, short.validation_fraction, 0)
    images[validation, :, 0, 0] = 255
    images[fitted] = images[fitted].clip(10, 200)
    images[fitted[0], 0, :2, 0] = (10, 200)
    detector = build(key).fit(images, replace(short, preparation="scaled"))
    found = detector.preparation.lowest.item(), detector.preparation.highest.item()
    assert found == pytest.approx((10 / 255, 200 / 255))
