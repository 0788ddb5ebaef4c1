"""The whole of params.yaml, checked: what each of its sections may hold and how they fit together."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from alpa.config import (
    Name,
    PositiveFloat,
    PositiveInt,
    RuntimeConfig,
    Seed,
    Side,
    TrainingConfig,
    VideoConfig,
    fill,
    settings,
)
from alpa.errors import ConfigError
from alpa.sizes import halvings
from alpa.yaml_file import read_yaml


@settings
class EvaluationConfig:
    """How intervals are made: resamples of the paired hierarchical bootstrap and their seed."""

    bootstrap_samples: PositiveInt = 1000
    bootstrap_seed: Seed = 0


BY_DETECTOR = ("space", "shortened", "trials_of")  # parts of a tuning section that a benchmark overrides by detector


@settings
class TuningConfig:
    """How a detector's values are chosen before it is trained, from the train split alone.

    A trial fits the detector on each of `classes` (at most so many, drawn with the seed, or these) and is worth the
    mean AUROC of held-out normals against anomalies: made from normals by the `families`, or, where `objective` is
    labelled, images of other classes. A study ends after `trials`, or `trials_of` its detector, or after so many
    `minutes` of trials. `space` holds a detector's parameters, each an interval (low, high, log) or a list of choices.
    Within trials, `training` overrides the benchmark's, and `shortened` the values of a detector that brings its own.
    `strengths` is the number of points of the curve that the sweep adds. `study` names one beside the usual study.
    """

    objective: Literal["pseudo", "labelled"] = "pseudo"
    trials: PositiveInt = 30
    trials_of: dict[str, PositiveInt] = Field(default_factory=dict)
    minutes: PositiveFloat | None = None
    training: dict[str, Any] = Field(default_factory=dict)
    classes: PositiveInt | Literal["all"] | Annotated[tuple[str, ...], Field(min_length=1)] = 6
    families: Literal["all"] | Annotated[tuple[str, ...], Field(min_length=1)] = "all"
    pruner: Literal["wilcoxon", "paired_t", "none"] = "wilcoxon"
    strengths: Annotated[int, Field(ge=0, strict=True)] = 8
    seed: Seed = 0
    study: Name | None = None
    space: dict[str, dict[str, Any] | None] = Field(default_factory=dict)
    shortened: dict[str, dict[str, Any]] = Field(default_factory=dict)

    def trials_for(self, detector: str) -> int:
        """Return how many trials the detector's study gets."""
        return self.trials_of.get(detector, self.trials)


@settings
class BenchmarkConfig:
    """A data set, a protocol and settings; `training`, `video`, `tuning`, `detectors` override the shared sections.

    `classes` names the target classes; under a protocol of several normal classes each entry is a list of them.
    `image_size` is a side in pixels, or [height, width] for the frames of clips.
    """

    dataset: Name
    protocol: Name
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)]
    classes: Literal["all"] | Annotated[tuple[str | tuple[str, ...], ...], Field(min_length=1)] = "all"
    image_size: Side | tuple[Side, Side] = 32
    split_seed: Seed = 0
    training: dict[str, Any] = Field(default_factory=dict)
    video: dict[str, Any] = Field(default_factory=dict)
    tuning: dict[str, Any] | Literal[False] = Field(default_factory=dict)
    detectors: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @property
    def frame_size(self) -> tuple[int, int]:
        """The (H, W) of the frames of clips."""
        return (self.image_size, self.image_size) if isinstance(self.image_size, int) else self.image_size

    @property
    def image_side(self) -> int:
        """The side of square still images; raises ConfigError where the sides differ."""
        height, width = self.frame_size
        if height != width:
            raise ConfigError(f"image_size is {height} x {width}; still images are square, so name one side.")
        return height


@settings
class DataConfig:
    """Where raw data come from: a local root that holds the sets, or a mirror instead of the official servers."""

    root: str | None = None
    mirror: str | None = None


@settings
class PipelineConfig:
    """The matrix of the workflow: published data sets and detectors, and which benchmarks make up the paper."""

    default: Name
    datasets: Annotated[tuple[Name, ...], Field(min_length=1)]
    detectors: Annotated[tuple[Name, ...], Field(min_length=1)]
    paper: tuple[Name, ...] = ()


@settings
class Params:
    """The whole of params.yaml. Detector sections stay plain mappings until their own dataclass reads them."""

    pipeline: PipelineConfig
    benchmarks: dict[Name, BenchmarkConfig]
    detectors: dict[str, dict[str, Any] | None]
    training: TrainingConfig
    video: VideoConfig
    tuning: dict[str, Any] | Literal[False]
    runtime: RuntimeConfig
    evaluation: EvaluationConfig
    data: DataConfig
    folders: dict[Name, str] = Field(default_factory=dict)

    def __post_init__(self) -> None:
        _no_doubles("pipeline.detectors", self.pipeline.detectors)
        for name in sorted(set(self.pipeline.detectors) - set(self.detectors)):
            raise ConfigError(f"{name} is in pipeline.detectors but not in detectors; add it there or remove it here.")
        for name in (self.pipeline.default, *self.pipeline.paper):
            self.benchmark(name)
        _no_doubles("pipeline.datasets", self.pipeline.datasets)
        for name in sorted(set(self.folders) & set(self.pipeline.datasets)):
            raise ConfigError(f"{name} is in folders and in pipeline.datasets; give the folder another name.")
        for key, benchmark in self.benchmarks.items():
            self._check_dataset(key, benchmark.dataset)
            _check_protocol(key, benchmark)
            _check_size(key, benchmark)
            _no_doubles(f"benchmarks.{key}.seeds", benchmark.seeds)
            self.training_for(key)
            self.video_for(key)
            if benchmark.protocol == "video" and self.training_for(key).preparation == "gcn":
                problem = (
                    f"benchmarks.{key}.training.preparation is gcn, which windows and whole frames would not share"
                )
                raise ConfigError(f"{problem}; choose unit or scaled.")
            self.tuning_for(key)
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

    def video_for(self, benchmark: str) -> VideoConfig:
        """Return the shared video section with the benchmark's overrides."""
        base = {name: getattr(self.video, name) for name in self.video.__dataclass_fields__}
        return fill(VideoConfig, base | self.benchmark(benchmark).video, f"benchmarks.{benchmark}.video")

    def tuning_for(self, benchmark: str) -> TuningConfig | None:
        """Return the shared tuning section with the benchmark's overrides, None where tuning is off."""
        own = self.benchmark(benchmark).tuning
        if self.tuning is False or own is False:
            return None
        shared = fill(TuningConfig, self.tuning, "tuning")
        fill(TrainingConfig, shared.training, "tuning.training")
        by_detector = {
            part: getattr(shared, part) | own[part] for part in BY_DETECTOR if isinstance(own.get(part), dict)
        }
        tuning = fill(TuningConfig, self.tuning | own | by_detector, f"benchmarks.{benchmark}.tuning")
        for part in BY_DETECTOR:
            if unknown := sorted(set(getattr(tuning, part)) - set(self.detectors)):
                raise ConfigError(f"tuning.{part} names {unknown[0]}; choose {', '.join(self.detectors)}.")
        self.trial_training(benchmark, tuning)
        return tuning

    def trial_training(self, benchmark: str, tuning: TuningConfig) -> TrainingConfig:
        """Return how a trial trains: as the benchmark does, with the overrides of its tuning."""
        usual = self.training_for(benchmark)
        base = {name: getattr(usual, name) for name in usual.__dataclass_fields__}
        return fill(TrainingConfig, base | tuning.training, f"benchmarks.{benchmark}.tuning.training")

    def detector_section(self, benchmark: str, detector: str) -> dict[str, Any]:
        """Return the detector's section with the benchmark's overrides, still a plain mapping."""
        if detector not in self.detectors:
            raise ConfigError(f"Detector {detector} is not in params.yaml; choose {', '.join(self.detectors)}.")
        return dict(self.detectors[detector] or {}) | self.benchmark(benchmark).detectors.get(detector, {})

    def _check_dataset(self, benchmark: str, dataset: str) -> None:
        if dataset not in (*self.pipeline.datasets, *self.folders):
            known = ", ".join((*self.pipeline.datasets, *self.folders))
            raise ConfigError(
                f"benchmarks.{benchmark}.dataset is {dataset}; choose {known}, or add {dataset} to folders or, if it "
                "is published, to pipeline.datasets."
            )


def _check_protocol(key: str, benchmark: BenchmarkConfig) -> None:
    """Raise ConfigError unless the protocol is known."""
    from alpa.data.protocols import PROTOCOLS  # which brings numpy

    if benchmark.protocol not in PROTOCOLS:
        raise ConfigError(f"benchmarks.{key}.protocol is {benchmark.protocol}; choose {', '.join(PROTOCOLS)}.")


def _check_size(key: str, benchmark: BenchmarkConfig) -> None:
    """Raise ConfigError unless still images are squares that networks can halve."""
    height, width = benchmark.frame_size
    if benchmark.protocol != "video" and height != width:
        problem = f"benchmarks.{key}.image_size is {height} x {width}, and protocol {benchmark.protocol} is for squares"
        raise ConfigError(f"{problem}; name one side.")
    if benchmark.protocol != "video":
        try:
            halvings(height, width)
        except ConfigError as error:
            raise ConfigError(
                f"benchmarks.{key}.image_size is {height}: {str(error)[0].lower()}{str(error)[1:]}"
            ) from None


def _no_doubles(list_name: str, listed: tuple[Any, ...]) -> None:
    """Raise ConfigError for the first entry that stands twice in a list."""
    doubled = sorted({entry for entry in listed if listed.count(entry) > 1})
    if doubled:
        raise ConfigError(f"{list_name} names {doubled[0]} twice; keep one.")


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and check params.yaml.

    Raises:
        ConfigError: the file is missing, is not YAML, or holds a value that does not fit.
    """
    values = read_yaml(path)
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds no sections; see the project's own params.yaml.")
    return fill(Params, values, "")
