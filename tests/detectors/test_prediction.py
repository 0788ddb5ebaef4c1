"""Detectors that predict a cuboid's last frame from those before it, and those that look at the cuboid as a whole."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from alpa.config import TrainingConfig
from alpa.detectors import DETECTORS, build_detector, load_detector
from alpa.detectors.detector import Detector
from alpa.detectors.reconstruction import ReconstructingDetector
from alpa.errors import ConfigError, DataError
from tests.detectors.conftest import SHORT, SMALL
from tests.pipeline.distance import Distance

Build = Callable[..., Any]
SHAPE = (5, 32, 32)
RECONSTRUCTING = [key for key, cls in DETECTORS.items() if issubclass(cls, ReconstructingDetector)]
PREDICTORS = [key for key in RECONSTRUCTING if DETECTORS[key].train_step is not Detector.train_step]
CONVOLUTIONAL = ["alpa", "autoencoder", "denoising"]


def moving(n: int, channels: int = 1, side: int = 32, seed: int = 0) -> np.ndarray:
    """Return normal cuboids: stripes that move by a pixel from frame to frame, uint8 (n, 5 * channels, side, side)."""
    random = np.random.default_rng(seed)
    phase = random.uniform(0, 2 * np.pi, (n, 1, 1, 1, 1))
    place = np.arange(side) - np.arange(5)[:, None, None, None]
    waves = 120 + 60 * np.sin(2 * np.pi * place / 16 + phase) + random.normal(0, 4, (n, 5, channels, side, side))
    return waves.clip(0, 255).astype(np.uint8).reshape(n, 5 * channels, side, side)


def jumping(n: int, seed: int = 0) -> np.ndarray:
    """Return anomalous cuboids: the last frame is that of a scene in which the stripes lie elsewhere."""
    cuboids = moving(n, seed=seed)
    cuboids[:, -1] = np.roll(cuboids[:, -1], 8, axis=-1)
    return cuboids


def build(key: str, seed: int = 0, shape: tuple[int, ...] = SHAPE, predicted: int = 1, **settings: Any) -> Any:
    return build_detector(key, shape, SMALL.get(key, {}) | settings, seed, predicted)


@cache
def fit(key: str, seed: int = 0, **settings: Any) -> Any:
    """Return a predictor after six steps; each is made once, so no test may change it."""
    return build(key, seed, **settings).fit(moving(32), SHORT)


@pytest.fixture(params=PREDICTORS)
def key(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def both() -> np.ndarray:
    return np.concatenate([moving(6, seed=1), jumping(6, seed=2)])


def test_what_is_predicted_never_depends_on_the_frame_that_it_is_compared_with(key: str, both: np.ndarray) -> None:
    other = both.copy()
    other[:, -1] = np.random.default_rng(0).integers(0, 256, other[:, -1].shape)
    first, second = fit(key).reconstruct(both), fit(key).reconstruct(other)
    assert first.shape == (12, 1, 32, 32)
    assert first.tobytes() == second.tobytes()
    scores, others = fit(key).scores(both), fit(key).scores(other)
    assert (scores["reconstruction"] != others["reconstruction"]).all()


def test_every_frame_before_it_changes_what_is_predicted(key: str, both: np.ndarray) -> None:
    made = fit(key).reconstruct(both)
    for frame in range(4):
        other = both.copy()
        other[:, frame] = 255 - other[:, frame]
        assert not np.array_equal(fit(key).reconstruct(other), made), frame


def test_the_reconstruction_score_is_the_error_of_the_predicted_frame(key: str, both: np.ndarray) -> None:
    expected = np.square(fit(key).reconstruct(both) - both[:, -1:] / 255).mean((1, 2, 3))
    np.testing.assert_allclose(fit(key).scores(both)["reconstruction"], expected, rtol=1e-3)


def test_scores_are_finite_and_one_for_each_cuboid(key: str, both: np.ndarray) -> None:
    scores = fit(key).scores(both)
    assert {DETECTORS[key].primary_score, "combined", "latent", "feature"} <= set(scores)
    for name, values in scores.items():
        assert (values.dtype, values.shape) == (np.float32, (12,)), name
        assert np.isfinite(values).all(), name


def test_a_scene_that_jumps_is_more_anomalous_than_one_that_moves_on() -> None:
    cuboids = np.concatenate([moving(20, seed=1), jumping(20, seed=2)])
    detector = build("autoencoder").fit(moving(64), TrainingConfig(steps=120, batch_size=16, learning_rate=5e-3))
    assert roc_auc_score(np.repeat([0, 1], 20), detector.scores(cuboids)["reconstruction"]) > 0.9


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(key: str, both: np.ndarray) -> None:
    first = fit(key).scores(both)
    again, other = build(key).fit(moving(32), SHORT).scores(both), fit(key, seed=1).scores(both)
    for name, values in first.items():
        assert values.tobytes() == again[name].tobytes(), name
        assert (values != other[name]).all(), name


def test_a_predictor_is_loaded_as_one_and_gives_the_same_bits(key: str, both: np.ndarray, tmp_path: Path) -> None:
    fit(key).save(tmp_path)
    loaded = load_detector(tmp_path, expected=key)
    assert (loaded.predicted, loaded.image_shape) == (1, SHAPE)
    for name, values in fit(key).scores(both).items():
        assert values.tobytes() == loaded.scores(both)[name].tobytes(), name


def test_a_score_does_not_depend_on_the_other_cuboids(
    key: str, both: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = fit(key).scores(both)
    monkeypatch.setattr("alpa.detectors.detector.SCORING_BATCH", 5)
    for name, values in fit(key).scores(both[::-1]).items():
        np.testing.assert_allclose(values[::-1], together[name], rtol=1e-3, atol=1e-5, err_msg=name)


def test_every_parameter_of_a_predictor_gets_a_gradient(key: str) -> None:
    detector = build(key)
    detector.begin(SHORT)
    detector.train_step(torch.from_numpy(moving(8)) / 255)
    for name, parameter in detector.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.ndim == 1 or parameter.grad.abs().max() > 0, name


def test_several_channels_are_one_frame_in_colour(key: str) -> None:
    cuboids = moving(8, channels=3)
    detector = build(key, shape=(15, 32, 32), predicted=3).fit(cuboids, SHORT)
    assert detector.reconstruct(cuboids).shape == (8, 3, 32, 32)
    other = cuboids.copy()
    other[:, -3:] = 0
    assert detector.reconstruct(other).tobytes() == detector.reconstruct(cuboids).tobytes()


@pytest.mark.parametrize("preparation", ["unit", "scaled"])
def test_predictions_are_pixels_however_they_are_prepared(preparation: str, both: np.ndarray) -> None:
    training = TrainingConfig(steps=60, batch_size=16, learning_rate=5e-3, preparation=preparation)
    detector = build("autoencoder").fit(moving(32), training)
    made = detector.reconstruct(both[:6])
    assert 0 <= made.min() <= made.max() <= 1
    assert np.abs(made - both[:6, -1:] / 255).mean() < 0.1


@pytest.mark.parametrize("other", ["alpa", "denoising"])
def test_strength_zero_is_the_predicting_autoencoder_bit_for_bit(other: str, both: np.ndarray) -> None:
    plain, still = fit("autoencoder"), fit(other, strength=0.0)
    assert still.history == plain.history
    assert list(still.state_dict()) == list(plain.state_dict())
    scores = still.scores(both)
    for name, values in plain.scores(both).items():
        assert values.tobytes() == scores[name].tobytes(), name
    assert list(scores) == ["reconstruction", "latent", "feature", "relative", "combined"]


def test_alpa_starts_with_the_predicting_autoencoders_weights() -> None:
    state = build("alpa", strength=0.5).state_dict()
    for name, value in build("autoencoder").state_dict().items():
        assert torch.equal(value, state[name]), name


@pytest.mark.parametrize("key", ["alpa", "denoising"])
def test_each_place_of_the_latent_has_a_perturbation_of_its_own_of_the_same_strength(key: str) -> None:
    detector = build(key, strength=0.3, latent=6)
    detector.begin(SHORT)
    delta = detector.perturbation(torch.from_numpy(moving(9)[:, :4]) / 255)
    assert delta.shape == (9, 6, 4, 4)
    torch.testing.assert_close(delta.square().mean(1).sqrt(), torch.full((9, 4, 4), 0.3))
    assert len(delta[0].flatten(1).unique(dim=1).T) == 16


def test_the_box_keeps_every_coordinate_of_every_place_below_strength() -> None:
    delta = build("alpa", bound="box", strength=0.3).perturbation(torch.from_numpy(moving(9)[:, :4]) / 255)
    assert delta.shape == (9, 4, 4, 4)
    assert (delta.abs() < 0.3).all()


def test_the_distorter_never_sees_the_frame_that_is_to_be_predicted() -> None:
    assert build("alpa").distorter.stages[0][0].in_channels == 4
    for key in CONVOLUTIONAL:
        assert build(key).encoder.stages[0][0].in_channels == 4


def test_running_statistics_of_a_predictor_are_those_of_the_unperturbed_one() -> None:
    batch = torch.from_numpy(moving(16)) / 255
    detectors = [build("autoencoder"), build("alpa", strength=2.0)]
    for detector in detectors:
        detector.begin(SHORT)
        detector.train_step(batch)
    plain, distorted = (dict(detector.named_buffers()) for detector in detectors)
    running = [name for name in plain if "running" in name]
    assert [name for name in running if name.startswith("decoder.norms")]
    for name in running:
        torch.testing.assert_close(distorted[name], plain[name])


def frames(height: int = 40, width: int = 52) -> np.ndarray:
    """Return whole frames, uint8 (3, 5, height, width)."""
    return moving(3, side=64, seed=4)[:, :, :height, :width].copy()


@pytest.mark.parametrize("key", CONVOLUTIONAL)
def test_windows_of_a_predictor_lie_at_a_quarter_of_the_stride(key: str) -> None:
    maps = fit(key).window_scores(frames(), 32, 16)
    assert set(maps) - {"perturbed"} == {"reconstruction", "latent", "feature", "relative", "combined"}
    for name, values in maps.items():
        assert values.shape == (3, 3, 6), name  # (40 - 32) / 4 + 1 and (52 - 32) / 4 + 1
        assert values.dtype == np.float32, name
        assert np.isfinite(values).all(), name


@pytest.mark.parametrize("key", CONVOLUTIONAL)
def test_a_frame_of_one_window_is_scored_as_a_sample(key: str, both: np.ndarray) -> None:
    samples = fit(key).scores(both)
    for name, values in fit(key).window_scores(both, 32, 16).items():
        assert values.shape == (12, 1, 1)
        np.testing.assert_allclose(values[:, 0, 0], samples[name], rtol=1e-3, atol=1e-5, err_msg=name)


def test_sides_that_cannot_be_halved_are_continued_by_their_edges() -> None:
    uneven = frames(40, 52)
    continued = np.concatenate([uneven, np.repeat(uneven[..., -1:], 4, axis=-1)], axis=-1)
    maps, whole = fit("autoencoder").window_scores(uneven, 32, 16), fit("autoencoder").window_scores(continued, 32, 16)
    for name, values in maps.items():
        np.testing.assert_allclose(values, whole[name][..., :6], rtol=1e-3, atol=1e-5, err_msg=name)


def test_a_window_is_the_mean_of_the_squared_errors_within_it() -> None:
    uneven, detector = frames(40, 48), fit("autoencoder")
    batch = torch.from_numpy(uneven) / 255
    with torch.no_grad():
        errors = (detector.reconstruct_batch(batch) - batch[:, -1:]).square()[:, 0].numpy()
    found = detector.window_scores(uneven, 32, 16)["reconstruction"]
    for row, top in enumerate((0, 4, 8)):
        for column, left in enumerate((0, 4, 8, 12, 16)):
            expected = errors[:, top : top + 32, left : left + 32].mean((1, 2))
            np.testing.assert_allclose(found[:, row, column], expected, rtol=1e-3)


def test_a_change_in_a_corner_is_found_in_the_windows_there() -> None:
    quiet = frames(64, 64)
    broken = quiet.copy()
    broken[:, -1, -16:, -16:] = 255 - broken[:, -1, -16:, -16:]
    detector = fit("autoencoder")
    difference = (
        detector.window_scores(broken, 32, 16)["reconstruction"]
        - detector.window_scores(quiet, 32, 16)["reconstruction"]
    )
    assert np.abs(difference[:, 0, 0]).max() < 1e-6
    assert (np.abs(difference[:, -1, -1]) > 1e-4).all()


@pytest.mark.parametrize("key", ["ganomaly", "pca", "knn"])
def test_a_detector_without_maps_of_whole_frames_scores_their_windows(key: str) -> None:
    detector = fit(key)
    maps = detector.window_scores(frames(), 32, 16)
    for row, top in enumerate((0, 8)):
        for column, left in enumerate((0, 16, 20)):
            alone = detector.scores(frames()[:, :, top : top + 32, left : left + 32])
            for name, values in alone.items():
                np.testing.assert_allclose(maps[name][:, row, column], values, rtol=1e-3, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("key", [key for key in DETECTORS if key not in PREDICTORS])
def test_a_detector_that_does_not_predict_takes_cuboids_whole(key: str, both: np.ndarray) -> None:
    whole = build(key, predicted=0).fit(moving(32), SHORT).scores(both)
    for name, values in fit(key).scores(both).items():
        assert values.tobytes() == whole[name].tobytes()
    for frame in range(5):
        other = both.copy()
        other[:, frame] = 255 - other[:, frame]
        changed = fit(key).scores(other)
        # An image deep inside has the local outlier factor of its neighbourhood, wherever exactly it lies.
        differ = np.any if key == "lof" else np.all
        assert all(differ(changed[name] != values) for name, values in whole.items()), frame


@pytest.mark.parametrize("key", DETECTORS)
def test_cuboids_are_reconstructed_whole_where_nothing_is_predicted(key: str, both: np.ndarray) -> None:
    detector = build(key, predicted=0).fit(moving(32), SHORT)
    assert all(np.isfinite(values).all() for values in detector.scores(both).values())
    if key in RECONSTRUCTING:
        assert detector.reconstruct(both).shape == both.shape


def test_a_predictor_is_not_prepared_by_a_contrast_that_its_target_is_part_of(key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(key).fit(moving(8), replace(SHORT, preparation="gcn"))
    assert str(caught.value) == (f"Under gcn, {key} would see of what it predicts; choose unit or scaled.")
    build("pca", predicted=0).fit(moving(8), replace(SHORT, preparation="gcn"))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (
            np.zeros((2, 4, 40, 40), np.uint8),
            r"^autoencoder takes uint8 cuboids of shape \(N, 5, H, W\), not uint8 of ",
        ),
        (np.zeros((2, 5, 40, 40), np.float32), r"^autoencoder takes uint8 cuboids of shape .*, not float32 of shape "),
        (np.zeros((5, 40, 40), np.uint8), r"^autoencoder takes uint8 cuboids of shape "),
        (np.zeros((2, 5, 40, 30), np.uint8), r"^Frames of 30 pixels a side do not hold windows of 32; "),
    ],
)
def test_frames_that_do_not_fit_a_predictor_are_refused(wrong: np.ndarray, says: str) -> None:
    with pytest.raises(DataError, match=says):
        fit("autoencoder").window_scores(wrong, 32, 16)


def test_a_detector_of_ones_own_that_knows_nothing_of_prediction_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DETECTORS, "distance", Distance)
    assert build("distance", predicted=0).image_shape == SHAPE
    with pytest.raises(ConfigError, match=r"^distance has no parameter `predicted`, so it cannot .*reconstruction\.$"):
        build("distance")


def test_whole_clips_calibrate_a_predictor() -> None:
    groups = np.repeat([0, 1, 2, 3], 8)
    detector = build("autoencoder").fit(moving(32), SHORT, groups=groups)
    assert not torch.equal(detector.calibration, fit("autoencoder").calibration)
    assert (detector.calibration[:, 1] > 0).all()
