"""Every detector by its key, which is also its file, its section in params.yaml and its row in the leaderboard."""

import inspect
import json
import operator
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alpa.config import fill
from alpa.data.preparation import Preparation
from alpa.detectors.alpa import ALPA
from alpa.detectors.arae import ARAE
from alpa.detectors.autoencoder import Autoencoder
from alpa.detectors.deep_svdd import DeepSVDD
from alpa.detectors.denoising import Denoising
from alpa.detectors.detector import Detector, brief
from alpa.detectors.ganomaly import GANomaly
from alpa.detectors.ganomaly_tuned import TunedGANomaly
from alpa.detectors.isolation_forest import IsolationForest
from alpa.detectors.knn import NearestNeighbours
from alpa.detectors.lof import LocalOutlierFactor
from alpa.detectors.memae import MemAE
from alpa.detectors.ocsvm import OneClassSVM
from alpa.detectors.oled import OLED
from alpa.detectors.pca import PrincipalComponents
from alpa.detectors.vae import VAE
from alpa.errors import AlpaError, ConfigError, ModelError
from alpa.files import read_text

DETECTORS: dict[str, type[Detector]] = {
    "alpa": ALPA,
    "arae": ARAE,
    "autoencoder": Autoencoder,
    "deep_svdd": DeepSVDD,
    "denoising": Denoising,
    "ganomaly": GANomaly,
    "ganomaly_tuned": TunedGANomaly,
    "isolation_forest": IsolationForest,
    "knn": NearestNeighbours,
    "lof": LocalOutlierFactor,
    "memae": MemAE,
    "ocsvm": OneClassSVM,
    "oled": OLED,
    "pca": PrincipalComponents,
    "vae": VAE,
}

MOST_VALUES = 2**24  # of an image or a cuboid; more is a damaged description


def detector_class(key: str) -> type[Detector]:
    """Return the class registered as `key`; raise ConfigError with the known keys otherwise."""
    if key not in DETECTORS:
        raise ConfigError(f"Unknown detector {key}; choose {', '.join(DETECTORS)}.")
    return DETECTORS[key]


def build_detector(
    key: str, image_shape: tuple[int, ...], config: Any = None, seed: int = 0, predicted: int = 0
) -> Detector:
    """Build an untrained detector.

    Args:
        key: one of DETECTORS.
        image_shape: (C, H, W) of the images it will see, or of cuboids with their frames as channels.
        config: the detector's own dataclass, a mapping of its fields, or None for the defaults.
        seed: decides the initial weights, the validation share and the order of batches.
        predicted: how many of the last channels it predicts from those before; 0 to reconstruct all of them.

    Raises:
        ConfigError: an unknown key, a config that does not fit the detector, or one that cannot predict and is to.
    """
    cls = detector_class(key)
    shape, seed = _checked_shape(image_shape), _checked_seed(seed)
    if config is None or isinstance(config, Mapping):
        config = fill(cls.config_class, config, f"detectors.{key}")
    if not isinstance(config, cls.config_class):
        raise ConfigError(f"{key} takes a {cls.config_class.__name__}, not a {type(config).__name__}.")
    if not 0 <= predicted < shape[0]:
        raise ConfigError(f"predicted is {predicted} of {shape[0]} channels; leave some to predict from, or give 0.")
    if predicted and "predicted" not in inspect.signature(cls).parameters:
        problem = f"{key} has no parameter `predicted`, so it cannot be told to predict frames"
        raise ConfigError(f"{problem}; add it to its __init__, or set video.form to reconstruction.")
    try:
        return cls(shape, config, seed, *([predicted] if predicted else []))
    except (RuntimeError, MemoryError) as error:  # torch has no memory for so many parameters, or cannot count them
        raise ConfigError(f"{key} cannot be built with {config} ({brief(error)}); choose smaller sizes.") from None


def _checked_shape(image_shape: Any) -> tuple[int, int, int]:
    """Return (C, H, W) if it is one."""
    try:
        channels, height, width = map(operator.index, image_shape)
        if min(channels, height, width) > 0 and channels * height * width <= MOST_VALUES:
            return channels, height, width
    except (TypeError, ValueError):
        pass
    raise ConfigError(
        f"image_shape is {image_shape!r}; give (C, H, W), three numbers above 0, {MOST_VALUES} values at most."
    )


def _checked_seed(seed: Any) -> int:
    """Return a seed that torch, numpy and scikit-learn take."""
    if not hasattr(seed, "__index__") or not 0 <= operator.index(seed) < 2**32:
        raise ConfigError(f"seed is {seed!r}; give a whole number from 0 to {2**32 - 1}.")
    return operator.index(seed)


def load_detector(folder: Path | str, expected: str | None = None) -> Detector:
    """Load a detector that `Detector.save` wrote, ready to score on the CPU.

    Args:
        folder: holds model.safetensors and detector.json.
        expected: the key it must have, if that is known.

    Raises:
        ModelError: a file is missing or damaged, or the folder holds another detector than `expected`.
    """
    folder = Path(folder)
    try:
        description = json.loads(read_text(folder / "detector.json"))
        key, shape = str(description["detector"]), tuple(map(int, description["image_shape"]))
        config, seed = description["config"], int(description["seed"])
        predicted, preparation = (
            int(description.get("predicted", 0)),
            Preparation(description.get("preparation", "unit")),
        )
    except (AlpaError, OSError, ArithmeticError, ValueError, KeyError, TypeError) as error:
        raise _undescribed(folder, error) from None
    if expected is not None and key != expected:
        raise ModelError(f"{folder} holds a detector of kind {key}, not {expected}; name a folder of {expected}.")
    try:
        detector = build_detector(key, shape, config, seed, predicted)
        detector.preparation = preparation
    except (AlpaError, ValueError, RuntimeError) as error:
        raise _undescribed(folder, error) from None
    return detector.restore(folder)


def _undescribed(folder: Path, error: Exception) -> ModelError:
    return ModelError(f"{folder}/detector.json does not describe a detector ({brief(error)}); train it again.")
