from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA

from alpa.detectors.detector import split_validation

Images = Callable[..., np.ndarray]


# 36 of 40 images are fitted; around their mean they span 35 dimensions.
@pytest.mark.parametrize(("components", "kept"), [(3, 3), (1000, 35)])
def test_pca_scores_what_scikit_learns_components_cannot_reconstruct(
    components: int, kept: int, build: Callable[..., Any], normal_images: Images, mixed: np.ndarray
) -> None:
    images = normal_images(40)
    detector = build("pca", components=components).fit(images)
    fitted, _ = split_validation(40, 0.1, seed=0)
    pixels, wanted = (array.reshape(len(array), -1) / 255 for array in (images[fitted], mixed))
    reference = PCA(kept, svd_solver="full").fit(pixels)
    expected = np.square(wanted - reference.inverse_transform(reference.transform(wanted))).mean(1)
    np.testing.assert_allclose(detector.scores(mixed)["reconstruction"], expected, rtol=1e-3, atol=1e-6)


def test_pca_reconstructs_its_mean_exactly(build: Callable[..., Any], normal_images: Images) -> None:
    images = np.full((8, 1, 32, 32), 51, np.uint8)
    images[:, 0, 0, 0] = np.arange(8)
    detector = build("pca", components=1).fit(images)
    np.testing.assert_allclose(detector.reconstruct(images), images / 255, atol=1e-5)
