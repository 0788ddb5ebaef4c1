"""A training that collapses stops with its reason; a short or a hard one does not."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from alpa.config import TrainingConfig
from alpa.detectors import DETECTORS
from alpa.detectors.detector import Detector
from alpa.errors import ModelError
from alpa.runtime import Runtime
from alpa.training.cells import Cell, fit_cell
from alpa.training.collapse import HISTORY_ROWS

Build = Callable[..., Any]
Images = Callable[..., np.ndarray]

LEARNED = [key for key, cls in DETECTORS.items() if cls.train_step is not Detector.train_step]
LONG = TrainingConfig(steps=80, batch_size=16, learning_rate=5e-3)


def reason(detector: Detector, images: np.ndarray, training: TrainingConfig) -> str:
    with pytest.raises(ModelError) as error:
        detector.fit(images, training)
    assert not detector.fitted or detector.history, "it was stopped in training or after"
    assert "\n" not in str(error.value)
    return str(error.value)


def freeze(detector: Detector) -> None:
    detector.distorter.requires_grad_(False)


def cut_off(detector: Detector) -> None:
    perturbation = detector.perturbation
    detector.perturbation = lambda given: perturbation(given).detach()


def forget(detector: Detector) -> None:
    detector.oppose = lambda: [parameter.grad.zero_() for parameter in detector.distorter.parameters()]


def leave_as_it_is(detector: Detector) -> None:
    pass


@pytest.mark.parametrize(
    ("spoil", "settings"),
    [
        (freeze, {}),
        (cut_off, {}),
        (forget, {}),  # weight decay moves its weights all the same
        (leave_as_it_is, {"strength": 1e-8}),
        (leave_as_it_is, {"strength": 1e-8, "bound": "box"}),
        (leave_as_it_is, {"weight": 1e-8}),
        (leave_as_it_is, {"distorter_every": 7}),  # of six steps
    ],
    ids=["frozen", "cut off", "gradient zero", "tiny strength", "tiny box", "tiny weight", "no turn"],
)
def test_a_distorter_that_learns_nothing_is_named(
    spoil: Callable[[Detector], None],
    settings: dict[str, Any],
    build: Build,
    short: TrainingConfig,
    normal_images: Images,
) -> None:
    detector = build("alpa", **settings)
    spoil(detector)
    assert reason(detector, normal_images(32), short) == (
        "The distorter of alpa learned nothing by step 6: its gradient was zero or tiny; take more steps, or raise the "
        "strength or the weight of its loss."
    )


@pytest.mark.parametrize(
    ("key", "player"), [("autoencoder", "encoder"), ("denoising", "decoder"), ("ganomaly", "discriminator")]
)
def test_any_player_that_learns_nothing_is_named(
    key: str, player: str, build: Build, short: TrainingConfig, normal_images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = build(key)
    if key == "ganomaly":
        monkeypatch.setattr("alpa.detectors.ganomaly._cross_entropy", lambda logits, target: 0.5 + 0 * logits.mean())
    else:
        getattr(detector, player).requires_grad_(False)
    assert f"The {player} of {key} learned nothing by step 6" in reason(detector, normal_images(32), short)


def test_an_optimiser_of_another_kind_is_judged_by_the_weights(
    build: Build, short: TrainingConfig, normal_images: Images
) -> None:
    def with_plain_descent(rate: float) -> Detector:
        detector = build("autoencoder")
        begin = detector.begin

        def begun(training: TrainingConfig) -> None:
            begin(training)
            detector.optimiser = torch.optim.SGD(detector.parameters(), lr=rate)
            detector.schedule = torch.optim.lr_scheduler.ConstantLR(detector.optimiser, factor=1)

        detector.begin = begun
        return detector

    assert "learned nothing" in reason(with_plain_descent(0.0), normal_images(32), short)
    assert with_plain_descent(0.01).fit(normal_images(32), short).fitted


@pytest.mark.parametrize("key", ["alpa", "denoising"])
def test_a_perturbation_that_wins_for_ever_stops_the_training(key: str, build: Build, normal_images: Images) -> None:
    text = reason(build(key, strength=1e4), normal_images(64), replace(LONG, steps=240))
    assert text.startswith(f"The perturbed loss of {key} has stopped at ")
    assert text.endswith(
        "by step 240, never below the error of the mean image: the perturbation wins; lower its strength."
    )


@pytest.mark.parametrize("key", ["alpa", "autoencoder", "denoising"])
def test_a_reconstruction_that_says_nothing_of_its_image_stops_the_training(
    key: str, build: Build, normal_images: Images
) -> None:
    text = reason(build(key), normal_images(64), replace(LONG, learning_rate=100.0))
    assert text.startswith(f"The reconstruction loss of {key} has stopped at ")
    assert text.endswith(
        "no nearer to it than the mean of all that is made; take more steps, or another learning rate."
    )


def test_a_generator_that_says_nothing_of_its_image_stops_the_training(build: Build, normal_images: Images) -> None:
    text = reason(build("ganomaly", minimum_steps=80, learning_rate=10.0), normal_images(64), LONG)
    assert text.startswith("The contextual loss of ganomaly has stopped at ")


def test_a_discriminator_that_starts_anew_for_ever_stops_the_training(
    build: Build, normal_images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alpa.detectors.ganomaly._cross_entropy", lambda logits, target: 1e-6 * logits.square().mean())
    monkeypatch.setattr("alpa.detectors.ganomaly.LOOK_EVERY", 3)
    assert reason(build("ganomaly", minimum_steps=60), normal_images(32), LONG) == (
        "The discriminator of ganomaly won in each of 10 lives of 3 steps by step 30, so the generator learns nothing "
        "of it; lower the learning rate, or raise adversarial_weight."
    )


def test_restarts_that_are_not_one_after_the_other_stop_nothing(
    build: Build, short: TrainingConfig, normal_images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alpa.detectors.ganomaly.LOOK_EVERY", 1)
    detector = build("ganomaly")
    detector.begin(short)
    for step in range(100):
        detector._restart_if_won(torch.tensor(1.0 if step % 10 == 9 else 1e-6))
    assert detector.restarts == 90


@pytest.mark.parametrize("key", LEARNED)
def test_a_primary_score_that_is_constant_on_held_out_normals_stops_the_training(
    key: str, build: Build, short: TrainingConfig, normal_images: Images
) -> None:
    detector = build(key)
    detector.primary_score = "made_up"
    scored = detector.score_batch
    detector.score_batch = lambda images: scored(images) | {"made_up": torch.full((len(images),), 0.3)}
    text = reason(detector, normal_images(32), short)
    assert text.startswith(f"The made_up score of {key} is the same for all 3 validation images; ")


@pytest.mark.parametrize("key", ["pca", "knn"])
def test_what_is_fitted_in_closed_form_may_find_all_normal_images_perfect(
    key: str, build: Build, normal_images: Images
) -> None:
    images = np.tile(normal_images(2), (16, 1, 1, 1))
    scores = build(key, **({"components": 2} if key == "pca" else {})).fit(images).anomaly_scores(images)
    np.testing.assert_allclose(scores, 0, atol=1e-3)


@pytest.mark.parametrize("key", LEARNED)
@pytest.mark.parametrize("steps", [1, 5, 20, HISTORY_ROWS])
def test_a_short_training_is_no_collapse(
    key: str, steps: int, build: Build, normal_images: Images, anomalous_images: Images
) -> None:
    settings = {"minimum_steps": steps, "learning_rate": 2e-4} if key.startswith("ganomaly") else {}
    training = TrainingConfig(steps=steps, batch_size=8, learning_rate=2e-3)
    for images in (normal_images(16), anomalous_images(16)):  # of noise there is hardly anything to learn
        assert build(key, **settings).fit(images, training).fitted


def test_a_strong_perturbation_is_no_collapse(build: Build, normal_images: Images) -> None:
    strong = build("alpa", strength=1.0, weight=4.0, bound="box")
    assert strong.fit(normal_images(64), LONG).fitted


def test_the_reason_names_the_cell(normal_images: Images) -> None:
    config = DETECTORS["alpa"].config_class(width=4, latent=4, strength=1e-8)
    cell = Cell("alpa", "cat", 3, config, TrainingConfig(steps=6, batch_size=8), normal_images(16))
    with pytest.raises(
        ModelError, match=r"^alpa, class cat, seed 3: The distorter of alpa learned nothing by step 6: "
    ):
        fit_cell(cell, "key", Runtime())


def test_a_training_is_judged_by_fitted_images_alone(
    build: Build, short: TrainingConfig, normal_images: Images
) -> None:
    seen: list[np.ndarray] = []
    detector, images = build("autoencoder"), normal_images(300)
    detector._require_learned = seen.append
    detector.fit(images, short)
    _, validation = np.split(np.random.default_rng(0).permutation(300)[::-1], [270])
    held_out = {images[place].tobytes() for place in validation}
    assert len(seen[0]) == 90  # of 270 each third
    assert not held_out & {image.tobytes() for image in seen[0]}
