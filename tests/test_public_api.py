import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import alpa

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("name", alpa.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(alpa, name).__doc__


def test_the_list_of_public_names_is_complete() -> None:
    assert sorted(alpa.__all__) == sorted(alpa._HOMES)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'alpa' has no attribute 'detector_zoo'"):
        _ = alpa.detector_zoo


def test_the_import_does_no_work() -> None:
    heavy = "torch", "sklearn", "pandas", "mlflow", "matplotlib", "pydantic"
    code = f"import sys, alpa; sys.exit(' '.join(sys.modules.keys() & {set(heavy)!r}))"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.stderr.strip() == ""


def test_the_version_is_said_alike_everywhere() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == alpa.__version__
    cited = re.search(r"^version: *\"?([^\s\"]+)", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert cited is not None
    assert cited[1] == alpa.__version__


def test_a_detector_is_built_fitted_scored_saved_and_loaded(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 1, 32, 32), dtype=np.uint8)
    config = alpa.ALPAConfig(width=4, latent=2, strength=0.1)
    detector = alpa.build_detector("alpa", image_shape=(1, 32, 32), config=config, seed=0)
    assert detector.fit(images, alpa.TrainingConfig(steps=2, batch_size=8)) is detector
    scores = detector.anomaly_scores(images)
    assert (scores.shape, scores.dtype) == ((20,), np.float32)
    detector.save(tmp_path)
    assert alpa.load_detector(tmp_path).anomaly_scores(images).tobytes() == scores.tobytes()
    with pytest.raises(alpa.AlpaError):
        alpa.load_detector(tmp_path, expected="pca")
