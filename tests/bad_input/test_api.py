"""The same from Python: every error that the input causes is an AlpaError of one sentence."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import alpa
from alpa.errors import ConfigError, DataError, ModelError

SHAPE = (1, 16, 16)
IMAGES = np.random.default_rng(0).integers(0, 256, (12, *SHAPE), dtype=np.uint8)


def build(**changed: Any) -> alpa.Detector:
    return alpa.build_detector(**{"key": "pca", "image_shape": SHAPE, "config": {"components": 2}} | changed)


def fitted() -> alpa.Detector:
    return build().fit(IMAGES)


BUILDING: dict[str, tuple[Callable[[], object], type[alpa.AlpaError], tuple[str, ...]]] = {
    "an unknown detector": (lambda: build(key="svdd"), ConfigError, ("Unknown detector svdd; choose alpa",)),
    "an unknown detector of two lines": (lambda: build(key="a\nb"), ConfigError, ("Unknown detector a\\nb; choose",)),
    "an unknown key": (
        lambda: build(config={"whiten": 1}),
        ConfigError,
        ("Unknown key detectors.pca.whiten; known here: components",),
    ),
    "a value out of range": (
        lambda: build(config={"components": 0}),
        ConfigError,
        ("detectors.pca.components is 0: ",),
    ),
    "another detector's settings": (
        lambda: build(config=alpa.ALPAConfig()),
        ConfigError,
        ("pca takes a PCAConfig, not a ALPAConfig",),
    ),
    "two sides": (lambda: build(image_shape=(16, 16)), ConfigError, ("image_shape is (16, 16); give (C, H, W)",)),
    "no channels": (lambda: build(image_shape=(0, 16, 16)), ConfigError, ("image_shape is (0, 16, 16); give",)),
    "a shape of texts": (lambda: build(image_shape="abc"), ConfigError, ("image_shape is 'abc'; give (C, H, W)",)),
    "no shape": (lambda: build(image_shape=None), ConfigError, ("image_shape is None; give (C, H, W)",)),
    "a shape beyond memory": (
        lambda: build(image_shape=(3, 2**20, 2**20)),
        ConfigError,
        ("image_shape is (3, 1048576, 1048576); give",),
    ),
    "sides that cannot be halved": (
        lambda: build(key="alpa", image_shape=(1, 30, 30), config=None),
        ConfigError,
        ("Images of 30 x 30 cannot be halved 3 times; give sides that are multiples of 8.",),
    ),
    "a side that GANomaly has no layers for": (
        lambda: build(key="ganomaly", image_shape=(1, 24, 24), config=None),
        ConfigError,
        ("24", "16, 32, 64"),
    ),
    "a network beyond memory": (
        lambda: build(key="alpa", config={"width": 2**30}),
        ConfigError,
        ("alpa cannot be built with ALPAConfig(width=1073741824", "; choose smaller sizes."),
    ),
    "a negative seed": (lambda: build(seed=-1), ConfigError, ("seed is -1; give a whole number from 0",)),
    "a seed that is a text": (lambda: build(seed="1"), ConfigError, ("seed is '1'; give a whole number from 0",)),
    "nothing to predict from": (lambda: build(predicted=1), ConfigError, ("predicted is 1 of 1 channels; leave some",)),
    "no steps": (lambda: alpa.TrainingConfig(steps=0), ConfigError, ("TrainingConfig.steps is 0: ", "equal to 1.")),
    "a rate that is no number": (
        lambda: alpa.TrainingConfig(learning_rate=math.nan),
        ConfigError,
        ("TrainingConfig.learning_rate is nan: ", "finite number."),
    ),
    "an unknown setting": (
        lambda: alpa.TrainingConfig(epochs=3),  # type: ignore[call-arg]
        ConfigError,
        ("Unknown key TrainingConfig.epochs; known here: steps",),
    ),
    "an unknown device": (
        lambda: alpa.RuntimeConfig(device="tpu"),  # type: ignore[arg-type]
        ConfigError,
        ("RuntimeConfig.device is 'tpu': ", "'auto', 'cpu' or 'cuda'."),
    ),
    "a negative strength": (lambda: alpa.ALPAConfig(strength=-1), ConfigError, ("ALPAConfig.strength is -1: ",)),
}
USING: dict[str, tuple[Callable[[], object], type[alpa.AlpaError], tuple[str, ...]]] = {
    "images of fractions": (
        lambda: build().fit(IMAGES / 255),
        DataError,
        ("pca takes uint8 images of shape (N, 1, 16, 16), not float64 of shape (12, 1, 16, 16).",),
    ),
    "images of another shape": (
        lambda: build().fit(IMAGES[:, 0]),
        DataError,
        ("pca takes uint8 images of shape (N, 1, 16, 16), not uint8 of shape (12, 16, 16).",),
    ),
    "a list of images": (
        lambda: build().fit(list(IMAGES)),  # type: ignore[arg-type]
        DataError,
        ("pca takes uint8 images of shape (N, 1, 16, 16) as a numpy array, not a list.",),
    ),
    "no images": (lambda: build().fit(IMAGES[:0]), DataError, ("not uint8 of shape (0, 1, 16, 16).",)),
    "three images": (
        lambda: build().fit(IMAGES[:3]),
        DataError,
        ("has 3 training images; a detector needs at least 4.",),
    ),
    "groups of other images": (
        lambda: build().fit(IMAGES, groups=np.zeros(3, np.int64)),
        DataError,
        ("groups has shape (3,); give the clip of each of the 12 images.",),
    ),
    "a mapping for the training": (
        lambda: build().fit(IMAGES, {"steps": 3}),  # type: ignore[arg-type]
        ConfigError,
        ("training is a dict; give a TrainingConfig.",),
    ),
    "fitting twice": (lambda: fitted().fit(IMAGES), ModelError, ("pca detector was fitted before; build a new one",)),
    "scores before fitting": (
        lambda: build().anomaly_scores(IMAGES),
        ModelError,
        ("This pca detector is not fitted; call fit first.",),
    ),
    "scores of images of another shape": (
        lambda: fitted().anomaly_scores(np.zeros((3, 1, 8, 8), np.uint8)),
        DataError,
        ("not uint8 of shape (3, 1, 8, 8).",),
    ),
    "scores of nothing": (lambda: fitted().anomaly_scores(None), DataError, ("not a NoneType.",)),  # type: ignore[arg-type]
    "windows larger than the frames": (
        lambda: fitted().window_scores(np.zeros((1, 1, 8, 8), np.uint8), 16, 8),
        DataError,
        ("Frames of 8 pixels a side do not hold windows of 16; set video.window lower.",),
    ),
    "saving before fitting": (lambda: build().save(Path()), ModelError, ("is not fitted; call fit first.",)),
    "saving to no folder": (lambda: fitted().save("no/such"), ModelError, ("no/such is not a folder; make it, ",)),
    "loading from nowhere": (
        lambda: alpa.load_detector("no/such"),
        ModelError,
        ("no/such/detector.json does not describe a detector (No such file or directory); train it again.",),
    ),
}
CASES = BUILDING | USING


@pytest.mark.parametrize(("call", "kind", "says"), CASES.values(), ids=CASES)
def test_a_call_raises_one_sentence(
    call: Callable[[], object], kind: type[alpa.AlpaError], says: tuple[str, ...]
) -> None:
    with pytest.raises(kind) as caught:
        call()
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    assert [part for part in says if part not in text] == [], text
