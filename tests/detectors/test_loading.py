"""A folder that does not hold what it should is one sentence, never a traceback."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from alpa.detectors import build_detector, load_detector
from alpa.detectors.alpa import ALPAConfig
from alpa.detectors.autoencoder import AutoencoderConfig
from alpa.detectors.detector import Detector
from alpa.errors import ConfigError, ModelError


@pytest.fixture
def folder(fit: Callable[..., Detector], tmp_path: Path) -> Path:
    fit("autoencoder").save(tmp_path)
    return tmp_path


def describe(folder: Path, **changes: Any) -> None:
    path = folder / "detector.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def load_error(folder: Path, expected: str | None = None) -> str:
    with pytest.raises(ModelError) as error:
        load_detector(folder, expected)
    message = str(error.value)
    assert str(folder) in message
    assert message.endswith(".")
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", ["detector.json", "model.safetensors"])
def test_a_missing_file_is_named(name: str, folder: Path) -> None:
    (folder / name).unlink()
    assert name in load_error(folder)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    assert "nowhere" in load_error(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b'"alpa"', b"null", b"7", b"{}", b'{"detector": "alpa"}', b"\xff\xfe\x00", b"\x00"]
)
def test_garbage_instead_of_json_is_an_error(content: bytes, folder: Path) -> None:
    (folder / "detector.json").write_bytes(content)
    assert "detector.json does not describe a detector" in load_error(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"image_shape": None},
        {"image_shape": [1, 32]},
        {"image_shape": [1, -32, 32]},
        {"image_shape": "1x32x32"},
        {"seed": "x"},
        {"seed": None},
        {"detector": "no_such"},
        {"detector": "pca"},
        {"config": [1]},
        {"config": {"widht": 4}},
        {"config": {"width": -4}},
    ],
    ids=str,
)
def test_a_description_of_no_possible_detector_is_an_error(changes: dict[str, Any], folder: Path) -> None:
    describe(folder, **changes)
    assert "detector.json does not describe a detector" in load_error(folder)


@pytest.mark.parametrize("damage", [lambda c: c[:1000], lambda c: c[:-1], lambda c: b"", lambda c: b"x" * 100])
def test_damaged_parameters_are_an_error(damage: Callable[[bytes], bytes], folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    assert "model.safetensors is no autoencoder" in load_error(folder)


@pytest.mark.parametrize("changes", [{"image_shape": [3, 32, 32]}, {"config": {"width": 8, "latent": 4}}], ids=str)
def test_parameters_of_another_network_are_an_error(changes: dict[str, Any], folder: Path) -> None:
    describe(folder, **changes)
    assert "model.safetensors is no autoencoder of this shape" in load_error(folder)


def resize(folder: Path, name: str, *shape: int) -> None:
    tensors = load_file(folder / "model.safetensors")
    save_file(tensors | {name: torch.ones(*shape)}, folder / "model.safetensors")


@pytest.mark.parametrize(("name", "shape"), [("calibration", (3, 2)), ("norm.running_mean", (9,))])
def test_a_buffer_of_another_size_is_an_error(name: str, shape: tuple[int, ...], folder: Path) -> None:
    resize(folder, name, *shape)
    assert "model.safetensors is no autoencoder of this shape" in load_error(folder)


def test_learned_buffers_that_do_not_fit_the_images_are_an_error(fit: Callable[..., Detector], tmp_path: Path) -> None:
    fit("pca").save(tmp_path)
    resize(tmp_path, "components", 8, 7)
    assert "model.safetensors is no pca of this shape" in load_error(tmp_path)


def test_another_detector_than_expected_is_an_error_that_names_both(folder: Path) -> None:
    message = load_error(folder, expected="alpa")
    assert message == f"{folder} holds a detector of kind autoencoder, not alpa; name a folder of alpa."


def test_the_expected_detector_is_loaded_from_a_path_or_a_string(folder: Path) -> None:
    assert load_detector(str(folder), expected="autoencoder").key == "autoencoder"


def test_an_unknown_detector_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"^Unknown detector mean; choose alpa, arae, .*, pca, vae\.$"):
        build_detector("mean", (1, 32, 32))


def test_a_config_is_the_dataclass_a_mapping_or_nothing() -> None:
    config = AutoencoderConfig(width=4, latent=3)
    assert build_detector("autoencoder", (1, 32, 32), config).config is config
    assert build_detector("autoencoder", (1, 32, 32), {"width": 4, "latent": 3}).config == config
    assert build_detector("autoencoder", (1, 32, 32)).config == AutoencoderConfig()


@pytest.mark.parametrize(("config", "kind"), [(AutoencoderConfig(), "AutoencoderConfig"), (3, "int")])
def test_a_config_of_another_kind_is_an_error(config: Any, kind: str) -> None:
    with pytest.raises(ConfigError, match=rf"^alpa takes a ALPAConfig, not a {kind}\.$"):
        build_detector("alpa", (1, 32, 32), config)


def test_a_key_that_the_detector_does_not_know_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"^Unknown key detectors\.alpa\.strenght; known here: .*strength"):
        build_detector("alpa", (1, 32, 32), {"strenght": 0.1})
    assert build_detector("alpa", (1, 32, 32), ALPAConfig(strength=0.2)).config.strength == 0.2
