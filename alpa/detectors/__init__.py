"""Every detector by its key, which is also its file, its section in params.yaml and its row in the leaderboard."""

import inspect
import json
import operator
import pkgutil
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alpa import plugins
from alpa.config import fill
from alpa.errors import AlpaError, ConfigError, ModelError
from alpa.files import read_text

if TYPE_CHECKING:
    from alpa.detectors.detector import Detector


class Registry(MutableMapping[str, "type[Detector]"]):
    """Classes by key, each imported when it is first asked for, since torch takes seconds."""

    def __init__(self, places: Mapping[str, str]) -> None:
        """Take where each class lies, as module:class."""
        self._found: dict[str, str | type[Detector]] = dict(places)

    def __getitem__(self, key: str) -> "type[Detector]":
        found = self._found[key]
        if isinstance(found, str):
            found = self._found[key] = pkgutil.resolve_name(found)
        return found

    def __setitem__(self, key: str, value: "type[Detector]") -> None:
        self._found[key] = value

    def __delitem__(self, key: str) -> None:
        del self._found[key]

    def __contains__(self, key: object) -> bool:
        return key in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


DETECTORS = Registry(
    {
        "alpa": "alpa.detectors.alpa:ALPA",
        "arae": "alpa.detectors.arae:ARAE",
        "autoencoder": "alpa.detectors.autoencoder:Autoencoder",
        "deep_svdd": "alpa.detectors.deep_svdd:DeepSVDD",
        "denoising": "alpa.detectors.denoising:Denoising",
        "ganomaly": "alpa.detectors.ganomaly:GANomaly",
        "ganomaly_tuned": "alpa.detectors.ganomaly_tuned:TunedGANomaly",
        "isolation_forest": "alpa.detectors.isolation_forest:IsolationForest",
        "knn": "alpa.detectors.knn:NearestNeighbours",
        "lof": "alpa.detectors.lof:LocalOutlierFactor",
        "memae": "alpa.detectors.memae:MemAE",
        "ocsvm": "alpa.detectors.ocsvm:OneClassSVM",
        "oled": "alpa.detectors.oled:OLED",
        "pca": "alpa.detectors.pca:PrincipalComponents",
        "vae": "alpa.detectors.vae:VAE",
    }
)

MOST_VALUES = 2**24  # of an image or a cuboid; more is a damaged description


def detector_class(key: str) -> "type[Detector]":
    """Return the class registered as `key`, here or by another package (`alpa.plugins`).

    Raises:
        ConfigError: with the known keys if it is unknown; a package declares it although it is known, or declares
            something that cannot be imported or is no detector of this key.
    """
    entry = plugins.find("alpa.detectors", key, DETECTORS.keys())
    if entry is None and key in DETECTORS:
        return DETECTORS[key]
    if entry is None:
        known = ", ".join(name for name, _ in plugins.listed("alpa.detectors"))
        raise ConfigError(f"Unknown detector {key}; choose {known}.")
    from alpa.detectors.detector import Detector

    cls: type[Detector] = plugins.load("alpa.detectors", entry, Detector, "a subclass of alpa.Detector")
    if getattr(cls, "key", None) != key:
        problem = f"{plugins.origin(entry)} declares the detector {key} as {entry.value}, whose key is"
        raise ConfigError(f"{problem} {getattr(cls, 'key', 'missing')}; give both one name.")
    return cls


def build_detector(
    key: str, image_shape: tuple[int, ...], config: Any = None, seed: int = 0, predicted: int = 0
) -> "Detector":
    """Build an untrained detector.

    Args:
        key: of one of DETECTORS, or of one that another package declares.
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
        from alpa.detectors.detector import brief

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


def load_detector(folder: Path | str, expected: str | None = None) -> "Detector":
    """Load a detector that `Detector.save` wrote, ready to score on the CPU.

    Args:
        folder: holds model.safetensors and detector.json.
        expected: the key it must have, if that is known.

    Raises:
        ModelError: a file is missing or damaged, or the folder holds another detector than `expected`.
    """
    from alpa.data.preparation import Preparation

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
    from alpa.detectors.detector import brief

    return ModelError(f"{folder}/detector.json does not describe a detector ({brief(error)}); train it again.")
