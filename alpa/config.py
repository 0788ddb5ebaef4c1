"""params.yaml to frozen dataclasses: an unknown key, a wrong type or a value out of range is one clear sentence."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import yaml
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from alpa.errors import ConfigError

STRICT = ConfigDict(extra="forbid", coerce_numbers_to_str=True, allow_inf_nan=False)
PositiveInt = Annotated[int, Field(ge=1, strict=True)]
Count = Annotated[int, Field(ge=0, strict=True)]
Seed = Annotated[int, Field(ge=0, lt=2**32, strict=True)]  # what numpy and scikit-learn take
PositiveFloat = Annotated[float, Field(gt=0)]
NonNegativeFloat = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]

T = TypeVar("T")


@dataclass(frozen=True, config=STRICT)
class TrainingConfig:
    """How a detector is fitted: `steps` batches of `batch_size` normal images, with no look at any test image."""

    steps: PositiveInt = 2000
    batch_size: Annotated[int, Field(ge=2, strict=True)] = 128  # batch norm needs two images
    learning_rate: PositiveFloat = 2e-3
    weight_decay: NonNegativeFloat = 1e-4
    validation_fraction: Fraction = 0.1


@dataclass(frozen=True, config=STRICT)
class RuntimeConfig:
    """Where cells run. `threads_per_cell` decides bits, `workers` does not; 0 workers means one per core."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    threads_per_cell: PositiveInt = 1
    workers: Count = 0


@dataclass(frozen=True, config=STRICT)
class EvaluationConfig:
    """How intervals are made: resamples of the paired hierarchical bootstrap and their seed."""

    bootstrap_samples: PositiveInt = 1000
    bootstrap_seed: Seed = 0


@dataclass(frozen=True, config=STRICT)
class BenchmarkConfig:
    """A data set with a protocol and its settings; `training` and `detectors` override the shared sections."""

    dataset: Name
    protocol: Name
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)]
    classes: Literal["all"] | Annotated[tuple[str, ...], Field(min_length=1)] = "all"
    image_size: Literal[32] = 32
    split_seed: Seed = 0
    training: dict[str, Any] = Field(default_factory=dict)
    detectors: dict[str, dict[str, Any]] = Field(default_factory=dict)


@dataclass(frozen=True, config=STRICT)
class DataConfig:
    """Where raw data come from: a local root in torchvision's layout, or a mirror instead of the official address."""

    root: str | None = None
    mirror: str | None = None


@dataclass(frozen=True, config=STRICT)
class PipelineConfig:
    """The matrix of the workflow: which benchmarks exist, which detectors run on each, which make up the paper."""

    default: Name
    benchmarks: Annotated[tuple[Name, ...], Field(min_length=1)]
    datasets: Annotated[tuple[Name, ...], Field(min_length=1)]
    detectors: Annotated[tuple[Name, ...], Field(min_length=1)]
    paper: tuple[Name, ...] = ()


@dataclass(frozen=True, config=STRICT)
class Params:
    """The whole of params.yaml. Detector sections stay plain mappings until their own dataclass reads them."""

    pipeline: PipelineConfig
    benchmarks: dict[str, BenchmarkConfig]
    detectors: dict[str, dict[str, Any] | None]
    training: TrainingConfig
    runtime: RuntimeConfig
    evaluation: EvaluationConfig
    data: DataConfig

    def __post_init__(self) -> None:
        _same_names("pipeline.benchmarks", self.pipeline.benchmarks, "benchmarks", self.benchmarks)
        _same_names("pipeline.detectors", self.pipeline.detectors, "detectors", self.detectors)
        for name in (self.pipeline.default, *self.pipeline.paper):
            self.benchmark(name)
        used = {benchmark.dataset for benchmark in self.benchmarks.values()}
        _same_names("pipeline.datasets", self.pipeline.datasets, "the benchmarks' dataset entries", used)
        for key, benchmark in self.benchmarks.items():
            _no_doubles(f"benchmarks.{key}.seeds", benchmark.seeds)
            self.training_for(key)
            unknown = sorted(set(benchmark.detectors) - set(self.detectors))
            if unknown:
                raise ConfigError(f"benchmarks.{key}.detectors names {unknown[0]}; choose {', '.join(self.detectors)}.")

    def benchmark(self, key: str) -> BenchmarkConfig:
        """Return the benchmark called `key`; raise ConfigError with the known ones otherwise."""
        if key not in self.benchmarks:
            raise ConfigError(f"Benchmark {key} is not in params.yaml; choose {', '.join(self.benchmarks)}.")
        return self.benchmarks[key]

    def training_for(self, benchmark: str) -> TrainingConfig:
        """Return the shared training section with the benchmark's overrides."""
        base = {name: getattr(self.training, name) for name in self.training.__dataclass_fields__}
        return fill(TrainingConfig, base | self.benchmark(benchmark).training, f"benchmarks.{benchmark}.training")

    def detector_section(self, benchmark: str, detector: str) -> dict[str, Any]:
        """Return the detector's section with the benchmark's overrides, still a plain mapping."""
        if detector not in self.detectors:
            raise ConfigError(f"Detector {detector} is not in params.yaml; choose {', '.join(self.detectors)}.")
        return dict(self.detectors[detector] or {}) | self.benchmark(benchmark).detectors.get(detector, {})


def _no_doubles(list_name: str, listed: tuple[Any, ...]) -> None:
    """Raise ConfigError for the first entry that stands twice in a list."""
    doubled = sorted({entry for entry in listed if listed.count(entry) > 1})
    if doubled:
        raise ConfigError(f"{list_name} names {doubled[0]} twice; keep one.")


def _same_names(list_name: str, listed: tuple[str, ...], section: str, defined: Any) -> None:
    """Raise ConfigError unless the list used for stage names and the section that defines them agree."""
    _no_doubles(list_name, listed)
    for name in sorted(set(listed) ^ set(defined)):
        here, there = (list_name, section) if name in listed else (section, list_name)
        raise ConfigError(f"{name} is in {here} but not in {there}; add it there or remove it here.")


def fill(cls: type[T], values: Mapping[str, Any] | None, where: str) -> T:
    """Build the dataclass `cls` from a mapping.

    Raises:
        ConfigError: with `where`, the key, its value and the remedy, for the first key at fault.
    """
    try:
        return TypeAdapter(cls).validate_python({} if values is None else values)
    except ValidationError as error:
        raise ConfigError(_sentence(cls, error, where)) from None


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
    return f"{path} is {first['input']!r}: {reason.replace('valid tuple', 'list').replace('tuple', 'list')}."


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
    return isinstance(part, str) and ("[" in part or part in ("str", "tuple"))


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and check params.yaml.

    Raises:
        ConfigError: the file is missing, is not YAML, or holds a value that does not fit.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist; run this from the project's folder.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problem = str(error).replace("\n", " ")
        raise ConfigError(f"{path} is not valid YAML: {problem}.") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds no sections; see the project's own params.yaml.")
    return fill(Params, values, "")
