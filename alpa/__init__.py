"""One-class anomaly detection with adversarially learned perturbations of latent space, and honest benchmarks of it."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alpa.config import RuntimeConfig, TrainingConfig
    from alpa.data.packaged import Dataset
    from alpa.detectors import DETECTORS, build_detector, load_detector
    from alpa.detectors.alpa import ALPAConfig
    from alpa.detectors.detector import Detector
    from alpa.errors import AlpaError
    from alpa.estimator import ALPADetector
    from alpa.fitting import fit
    from alpa.model import Model, load_model

__version__ = "0.1.0"

_HOMES = {
    "ALPAConfig": "alpa.detectors.alpa",
    "ALPADetector": "alpa.estimator",
    "AlpaError": "alpa.errors",
    "DETECTORS": "alpa.detectors",
    "Dataset": "alpa.data.packaged",
    "Detector": "alpa.detectors.detector",
    "Model": "alpa.model",
    "RuntimeConfig": "alpa.config",
    "TrainingConfig": "alpa.config",
    "build_detector": "alpa.detectors",
    "fit": "alpa.fitting",
    "load_detector": "alpa.detectors",
    "load_model": "alpa.model",
}
__all__ = [
    "DETECTORS",
    "ALPAConfig",
    "ALPADetector",
    "AlpaError",
    "Dataset",
    "Detector",
    "Model",
    "RuntimeConfig",
    "TrainingConfig",
    "build_detector",
    "fit",
    "load_detector",
    "load_model",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, since torch takes seconds to import."""
    if name not in _HOMES:
        raise AttributeError(f"module 'alpa' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
