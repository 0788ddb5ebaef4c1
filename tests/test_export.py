import json
from pathlib import Path

import numpy as np
import pytest
import torch

import alpa
from alpa.errors import ConfigError
from alpa.export import TOLERANCE, export, scale_of
from alpa.model import Model
from tests.cli.made_up import washers

onnxruntime = pytest.importorskip("onnxruntime")

SMALL = {
    "alpa": {"width": 4, "latent": 4},
    "ganomaly": {
        "features": 8,
        "latent": 32,
        "minimum_steps": 20,
        "epochs": 1,
        "batch_size": 16,
        "learning_rate": 2e-3,
    },
}


@pytest.fixture(scope="module", params=[*SMALL, "pca"])
def model(request: pytest.FixtureRequest) -> Model:
    """A model of each kind of networks that can be exported, and one with another preparation and score."""
    if request.param == "pca":
        return alpa.fit(washers(60), "pca", threads=1, preparation="gcn", size=24)
    by = {"alpa": "combined", "ganomaly": "encoder_gap"}[request.param]
    return alpa.fit(washers(60), request.param, steps=30, threads=1, config=SMALL[request.param], by=by)


def expected(model: Model, images: np.ndarray) -> tuple[np.ndarray, ...]:
    scores = model.anomaly_scores(images)
    made = model.detector.reconstruct(images)  # type: ignore[operator]
    return scores, model.p_values(scores), made, model.error_maps(images)


def check(model: Model, outputs: tuple[np.ndarray, ...], images: np.ndarray) -> None:
    scores, p_values, made, heat = expected(model, images)
    assert (np.abs(outputs[0] - scores) <= TOLERANCE * scale_of(model, scores)).all()
    assert np.allclose(outputs[1], p_values, atol=1e-6)
    assert np.allclose(outputs[2], made, atol=1e-4)
    assert np.allclose(outputs[3], heat, atol=1e-4)


def test_onnx_gives_the_models_scores_p_values_reconstructions_and_heat_maps(model: Model, tmp_path: Path) -> None:
    assert export(model, tmp_path / "x.onnx") <= TOLERANCE
    session = onnxruntime.InferenceSession(tmp_path / "x.onnx", providers=["CPUExecutionProvider"])
    images = model.prepared(np.concatenate([washers(4, 1000), washers(4, 2000, scratched=True)]))
    for some in (images, images[:1]):
        check(model, session.run(["score", "p_value", "reconstruction", "heat_map"], {"images": some}), some)
    facts = session.get_modelmeta().custom_metadata_map
    assert json.loads(facts["threshold"]) == pytest.approx(model.threshold())
    assert json.loads(facts["image_shape"]) == list(model.image_shape)


def test_a_program_of_torch_gives_the_same(model: Model, tmp_path: Path) -> None:
    images = model.prepared(washers(5, 1000))
    export(model, tmp_path / "x.pt2")
    outputs = torch.export.load(tmp_path / "x.pt2").module()(torch.from_numpy(images))
    check(model, tuple(output.numpy() for output in outputs), images)


def test_without_its_packages_onnx_is_refused_with_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    model = alpa.fit(washers(40), "pca", threads=1)
    with pytest.raises(ConfigError, match=r'onnx is not installed; run pip install "alpa\[onnx\]", or export a .pt2'):
        export(model, tmp_path / "x.onnx")
    assert list(tmp_path.iterdir()) == []
