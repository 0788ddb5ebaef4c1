"""The small detectors and the toy set of the detectors' tests, and a small data set of three classes."""

from collections.abc import Callable

import numpy as np
import pytest

from alpa.data.raw import TEST, TRAIN, UNDECIDED, RawImages
from tests.detectors.conftest import (  # noqa: F401
    _one_thread,
    anomalous_images,
    build,
    fit,
    key,
    mixed,
    normal_images,
    prepared,
    short,
    trained,
)

NAMES = ("cat", "dog", "eel")


@pytest.fixture
def make_raw() -> Callable[..., RawImages]:
    """Return a factory of data sets of 60 images of 16 x 16 that all differ, with or without published parts."""

    def make(parts: bool) -> RawImages:
        images = np.random.default_rng(0).integers(0, 256, (60, 1, 16, 16), dtype=np.uint8)
        part = np.where(np.arange(60) < 40, TRAIN, TEST) if parts else np.full(60, UNDECIDED)
        return RawImages("toy", NAMES, images, np.arange(60) % 3, part.astype(np.int8))

    return make
