"""The values that a detector is trained with, as the tune stage leaves them for the train stage."""

from pathlib import Path
from typing import Any

import yaml

from alpa.errors import ConfigError

TUNED = Path("runs/tuned")


def tuned_path(benchmark: str, detector: str) -> Path:
    """Return where the tune stage leaves a detector's values."""
    return TUNED / benchmark / f"{detector}.yaml"


def read_tuned(benchmark: str, detector: str) -> dict[str, Any]:
    """Return the values that the tune stage chose; raise ConfigError where it left none."""
    path = tuned_path(benchmark, detector)
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        values = None
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds no values; run `python -m pipeline.tune {benchmark} {detector}`.")
    return values
