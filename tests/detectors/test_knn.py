from collections.abc import Callable

import numpy as np
import pytest

from alpa.detectors import build_detector
from alpa.detectors.detector import Detector, split_validation

Images = Callable[..., np.ndarray]


@pytest.mark.parametrize("neighbours", [1, 3, 1000])
def test_knn_is_the_mean_distance_to_the_nearest_training_images(
    neighbours: int, build: Callable[..., Detector], normal_images: Images, mixed: np.ndarray
) -> None:
    images = normal_images(20)
    fitted, _ = split_validation(20, 0.1, seed=0)
    references, wanted = (array.reshape(len(array), -1) / 255 for array in (images[fitted], mixed))
    distances = np.sqrt(np.square(wanted[:, None] - references[None]).sum(2))  # (wanted, references)
    expected = np.sort(distances, axis=1)[:, :neighbours].mean(1)
    scores = build("knn", neighbours=neighbours).fit(images).scores(mixed)
    np.testing.assert_allclose(scores["distance"], expected, rtol=1e-4)


def test_knn_by_hand() -> None:
    # Four equal black images of four pixels are fitted or held out alike; white is at distance sqrt(4 * 1^2) = 2.
    detector = build_detector("knn", (1, 2, 2), {"neighbours": 2}).fit(np.zeros((4, 1, 2, 2), np.uint8))
    images = np.array([[[[255, 255], [255, 255]]], [[[0, 0], [0, 255]]], [[[0, 0], [0, 0]]]], np.uint8)
    assert detector.anomaly_scores(images).tolist() == [2.0, 1.0, 0.0]
