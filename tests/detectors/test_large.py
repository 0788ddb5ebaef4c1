"""More images than memory: a detector learns and scores the same, wherever its images lie."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alpa.config import TrainingConfig
from alpa.data import batches
from alpa.data.images import read_npy
from alpa.data.stored import StoredImages
from alpa.detectors import DETECTORS, build_detector
from alpa.detectors import knn as knn_module
from alpa.detectors.detector import Detector

Images = Callable[..., np.ndarray]
LEARNED = [key for key, cls in DETECTORS.items() if cls.train_step is not Detector.train_step]


@pytest.fixture
def in_file(tmp_path: Path) -> Callable[[np.ndarray], StoredImages]:
    """Return what puts images into a file, among others."""

    def put(images: np.ndarray) -> StoredImages:
        np.save(tmp_path / "images.npy", np.concatenate([255 - images[:2], images]))
        return StoredImages.of(read_npy(tmp_path / "images.npy")).select(slice(2, None))

    return put


@pytest.fixture
def no_room(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what leaves no memory for training images, so that batches are read one by one."""
    return lambda: monkeypatch.setattr(batches, "MOST_IN_MEMORY", 0)


def contents(detector: Detector, images: np.ndarray, folder: Path) -> dict[str, bytes]:
    """Return what a detector saves and what it says of images, as bytes."""
    folder.mkdir()
    detector.save(folder)
    saved = {path.name: path.read_bytes() for path in folder.iterdir()}
    return saved | {name: scores.tobytes() for name, scores in detector.scores(images).items()}


@pytest.mark.parametrize("preparation", ["unit", "scaled", "gcn"])
@pytest.mark.parametrize("key", LEARNED)
def test_no_bit_depends_on_where_the_images_lie(
    key: str,
    preparation: str,
    build: Callable[..., Any],
    short: TrainingConfig,
    normal_images: Images,
    mixed: np.ndarray,
    in_file: Callable[[np.ndarray], StoredImages],
    no_room: Callable[[], None],
    tmp_path: Path,
) -> None:
    images, training = normal_images(40), replace(short, preparation=preparation)
    expected = contents(build(key).fit(images, training), mixed, tmp_path / "in-memory")
    assert contents(build(key).fit(in_file(images), training), mixed, tmp_path / "loaded") == expected
    no_room()
    for name, some in (("from-memory", images), ("from-file", in_file(images))):
        assert contents(build(key).fit(some, training), mixed, tmp_path / name) == expected


def test_no_bit_of_a_predictor_depends_on_where_the_cuboids_lie(
    short: TrainingConfig,
    normal_images: Images,
    in_file: Callable[[np.ndarray], StoredImages],
    no_room: Callable[[], None],
    tmp_path: Path,
) -> None:
    images, groups = normal_images(40, 3), np.repeat(np.arange(8), 5)

    def fitted(some: np.ndarray | StoredImages) -> Detector:
        detector = build_detector("autoencoder", (3, 32, 32), {"width": 4, "latent": 4}, 0, predicted=1)
        return detector.fit(some, short, groups=groups)

    expected = contents(fitted(images), images, tmp_path / "in-memory")
    no_room()
    assert contents(fitted(in_file(images)), images, tmp_path / "from-file") == expected


@pytest.mark.parametrize("key", DETECTORS)
def test_images_in_a_file_get_the_scores_of_images_in_memory(
    key: str, fit: Callable[..., Any], mixed: np.ndarray, in_file: Callable[[np.ndarray], StoredImages]
) -> None:
    detector = fit(key)
    found = detector.scores(in_file(mixed))
    for name, scores in detector.scores(mixed).items():
        assert found[name].tobytes() == scores.tobytes()


@pytest.mark.parametrize("key", LEARNED)
def test_never_more_than_a_batch_is_read_at_once(
    key: str,
    build: Callable[..., Any],
    short: TrainingConfig,
    normal_images: Images,
    in_file: Callable[[np.ndarray], StoredImages],
    no_room: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images, read = in_file(normal_images(600)), []
    read_rows = StoredImages._read
    monkeypatch.setattr(StoredImages, "_read", lambda self, rows: (read.append(len(rows)), read_rows(self, rows))[1])
    monkeypatch.setattr("alpa.detectors.detector.SCORING_BATCH", 20)
    no_room()
    detector = build(key).fit(images, short)
    detector.scores(images)
    assert max(read) == 20


def test_principal_components_of_many_images_are_close_to_those_of_all_at_once(
    build: Callable[..., Any],
    short: TrainingConfig,
    normal_images: Images,
    mixed: np.ndarray,
    in_file: Callable[[np.ndarray], StoredImages],
    no_room: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("alpa.detectors.pca.BATCH", 64)
    images = normal_images(400)
    # Phase alone tells the stripes apart: two waves span them, and all else is noise.
    exact = build("pca", components=2).fit(images)
    no_room()
    streamed = build("pca", components=2).fit(in_file(images))
    np.testing.assert_allclose(streamed.mean, exact.mean, atol=1e-6)
    overlap = (streamed.components @ exact.components.T).square().sum()
    assert overlap.item() == pytest.approx(2, abs=1e-3)  # of two equal planes
    found, expected = (detector.scores(mixed)["reconstruction"] for detector in (streamed, exact))
    np.testing.assert_allclose(found, expected, rtol=1e-2)


@pytest.mark.parametrize("neighbours", [1, 5, 1000])
@pytest.mark.parametrize("references", [1, 7, 20])
def test_neighbours_among_parts_of_the_references_are_those_among_all(
    references: int,
    neighbours: int,
    build: Callable[..., Any],
    normal_images: Images,
    mixed: np.ndarray,
    in_file: Callable[[np.ndarray], StoredImages],
    no_room: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = normal_images(40)
    expected = build("knn", neighbours=neighbours).fit(images).scores(mixed)["distance"]
    no_room()
    monkeypatch.setattr(knn_module, "PART", references * 32 * 32)
    detector = build("knn", neighbours=neighbours).fit(in_file(images))
    np.testing.assert_allclose(detector.scores(mixed)["distance"], expected, rtol=1e-5)
