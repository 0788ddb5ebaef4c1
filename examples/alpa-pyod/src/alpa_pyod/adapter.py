"""Any detector of PyOD, on principal components or pixels of images; nothing of it is pickled.

Y. Zhao, Z. Nasrullah and Z. Li, PyOD: A Python Toolbox for Scalable Outlier Detection, Journal of Machine Learning
Research 20(96), 2019; its code, github.com/yzhao062/pyod, is under the BSD 2-clause licence and is called, not copied.
"""

import importlib
import inspect
from functools import cached_property
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from threadpoolctl import threadpool_limits
from torch import Tensor

from alpa import Detector, TrainingConfig
from alpa.config import Count, PositiveInt, settings
from alpa.data.batches import StreamedImages
from alpa.errors import ConfigError, ModelError

ModelName = Annotated[str, Field(pattern=r"^[a-z_0-9]+\.[A-Za-z_0-9]+$")]
PROBES = 4  # fitted samples by which a detector is told that looks at what is scored together


@settings
class PyODConfig:
    """`model` is PyOD's module and class; `parameters` are that class's arguments.

    It sees the first `components` principal components of the images, their pixels where that is 0, of at most
    `samples` training images, drawn with the seed.
    """

    model: ModelName = "iforest.IForest"
    components: Count = 32
    samples: PositiveInt = 2000
    parameters: dict[str, str | float | int | bool] = Field(default_factory=dict)


@settings
class IForestConfig(PyODConfig):
    """PyOD's isolation forest."""


@settings
class ECODConfig(PyODConfig):
    """Empirical cumulative distributions, a dimension at a time."""

    model: ModelName = "ecod.ECOD"


@settings
class COPODConfig(PyODConfig):
    """The empirical copula."""

    model: ModelName = "copod.COPOD"


@settings
class HBOSConfig(PyODConfig):
    """Histograms, a dimension at a time."""

    model: ModelName = "hbos.HBOS"


class PyOD(Detector):
    """What is saved is what PyOD's detector was fitted on: it is fitted again, alike, when it is first needed."""

    key = "pyod"
    config_class: ClassVar[type] = PyODConfig
    primary_score = "outlier"
    uses = ("validation_fraction", "preparation")

    def __init__(self, image_shape: tuple[int, ...], config: PyODConfig, seed: int, predicted: int = 0) -> None:
        super().__init__(image_shape, config, seed, predicted)
        _class_of(config.model)
        self.register_buffer("mean", torch.zeros(0))  # (pixels,)
        self.register_buffer("components", torch.zeros(0))  # (components, pixels); one number where there are none
        self.register_buffer("references", torch.zeros(0))  # (samples, features)

    def learn(self, images: Any, training: TrainingConfig, runtime: Any) -> None:
        drawn = np.random.default_rng(self.seed).permutation(len(images))[: self.config.samples]
        chosen = (images.load() if isinstance(images, StreamedImages) else images)[np.sort(drawn)]
        pixels = self.preparation(chosen).flatten(1).float().cpu()  # (N, C, H, W) -> (N, pixels)
        self.mean = pixels.mean(0)
        self.components = self._principal(pixels - self.mean)
        self.references = self._features(pixels)
        _ = self.fitted_model  # what PyOD does not like is said now

    def _principal(self, centred: Tensor) -> Tensor:
        from sklearn.decomposition import PCA

        kept = min(self.config.components, *centred.shape)
        if not kept:
            return torch.zeros(1)
        fitted = PCA(kept, svd_solver="full", random_state=self.seed).fit(centred.numpy())
        return torch.from_numpy(np.ascontiguousarray(fitted.components_, np.float32))

    def _features(self, pixels: Tensor) -> Tensor:
        """Return what PyOD sees of prepared pixels: (N, pixels) -> (N, features), float32."""
        if self.components.dim() < 2:
            return pixels
        return (pixels - self.mean.cpu()) @ self.components.cpu().T

    @cached_property
    def fitted_model(self) -> Any:
        """PyOD's detector, fitted to the references: with one thread, so that it is the same wherever it is loaded."""
        model_class = _class_of(self.config.model)
        seeded = {"random_state": self.seed} if "random_state" in inspect.signature(model_class).parameters else {}
        features = self.references.cpu().numpy().astype(np.float64)
        try:
            with threadpool_limits(1):
                return model_class(**seeded | self.config.parameters).fit(features)
        except (TypeError, ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
            raise ModelError(f"{self.config.model} cannot be fitted ({error}); mend its parameters.") from error

    @cached_property
    def one_by_one(self) -> bool:
        """Whether a sample's score depends on those scored with it, as some of PyOD's detectors rank all together."""
        features = self.references[:PROBES].cpu().numpy().astype(np.float64)
        alone = np.concatenate([self.fitted_model.decision_function(row[np.newaxis]) for row in features])
        return not np.allclose(alone, self.fitted_model.decision_function(features), rtol=1e-9, atol=1e-12)

    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        features = self._features(images.flatten(1).float().cpu()).numpy().astype(np.float64)
        model = self.fitted_model
        with threadpool_limits(1):
            if self.one_by_one:
                scores = np.concatenate([model.decision_function(row[np.newaxis]) for row in features])
            else:
                scores = model.decision_function(features)
        return {"outlier": torch.from_numpy(np.asarray(scores, np.float32))}


class IForest(PyOD):
    key = "iforest"
    config_class: ClassVar[type] = IForestConfig


class ECOD(PyOD):
    key = "ecod"
    config_class: ClassVar[type] = ECODConfig


class COPOD(PyOD):
    key = "copod"
    config_class: ClassVar[type] = COPODConfig


class HBOS(PyOD):
    key = "hbos"
    config_class: ClassVar[type] = HBOSConfig


def _class_of(model: str) -> Any:
    """Return PyOD's class; raise ConfigError where there is none of that name."""
    module, _, name = model.partition(".")
    try:
        found = getattr(importlib.import_module(f"pyod.models.{module}"), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"PyOD has no {model} here ({error}); name a module and its class, as hbos.HBOS.") from None
    return found
