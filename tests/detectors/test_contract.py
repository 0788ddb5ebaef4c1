"""One contract, which every detector of the registry keeps; a new one is held to it by its registry line alone."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from alpa.config import TrainingConfig
from alpa.detectors import DETECTORS, load_detector
from alpa.detectors.detector import Detector
from alpa.errors import DataError, ModelError

Build = Callable[..., Any]
Images = Callable[..., np.ndarray]

LEARNED = [key for key, cls in DETECTORS.items() if cls.train_step is not Detector.train_step]
OF_ANY_SCALE = ("isolation_forest", "lof", "ocsvm")  # they compare pixels or distances with others


def same_bits(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> bool:
    """Tell whether two sets of scores have the same names and the same bytes."""
    return {name: values.tobytes() for name, values in first.items()} == {
        name: values.tobytes() for name, values in second.items()
    }


def assert_close(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> None:
    """Compare all but the last digits, which depend on how a matrix product is cut up."""
    assert list(first) == list(second)
    for name, values in first.items():
        np.testing.assert_allclose(values, second[name], rtol=1e-3, atol=1e-5, err_msg=name)


def test_a_detector_has_one_key_everywhere(key: str) -> None:
    assert DETECTORS[key].key == key
    assert DETECTORS[key].__module__ == f"alpa.detectors.{key}"


@pytest.mark.parametrize("channels", [1, 3])
def test_scores_are_finite_float32_one_for_each_image(
    key: str, channels: int, trained: Build, anomalous_images: Images
) -> None:
    scores = trained(key, channels).scores(anomalous_images(5, channels))
    assert DETECTORS[key].primary_score in scores
    assert set(DETECTORS[key].combined_parts) <= set(scores)
    for name, values in scores.items():
        assert values.dtype == np.float32, name
        assert values.shape == (5,), name
        assert np.isfinite(values).all(), name


def test_anomaly_scores_are_the_primary_score(key: str, trained: Build, mixed: np.ndarray) -> None:
    detector = trained(key)
    primary = detector.scores(mixed)[DETECTORS[key].primary_score]
    assert detector.anomaly_scores(mixed).tobytes() == primary.tobytes()


@pytest.mark.parametrize("channels", [1, 3])
def test_noise_is_more_anomalous_than_stripes(
    key: str, channels: int, trained: Build, normal_images: Images, anomalous_images: Images
) -> None:
    images = np.concatenate([normal_images(20, channels, seed=1), anomalous_images(20, channels, seed=2)])
    scores = trained(key, channels).anomaly_scores(images)
    assert roc_auc_score(np.repeat([0, 1], 20), scores) > 0.9


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_same_seed_gives_the_same_bits_whatever_else_draws_random_numbers(
    key: str, precision: str, fit: Build, mixed: np.ndarray
) -> None:
    torch.manual_seed(1)
    first = fit(key, precision=precision).scores(mixed)
    torch.manual_seed(2)
    np.random.seed(2)
    assert same_bits(first, fit(key, precision=precision).scores(mixed))


@pytest.mark.parametrize("learned", LEARNED)
def test_mixed_precision_trains_something_else_but_scores_in_full_precision(
    learned: str, fit: Build, mixed: np.ndarray
) -> None:
    full, half = fit(learned), fit(learned, precision="bf16")
    assert not same_bits(full.scores(mixed), half.scores(mixed))
    assert all(parameter.dtype == torch.float32 for parameter in half.parameters())
    assert all(len(np.unique(values)) > 20 for values in half.scores(mixed).values()), "24 images, 8 bits of mantissa"


@pytest.mark.parametrize("learned", LEARNED)
def test_another_seed_gives_other_scores(learned: str, fit: Build, mixed: np.ndarray) -> None:
    first, second = fit(learned, seed=0).scores(mixed), fit(learned, seed=1).scores(mixed)
    for name, values in first.items():
        assert (values != second[name]).all(), name


def test_scores_do_not_depend_on_batch_size(
    key: str, trained: Build, mixed: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = trained(key)
    whole = detector.scores(mixed)
    for size in (1, 7):
        monkeypatch.setattr("alpa.detectors.detector.SCORING_BATCH", size)
        assert_close(detector.scores(mixed), whole)


def test_fitting_and_scoring_leave_the_images_as_they_were(
    key: str, build: Build, short: TrainingConfig, normal_images: Images
) -> None:
    images = normal_images(32)
    before = images.copy()
    images.setflags(write=False)
    build(key).fit(images, short).scores(images)
    assert np.array_equal(images, before)


def test_neither_building_nor_fitting_nor_scoring_reseeds_the_process(key: str, fit: Build, mixed: np.ndarray) -> None:
    torch.manual_seed(5)
    np.random.seed(5)
    random.seed(5)
    states = torch.get_rng_state(), np.random.get_state(legacy=False)["state"]["key"].tolist(), random.getstate()
    fit(key).scores(mixed)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.random.get_state(legacy=False)["state"]["key"].tolist() == states[1]
    assert random.getstate() == states[2]


def test_fitting_gives_the_process_its_threads_back(key: str, fit: Build) -> None:
    torch.set_num_threads(2)
    try:
        fit(key)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_saved_and_loaded_detector_gives_the_same_bits(
    key: str, channels: int, trained: Build, tmp_path: Path, anomalous_images: Images
) -> None:
    detector, images = trained(key, channels), anomalous_images(9, channels)
    detector.save(tmp_path)
    loaded = load_detector(tmp_path, expected=key)
    assert type(loaded) is DETECTORS[key]
    assert (loaded.config, loaded.seed, loaded.image_shape) == (detector.config, detector.seed, detector.image_shape)
    assert same_bits(loaded.scores(images), detector.scores(images))


@pytest.mark.parametrize("preparation", ["scaled", "gcn"])
def test_a_detector_keeps_how_it_prepares_images(
    key: str, preparation: str, prepared: Build, tmp_path: Path, mixed: np.ndarray
) -> None:
    detector = prepared(key, preparation)
    detector.save(tmp_path)
    loaded = load_detector(tmp_path, expected=key)
    assert loaded.preparation.kind == preparation
    assert same_bits(loaded.scores(mixed), detector.scores(mixed))
    for name in ("lowest", "highest"):
        assert torch.equal(getattr(loaded.preparation, name), getattr(detector.preparation, name))
    assert detector.preparation.highest != 1


@pytest.mark.parametrize("preparation", ["scaled", "gcn"])
def test_scores_of_prepared_images_do_not_depend_on_batch_size(
    key: str, preparation: str, prepared: Build, mixed: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = prepared(key, preparation)
    whole = detector.scores(mixed)
    assert all(np.isfinite(values).all() for values in whole.values())
    monkeypatch.setattr("alpa.detectors.detector.SCORING_BATCH", 1)
    assert_close(detector.scores(mixed), whole)


@pytest.mark.parametrize("preparation", ["scaled", "gcn"])
def test_how_images_are_prepared_changes_the_scores(
    key: str, preparation: str, prepared: Build, fit: Build, mixed: np.ndarray
) -> None:
    plain = fit(key).scores(mixed)
    for name, values in prepared(key, preparation).scores(mixed).items():
        if key in OF_ANY_SCALE and preparation == "scaled":
            np.testing.assert_allclose(values, plain[name], rtol=1e-2, atol=1e-3, err_msg=name)
        else:
            assert (values != plain[name]).all(), name


@pytest.mark.parametrize("preparation", ["scaled", "gcn"])
def test_reconstructions_are_pixels_however_images_are_prepared(
    preparation: str, prepared: Build, normal_images: Images
) -> None:
    images = normal_images(8, seed=3)
    rebuilt = prepared("pca", preparation).reconstruct(images)
    assert (rebuilt.shape, rebuilt.dtype) == (images.shape, np.float32)
    assert rebuilt.min() >= 0
    assert rebuilt.max() <= 1
    assert np.abs(rebuilt - images / 255).mean() < 0.05


def test_equal_detectors_are_saved_as_equal_bytes(key: str, fit: Build, tmp_path: Path) -> None:
    contents = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        fit(key).save(tmp_path / name)
        contents.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert contents[0] == contents[1]
    assert set(contents[0]) == {"model.safetensors", "detector.json", "history.csv"}


def test_the_history_has_a_row_for_each_of_few_steps_and_a_column_for_each_loss(
    key: str, fit: Build, tmp_path: Path
) -> None:
    detector = fit(key)
    detector.save(tmp_path)
    header, *rows = (tmp_path / "history.csv").read_text().splitlines()
    assert header.split(",")[0] == "step"
    if key in LEARNED:
        steps = range(4 if key == "deep_svdd" else 1, 7)  # it has three of pretraining before
        assert [row["step"] for row in detector.history] == list(steps)
        assert len(header.split(",")) > 1
        assert len(rows) == len(steps)
    else:
        assert (header, rows, detector.history) == ("step", [], [])


def test_a_detector_that_is_not_fitted_says_so(key: str, build: Build, tmp_path: Path, mixed: np.ndarray) -> None:
    for use in (Detector.scores, Detector.anomaly_scores):
        with pytest.raises(ModelError, match=rf"^This {key} detector is not fitted; call fit first\.$"):
            use(build(key), mixed)
    with pytest.raises(ModelError, match="not fitted"):
        build(key).save(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((8, 1, 32, 32), np.float32),
        np.zeros((8, 1, 32, 32), np.int64),
        np.zeros((8, 3, 32, 32), np.uint8),
        np.zeros((8, 1, 28, 28), np.uint8),
        np.zeros((8, 32, 32), np.uint8),
        np.zeros((0, 1, 32, 32), np.uint8),
    ],
    ids=lambda images: f"{images.dtype}{images.shape}",
)
def test_images_of_another_shape_or_type_are_refused(key: str, wrong: np.ndarray, build: Build, trained: Build) -> None:
    for use in (build(key).fit, trained(key).scores):
        with pytest.raises(DataError) as error:
            use(wrong)
        assert str(error.value).startswith(f"{key} takes uint8 images of shape (N, 1, 32, 32), not {wrong.dtype}")


def test_three_images_are_too_few(key: str, build: Build, normal_images: Images) -> None:
    with pytest.raises(DataError, match="3 training images; a detector needs at least 4"):
        build(key).fit(normal_images(3))


def test_four_images_are_enough(key: str, build: Build, short: TrainingConfig, normal_images: Images) -> None:
    images = normal_images(4)
    assert np.isfinite(build(key).fit(images, short).anomaly_scores(images)).all()


@pytest.mark.parametrize("learned", LEARNED)
def test_every_parameter_gets_a_gradient(
    learned: str, build: Build, short: TrainingConfig, normal_images: Images
) -> None:
    detector = build(learned)
    detector.begin(short)
    detector.train_step(torch.from_numpy(normal_images(8)) / 255)
    for name, parameter in detector.named_parameters():
        assert parameter.grad is not None, name
        # A bias before a batch norm has no influence, but every weight has.
        assert parameter.ndim == 1 or parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("learned", LEARNED)
def test_a_loss_that_is_not_finite_stops_the_training_and_is_named(
    learned: str, build: Build, short: TrainingConfig, normal_images: Images
) -> None:
    detector = build(learned)
    with torch.no_grad():
        next(detector.parameters()).fill_(float("nan"))
    with pytest.raises(ModelError, match=rf"^The \w+ loss of {learned} is nan by step 1; lower .*\.$"):
        detector.fit(normal_images(32), short)
    assert not detector.fitted
    with pytest.raises(ModelError, match=f"This {learned} detector was fitted before; build a new one"):
        detector.fit(normal_images(32), short)


def test_a_second_fit_is_refused_and_changes_nothing(
    key: str, fit: Build, short: TrainingConfig, normal_images: Images, mixed: np.ndarray
) -> None:
    detector = fit(key)
    before = detector.scores(mixed)
    with pytest.raises(ModelError, match=f"This {key} detector was fitted before; build a new one"):
        detector.fit(normal_images(32), short)
    assert same_bits(before, detector.scores(mixed))


@pytest.mark.parametrize("learned", LEARNED)
def test_a_score_that_is_not_finite_is_an_error_that_names_it(learned: str, fit: Build, mixed: np.ndarray) -> None:
    detector = fit(learned)
    with torch.no_grad():
        next(detector.parameters()).fill_(float("nan"))
    with pytest.raises(ModelError, match=rf"^The \w+ score of {learned} is not finite; lower .*\.$"):
        detector.scores(mixed)
