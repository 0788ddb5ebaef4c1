"""The search space of a detector: which of its parameters a study may change, and between which values."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any, get_type_hints

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
)
from pydantic import Field

from alpa.config import Float, fill, settings
from alpa.errors import ConfigError

Space = dict[str, BaseDistribution]
CHOICES: Any = Annotated[tuple[str | int | float | bool, ...], Field(min_length=2)]


@settings
class Interval:
    """All values between two, both included; on a logarithmic scale if `log`."""

    low: Float
    high: Float
    log: bool = False


def read_space(config_class: type, entries: Mapping[str, Any] | None, where: str) -> Space:
    """Turn a section of params.yaml into distributions by parameter; one that is null is not searched.

    Args:
        config_class: the detector's dataclass, whose types and ranges every value must fit.
        entries: parameter -> {low, high, log} or a list of choices.
        where: the section's path, for messages.

    Raises:
        ConfigError: a parameter is unknown, or an interval or a choice does not fit it.
    """
    space: Space = {}
    known = [field.name for field in fields(config_class)]
    for name, entry in sorted((entries or {}).items()):
        if name not in known:
            raise ConfigError(f"Unknown key {where}.{name}; known here: {', '.join(known)}.")
        if entry is not None:
            space[name] = _distribution(config_class, name, entry, f"{where}.{name}")
    return space


def outside(space: Space, values: Mapping[str, Any]) -> list[str]:
    """Return the parameters whose value lies outside of the space: that value was wanted, so it stays."""
    return [name for name, distribution in space.items() if not _holds(distribution, values[name])]


def describe(space: Space) -> dict[str, str]:
    """Return each parameter's distribution as text that tells equal ones from others."""
    return {name: distribution_to_json(distribution) for name, distribution in sorted(space.items())}


def _distribution(config_class: type, name: str, entry: Any, where: str) -> BaseDistribution:
    if isinstance(entry, list | tuple):
        listed: Any = entry
        choices = fill(CHOICES, listed, where)
        _check_values(config_class, name, choices, where)
        return CategoricalDistribution(choices)
    interval = fill(Interval, entry, where)
    if interval.low >= interval.high:
        raise ConfigError(f"{where} goes from {interval.low:g} to {interval.high:g}; high must be above low.")
    if interval.log and interval.low <= 0:
        raise ConfigError(f"{where}.low is {interval.low:g}: a logarithmic scale needs values above 0.")
    if get_type_hints(config_class)[name] is int:
        low, high = int(interval.low), int(interval.high)
        if (low, high) != (interval.low, interval.high):
            raise ConfigError(f"{where} goes from {interval.low:g} to {interval.high:g}; {name} takes whole numbers.")
        _check_values(config_class, name, (low, low + 1, high), where)  # not every parameter takes all whole numbers
        return IntDistribution(low, high, log=interval.log)
    _check_values(config_class, name, (interval.low, interval.high), where)
    return FloatDistribution(interval.low, interval.high, log=interval.log)


def _check_values(config_class: type, name: str, values: tuple[Any, ...], where: str) -> None:
    """Raise ConfigError unless the detector takes each of the values."""
    for value in values:
        fill(config_class, {name: value}, where.removesuffix(f".{name}"))


def _holds(distribution: BaseDistribution, value: Any) -> bool:
    if isinstance(distribution, CategoricalDistribution):
        return value in distribution.choices
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    return bool(distribution.low <= value <= distribution.high)
