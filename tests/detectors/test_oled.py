from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from alpa.config import TrainingConfig
from alpa.detectors import build_detector
from alpa.detectors.oled import cover

Build = Callable[..., Any]


@pytest.fixture
def batch(normal_images: Callable[..., np.ndarray]) -> Tensor:
    return torch.from_numpy(normal_images(16)) / 255


def players_that_move(detector: Any, batch: Tensor) -> set[str]:
    before = {name: value.detach().clone() for name, value in detector.named_parameters()}
    detector.train_step(batch)
    return {name.partition(".")[0] for name, new in detector.named_parameters() if not torch.equal(new, before[name])}


@pytest.mark.parametrize(("hidden", "places"), [(0.125, 128), (0.5, 512), (1e-6, 1)])
def test_the_mask_hides_its_share_of_every_image(hidden: float, places: int, build: Build, batch: Tensor) -> None:
    hiding = build("oled", hidden=hidden).hiding(batch)
    assert hiding.shape == (16, 1, 32, 32)
    assert set(hiding.unique().tolist()) == {0.0, 1.0}
    assert hiding.sum((1, 2, 3)).tolist() == [places] * 16


def test_what_is_hidden_is_grey_and_all_else_is_as_it_was(batch: Tensor) -> None:
    hidden = torch.zeros(16, 1, 32, 32)
    hidden[:, :, :4] = 1
    covered = cover(batch, hidden)
    torch.testing.assert_close(covered[:, :, :4], torch.full((16, 1, 4, 32), 0.5))
    assert torch.equal(covered[:, :, 4:], batch[:, :, 4:])


def test_the_mask_moves_at_every_third_step_and_the_autoencoder_at_each(
    build: Build, short: TrainingConfig, batch: Tensor
) -> None:
    detector = build("oled")
    detector.begin(short)
    autoencoder = {"encoder", "decoder"}
    moved = [players_that_move(detector, batch) for _ in range(6)]
    assert moved == 2 * [autoencoder | {"mask"}, autoencoder, autoencoder]


def test_the_mask_climbs_what_the_autoencoder_descends(build: Build, short: TrainingConfig, batch: Tensor) -> None:
    detector = build("oled")
    detector.begin(short)
    losses = detector.losses(batch)
    loss = losses["reconstruction"] + losses["masked"] + 12.5 * losses["context"]
    expected = torch.autograd.grad(-loss, list(detector.mask.parameters()), retain_graph=True)
    detector.total(losses).backward()
    detector.oppose()
    for parameter, gradient in zip(detector.mask.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


def test_the_losses_compare_both_reconstructions_with_the_whole_image(
    build: Build, short: TrainingConfig, batch: Tensor
) -> None:
    detector = build("oled").eval()
    detector.begin(short)
    losses = detector.losses(batch)
    with torch.no_grad():
        hidden = detector.hiding(batch)
        clean, filled = (detector.decode(*detector.encode(images)) for images in (batch, cover(batch, hidden)))
    torch.testing.assert_close(losses["reconstruction"], (clean - batch).square().mean())
    torch.testing.assert_close(losses["masked"], (filled - batch).square().mean())
    torch.testing.assert_close(losses["context"], ((filled - batch).abs() * hidden).mean())


def test_a_predictor_hides_the_same_places_of_all_frames_and_has_a_map_of_each_part(
    normal_images: Callable[..., np.ndarray], short: TrainingConfig
) -> None:
    cuboids = normal_images(16, 3)
    detector = build_detector("oled", (3, 32, 32), {"width": 4, "latent": 4}, predicted=1).fit(cuboids, short)
    assert detector.primary_score == "relative"
    maps = detector.window_scores(cuboids[:2], 32, 16)
    scores = detector.scores(cuboids[:2])
    for name in ("masked", "context", "combined"):
        np.testing.assert_allclose(maps[name][:, 0, 0], scores[name], rtol=1e-3, atol=1e-4, err_msg=name)
