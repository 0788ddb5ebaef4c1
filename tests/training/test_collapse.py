"""When a training counts as collapsed: a loss that has settled while what is made of images says nothing of them."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from alpa.errors import ModelError
from alpa.training.collapse import ALIKE, HISTORY_ROWS, require_informative

RNG = np.random.default_rng(0)
IMAGES = RNG.random((50, 1, 4, 4), np.float32)
TRIVIAL = float(IMAGES.var(axis=0, ddof=1).mean())
MEAN = np.broadcast_to(IMAGES.mean(0), IMAGES.shape)
STEPS = np.arange(1, HISTORY_ROWS + 1)
SETTLED = 1.2 * TRIVIAL + 0.1 * TRIVIAL * RNG.normal(size=HISTORY_ROWS)


def judge(
    losses: np.ndarray = SETTLED,
    made: np.ndarray = MEAN,
    images: np.ndarray = IMAGES,
    opposed: bool = False,
    every: int = 5,
) -> None:
    history = [{"step": every * step, "error": loss} for step, loss in zip(STEPS, losses, strict=False)]
    detector: Any = SimpleNamespace(key="toy", history=history)
    require_informative(detector, "error", made, images, opposed)


def test_a_settled_loss_of_what_says_nothing_of_its_image_stops_the_training() -> None:
    level = SETTLED[-10:].mean()
    with pytest.raises(ModelError) as error:
        judge()
    assert str(error.value) == (
        f"The error loss of toy has stopped at {level:.3g} by step 200: what is made of an image is no nearer to it "
        "than the mean of all that is made; take more steps, or another learning rate."
    )


def test_so_does_one_that_an_opponent_kept_above_the_error_of_the_mean_image() -> None:
    with pytest.raises(ModelError, match=r"never below the error of the mean image: the perturbation wins; lower "):
        judge(opposed=True)
    with pytest.raises(ModelError):
        judge(np.concatenate([5 * SETTLED[:20], SETTLED[20:]]), opposed=True)


def test_an_opponent_that_is_ahead_at_the_end_alone_stops_nothing() -> None:
    judge(np.concatenate([SETTLED[:10], SETTLED[10:20] / 2, SETTLED[20:]]), opposed=True)


@pytest.mark.parametrize("slope", [0.3, 0.05])
def test_a_loss_that_still_falls_stops_nothing(slope: float) -> None:
    judge(TRIVIAL * (3 - slope * STEPS / HISTORY_ROWS + 0.002 * RNG.normal(size=HISTORY_ROWS)))


@pytest.mark.parametrize("share", [0.1, 1.0])
def test_what_is_a_little_nearer_to_its_image_than_the_mean_of_all_stops_nothing(share: float) -> None:
    judge(made=MEAN + share * (IMAGES - MEAN))


def test_what_is_as_far_off_as_the_mean_but_for_noise_stops_the_training() -> None:
    with pytest.raises(ModelError):
        judge(made=MEAN + 0.01 * RNG.normal(size=IMAGES.shape).astype(np.float32))


def test_a_training_of_fewer_steps_than_the_history_has_rows_is_not_judged() -> None:
    judge(SETTLED[:-1], every=1)
    with pytest.raises(ModelError):
        judge(every=1)


def test_images_that_are_all_alike_are_not_judged() -> None:
    scene = RNG.random((1, 1, 4, 4), np.float32)
    for spread, judged in ((0.5 * ALIKE**0.5, False), (2 * ALIKE**0.5, True)):
        noise = spread * scene.std() * RNG.normal(size=IMAGES.shape).astype(np.float32)
        made = np.broadcast_to(scene + 0 * noise, IMAGES.shape)
        if judged:
            with pytest.raises(ModelError):
                judge(made=made, images=scene + noise)
        else:
            judge(made=made, images=scene + noise)
