from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from alpa.detectors import DETECTORS
from alpa.detectors.detector import split_validation
from alpa.detectors.reconstruction import ReconstructingDetector, per_image, reconstruction_scores
from alpa.errors import DataError, ModelError

Build = Callable[..., Any]
RECONSTRUCTING = [key for key, cls in DETECTORS.items() if issubclass(cls, ReconstructingDetector)]
COMBINED = [key for key, cls in DETECTORS.items() if cls.combined_parts]


def test_per_image_is_the_mean_over_all_but_the_first_dimension() -> None:
    assert per_image(torch.tensor([[[1.0, 2.0], [3.0, 6.0]], [[0.0, 0.0], [0.0, 1.0]]])).tolist() == [3.0, 0.25]


def test_the_three_scores_are_worked_out_as_defined() -> None:
    images, reconstructions = torch.tensor([[[[0.0, 1.0]]]]), torch.tensor([[[[0.5, 1.0]]]])
    latents = torch.tensor([[1.0, 2.0]]), torch.tensor([[2.0, 0.0]])
    features = (
        [torch.tensor([[[[1.0, 1.0]]]]), torch.tensor([[[[0.0]]]])],
        [torch.tensor([[[[1.0, 3.0]]]]), torch.tensor([[[[4.0]]]])],
    )
    scores = reconstruction_scores(images, reconstructions, latents, features)
    assert scores["reconstruction"].tolist() == [0.125]  # (0.5^2 + 0^2) / 2
    assert scores["latent"].tolist() == [5.0]  # 1^2 + 2^2
    assert scores["feature"].tolist() == [9.0]  # the mean of (0^2 + 2^2) / 2 = 2 and 4^2 = 16


@pytest.mark.parametrize("key", COMBINED)
def test_combined_is_the_sum_of_scores_standardised_on_validation_normals(
    key: str, fit: Build, normal_images: Callable[..., np.ndarray], mixed: np.ndarray
) -> None:
    detector = fit(key)
    _, validation = split_validation(32, 0.1, seed=0)
    normals, scores = detector.scores(normal_images(32)[validation]), detector.scores(mixed)
    expected = sum(
        (scores[name] - normals[name].mean()) / normals[name].std() for name in DETECTORS[key].combined_parts
    )
    np.testing.assert_allclose(scores["combined"], expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("key", RECONSTRUCTING)
def test_the_reconstruction_score_is_the_error_of_what_reconstruct_shows(
    key: str, trained: Build, normal_images: Callable[..., np.ndarray]
) -> None:
    images = normal_images(6, seed=1)
    shown = trained(key).reconstruct(images)
    assert shown.dtype == np.float32
    assert shown.shape == images.shape
    assert shown.min() >= 0
    assert shown.max() <= 1
    expected = np.square(shown - images / 255).mean((1, 2, 3))
    # PCA may leave the range by a little, where what is shown is cut off.
    np.testing.assert_allclose(trained(key).scores(images)["reconstruction"], expected, rtol=0.01, atol=1e-5)


@pytest.mark.parametrize("key", RECONSTRUCTING)
def test_reconstruct_checks_its_detector_and_its_images(
    key: str, build: Build, trained: Build, mixed: np.ndarray
) -> None:
    with pytest.raises(ModelError, match="not fitted"):
        build(key).reconstruct(mixed)
    with pytest.raises(DataError, match="takes uint8 images"):
        trained(key).reconstruct(mixed / 255)


@pytest.mark.parametrize("n", [4, 5, 19, 100, 6131])
@pytest.mark.parametrize("fraction", [0.01, 0.1, 0.5, 0.99])
def test_validation_is_a_share_of_the_training_images_and_both_parts_have_two(n: int, fraction: float) -> None:
    fitted, validation = split_validation(n, fraction, seed=3)
    assert sorted([*fitted, *validation]) == list(range(n))
    assert (np.diff(fitted) > 0).all()
    assert (np.diff(validation) > 0).all()
    assert min(len(fitted), len(validation)) >= 2
    assert len(validation) == pytest.approx(n * fraction, abs=2)


def test_validation_is_seeded() -> None:
    assert split_validation(50, 0.2, seed=0)[1].tolist() == split_validation(50, 0.2, seed=0)[1].tolist()
    assert split_validation(50, 0.2, seed=0)[1].tolist() != split_validation(50, 0.2, seed=1)[1].tolist()
