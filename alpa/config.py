"""Sections of params.yaml to frozen dataclasses: an unknown key or a value that does not fit is one clear sentence."""

import functools
import re
import reprlib
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar, dataclass_transform, get_args, get_origin, get_type_hints

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from alpa.errors import ConfigError

STRICT = ConfigDict(extra="forbid", coerce_numbers_to_str=True, allow_inf_nan=False)
LARGEST = 2**31 - 1  # whole number; what is beyond, libraries do not take


def _no_truth_value(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("input should be a number")
    return value


Float = Annotated[float, BeforeValidator(_no_truth_value)]  # also as text, since YAML reads 1e-3 as that
PositiveInt = Annotated[int, Field(ge=1, le=LARGEST, strict=True)]
Count = Annotated[int, Field(ge=0, le=LARGEST, strict=True)]
Threads = Annotated[int, Field(ge=1, le=1024, strict=True)]
Seed = Annotated[int, Field(ge=0, lt=2**32, strict=True)]  # what numpy and scikit-learn take
PositiveFloat = Annotated[Float, Field(gt=0)]
NonNegativeFloat = Annotated[Float, Field(ge=0)]
Fraction = Annotated[Float, Field(gt=0, lt=1)]
Share = Annotated[Float, Field(gt=0, le=1)]
Side = Annotated[int, Field(ge=16, le=1024, strict=True)]  # of an image or a frame, in pixels
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(Field,))
def settings(cls: type[T]) -> type[T]:
    """Make a frozen dataclass whose values are checked: one that does not fit is a ConfigError of one sentence."""
    made: Any = dataclass(frozen=True, config=STRICT)(cls)
    init = made.__init__

    @functools.wraps(init)
    def checked(self: Any, *values: Any, **named: Any) -> None:
        try:
            init(self, *values, **named)
        except ValidationError as error:
            raise ConfigError(_sentence(made, error, made.__name__)) from None

    made.__init__ = checked
    return made


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 80


@settings
class TrainingConfig:
    """How a detector is fitted: `steps` batches of `batch_size` normal images, with no look at any test image."""

    steps: PositiveInt = 2000
    batch_size: Annotated[int, Field(ge=2, strict=True)] = 128  # batch norm needs two images
    learning_rate: PositiveFloat = 2e-3
    weight_decay: NonNegativeFloat = 1e-4
    validation_fraction: Fraction = 0.1
    preparation: Literal["unit", "scaled", "gcn"] = "unit"  # of pixels, see alpa.data.preparation


@settings
class VideoConfig:
    """How clips become samples: cuboids of `frames` frames, `step` apart, seen through square windows.

    `form`: a detector reconstructs the cuboid, or predicts its last frame from those before. `window` is the side of
    a window and `stride` the way to the next, in pixels; `training_windows` is how many are drawn to train. A window's
    score is averaged over the `span` frames around, and a frame's is the mean over its `top` highest windows.
    `smoothing` is the deviation, in frames, of the Gaussian of a second reading; 0 for none.
    """

    form: Literal["prediction", "reconstruction"] = "prediction"
    frames: Annotated[int, Field(ge=2, le=32, strict=True)] = 5
    step: PositiveInt = 1
    window: Annotated[int, Field(ge=16, multiple_of=8, strict=True)] = 32
    stride: PositiveInt = 16
    training_windows: Annotated[int, Field(ge=4, strict=True)] = 10_000
    span: PositiveInt = 9
    top: PositiveInt = 1
    smoothing: NonNegativeFloat = 0.0


def _address(text: str) -> str:
    if not re.fullmatch(r"(tcp|tls)://[^/\s]+:\d+", text):
        raise ValueError("it should be an address such as tcp://head:8786 or tls://head:8786")
    return text


@settings
class RuntimeConfig:
    """Where cells run: in processes of this machine, or on the workers of a Dask `scheduler` such as tcp://head:8786.

    `threads_per_cell` decides bits, and nothing else does that says where: `workers`, of which 0 means one per core
    but on a machine with GPUs at most `workers_per_gpu` on each, and `scheduler`.
    """

    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    threads_per_cell: Threads = 1
    workers: Count = 0
    workers_per_gpu: PositiveInt = 4
    scheduler: Annotated[str, AfterValidator(_address)] | None = None


def fill(cls: type[T], values: Mapping[str, Any] | None, where: str) -> T:
    """Build the dataclass `cls` from a mapping.

    Raises:
        ConfigError: with `where`, the key, its value and the remedy, for the first key at fault.
    """
    try:
        return TypeAdapter(cls).validate_python({} if values is None else values)
    except ValidationError as error:
        raise ConfigError(_sentence(cls, error, where)) from None
    except ValueError:  # pydantic's own errors apart, Python does not write numbers that are longer than that
        raise ConfigError(
            f"{where or 'A section'} holds a number of thousands of digits; give a shorter one."
        ) from None


def _sentence(cls: type, error: ValidationError, where: str) -> str:
    """Return one sentence for the first problem that pydantic found, with what each branch of a union would take."""
    problems = error.errors(include_url=False)
    first = problems[0]
    path = _path(where, first["loc"])
    if first["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"Unknown key {path}; known here: {', '.join(_section(cls, first['loc']).__dataclass_fields__)}."
    if first["type"] in ("missing", "missing_argument"):
        return f"{path} is missing; add it to params.yaml."
    reasons = [
        problem["msg"].removeprefix("Value error, ") for problem in problems if _path(where, problem["loc"]) == path
    ]
    reason = " or ".join(f"{text[0].lower()}{text[1:].rstrip('.')}" for text in dict.fromkeys(reasons))
    return f"{path} is {_shown(first['input'])}: {reason.replace('valid tuple', 'list').replace('tuple', 'list')}."


def _shown(value: Any) -> str:
    """Return a value as Python writes it, shortened where it is long: YAML's anchors can make it longer than memory."""
    try:
        return _SHORT.repr(value)
    except ValueError:  # whole numbers of thousands of digits are not written
        return "a number of thousands of digits"


def _path(where: str, loc: tuple[int | str, ...]) -> str:
    """Return the dotted path of a problem's place in the file."""
    return ".".join([where, *(str(part) for part in loc if not _is_branch(part))]).strip(".")


def _section(cls: Any, loc: tuple[int | str, ...]) -> Any:
    """Return the dataclass in which the last part of a location stands."""
    for part in loc[:-1]:
        cls = get_args(cls)[1] if get_origin(cls) is dict else get_type_hints(cls)[str(part)]
    return cls


def _is_branch(part: object) -> bool:
    """Tell whether a location part is pydantic's name for a union's branch rather than a key of the file."""
    return isinstance(part, str) and ("[" in part or part in ("str", "tuple", "constrained-int"))
