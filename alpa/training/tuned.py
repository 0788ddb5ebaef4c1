"""The values that a detector is trained with, as the tune stage leaves them for the train stage."""

from pathlib import Path
from typing import Any

from alpa.errors import ConfigError
from alpa.yaml_file import read_yaml

TUNED = Path("runs/tuned")


def tuned_path(benchmark: str, detector: str) -> Path:
    """Return where the tune stage leaves a detector's values."""
    return TUNED / benchmark / f"{detector}.yaml"


def read_tuned(benchmark: str, detector: str) -> dict[str, Any]:
    """Return the values that the tune stage chose; raise ConfigError where it left none."""
    path = tuned_path(benchmark, detector)
    try:
        values = read_yaml(path)
    except ConfigError:
        values = None
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds no values; run `python -m pipeline.tune {benchmark} {detector}`.")
    return values
