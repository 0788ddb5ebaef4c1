import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from alpa.config import TrainingConfig
from alpa.data.splits import load_split
from alpa.detectors import build_detector
from alpa.detectors.detector import Detector
from alpa.evaluation.scores import read_scores
from alpa.reporting.benchmark import Inputs
from alpa.reporting.document import Table
from alpa.reporting.gallery import extremes_section, reconstructions_section
from alpa.reporting.latent_map import flattened, latents_section
from alpa.reporting.methods import networks_table
from alpa.reporting.models import distorted, latents, parameter_counts
from alpa.reporting.rasters import with_palette
from alpa.reporting.results import read_results

SMALL = {
    "alpa": {"width": 4, "latent": 3, "strength": 0.5},
    "autoencoder": {"width": 4, "latent": 3},
    "ganomaly": {"features": 4, "latent": 5, "epochs": 1, "minimum_steps": 1},
    "pca": None,
}


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (24, 1, 32, 32), dtype=np.uint8)


@pytest.fixture(scope="module")
def models(images: np.ndarray) -> dict[str, Detector]:
    training = TrainingConfig(steps=2, batch_size=8)
    return {key: build_detector(key, (1, 32, 32), config).fit(images, training) for key, config in SMALL.items()}


def test_the_distorter_moves_the_reconstruction_and_the_clean_one_is_the_detectors_own(
    models: dict[str, Detector], images: np.ndarray
) -> None:
    made = distorted(models["alpa"], images)
    assert made is not None
    clean, perturbed = made
    assert np.allclose(clean, models["alpa"].reconstruct(images), atol=1e-6)  # type: ignore[operator]
    assert clean.shape == perturbed.shape == images.shape
    assert np.abs(clean - perturbed).max() > 1e-4
    assert distorted(models["autoencoder"], images) is None


def test_a_perturbed_score_is_that_of_the_perturbed_reconstruction(
    models: dict[str, Detector], images: np.ndarray
) -> None:
    made = distorted(models["alpa"], images)
    assert made is not None
    squared = ((images / 255 - made[1]) ** 2).reshape(len(images), -1).mean(axis=1)
    assert np.allclose(squared, models["alpa"].scores(images)["perturbed"], rtol=1e-4)


def test_detectors_with_an_encoder_have_latents_and_others_have_none(
    models: dict[str, Detector], images: np.ndarray
) -> None:
    shapes = {key: None if (found := latents(model, images)) is None else found.shape for key, model in models.items()}
    assert shapes == {"alpa": (24, 3), "autoencoder": (24, 3), "ganomaly": (24, 5), "pca": None}


def test_two_components_hold_all_of_what_varies_in_two_ways() -> None:
    plane = np.random.default_rng(0).normal(size=(40, 2)) * (3, 1)
    latent = (plane @ [[1, 0, 1, 0], [0, 1, 0, -1]] + 7).astype(np.float32)
    places, share = flattened(latent)
    assert share == pytest.approx(1)
    distances = [np.linalg.norm(each[:, None] - each[None], axis=2) for each in (places, latent)]
    assert np.allclose(*distances, atol=1e-3)
    assert flattened(np.ones((5, 3), np.float32))[1] == 0


def test_the_networks_table_counts_what_is_trained(models: dict[str, Detector], make: Callable[..., Inputs]) -> None:
    results = read_results(make(detectors=tuple(SMALL), class_names=("a", "b"), seeds=(0,)).report)
    table = networks_table(results, models)
    assert isinstance(table, Table)
    rows = {row[0]: row for row in table.rows}
    total = sum(parameter.numel() for parameter in models["alpa"].parameters())
    assert rows["alpa"][2] == f"{total:,}"
    assert [part.split()[0] for part in rows["alpa"][3].split(", ")] == ["encoder", "decoder", "distorter"]
    assert rows["pca"][2:] == ("–", "–")
    assert set(parameter_counts(models["ganomaly"])) == {"generator", "discriminator"}
    assert networks_table(results, {}) is None


def test_sections_show_the_distortion_the_latents_and_each_detectors_ends(
    models: dict[str, Detector], make: Callable[..., Inputs]
) -> None:
    inputs = make(detectors=tuple(SMALL), class_names=("a", "b"), seeds=(0,))
    results, split = read_results(inputs.report), load_split(inputs.test)
    tables = {key: read_scores(inputs.scores / f"{key}.parquet") for key in results.detectors}
    shown = reconstructions_section(results, tables, models, split)
    assert shown is not None
    assert [block.name for block in shown.blocks] == ["reconstructions", "distortions"]
    assert "of 255 grey levels" in shown.paragraphs[1]
    ends = extremes_section(results, tables, split).blocks[-1]
    assert ends.name == "ends"
    assert all(detector in ends.inline for detector in SMALL)  # type: ignore[union-attr]
    latent = latents_section(results, tables, models, split)
    assert latent is not None
    assert "by alpa, autoencoder, ganomaly" in latent.blocks[0].alt  # type: ignore[union-attr]
    assert latents_section(results, tables, {"pca": models["pca"]}, split) is None


def test_a_palette_keeps_grey_pixels_and_what_is_transparent_and_takes_less() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 1), dtype=np.uint8)
    pixels = np.concatenate([noise, noise, noise, np.full_like(noise, 255)], axis=2)
    pixels[:10] = 0
    before, after = encoded(pixels), with_palette(encoded(pixels))
    found = np.asarray(Image.open(io.BytesIO(after)).convert("RGBA")).astype(int)
    assert (found[..., 3] == pixels[..., 3]).all()
    assert np.abs(found[10:] - pixels[10:].astype(int)).max() <= 1
    assert len(after) < 0.6 * len(before)


def test_a_picture_that_is_half_transparent_stays_as_it_is() -> None:
    half = encoded(np.full((4, 4, 4), 128, np.uint8))
    assert with_palette(half) == half


def encoded(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels, "RGBA").save(buffer, "PNG")
    return buffer.getvalue()
