"""params.yaml: what is wrong in it is one sentence with the place, the value and the remedy."""

import copy
from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from alpa.config import RuntimeConfig, TrainingConfig, VideoConfig, fill
from alpa.detectors import DETECTORS, build_detector
from alpa.detectors.alpa import ALPAConfig
from alpa.detectors.ganomaly import GANomalyConfig
from alpa.errors import ConfigError
from alpa.params import BenchmarkConfig, EvaluationConfig, Params, TuningConfig, load_params

PARAMS = Path(__file__).parent.parent / "params.yaml"
VALID: dict[str, Any] = {
    "pipeline": {
        "default": "small",
        "datasets": ["digits", "mnist"],
        "detectors": ["alpa", "pca"],
        "paper": ["large"],
    },
    "benchmarks": {
        "small": {
            "dataset": "digits",
            "protocol": "one_vs_rest",
            "seeds": [0, 1],
            "classes": ["3", 5],
            "training": {"steps": 7},
            "detectors": {"alpa": {"strength": 0.3}},
        },
        "large": {"dataset": "mnist", "protocol": "one_vs_rest", "seeds": [0]},
    },
    "detectors": {"alpa": {"strength": 0.2, "latent": 4}, "pca": None},
    "training": {"steps": 100, "batch_size": 32},
    "video": {"frames": 4},
    "tuning": {"trials": 7, "space": {"alpa": {"strength": {"low": 0.1, "high": 1.0}}}},
    "runtime": {},
    "evaluation": {},
    "data": {},
}
MISSING = object()


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the valid values with one of them replaced, added, or taken away."""
    values = copy.deepcopy(VALID)
    *parents, last = path.split(".")
    section = values
    for parent in parents:
        section = section[parent]
    if value is MISSING:
        del section[last]
    else:
        section[last] = value
    return values


def problem(path: str, value: Any) -> str:
    """Return the one sentence that a changed value is answered with."""
    with pytest.raises(ConfigError) as error:
        fill(Params, changed(path, value), "")
    message = str(error.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message


def test_valid_values_fill_every_section() -> None:
    params = fill(Params, VALID, "")
    assert params.training == TrainingConfig(steps=100, batch_size=32)
    assert params.video == VideoConfig(frames=4)
    assert params.folders == {}
    assert params.runtime == RuntimeConfig()
    assert params.evaluation == EvaluationConfig()
    assert params.benchmark("large") == BenchmarkConfig(dataset="mnist", protocol="one_vs_rest", seeds=(0,))
    assert params.benchmark("small").classes == ("3", "5"), "a class may be written as a number"
    assert params.benchmark("large").classes == "all"


def test_a_benchmark_overrides_the_shared_sections_key_by_key() -> None:
    params = fill(Params, VALID, "")
    assert params.training_for("small") == TrainingConfig(steps=7, batch_size=32)
    assert params.training_for("large") == params.training
    assert params.detector_section("small", "alpa") == {"strength": 0.3, "latent": 4}
    assert params.detector_section("large", "alpa") == {"strength": 0.2, "latent": 4}
    assert params.detector_section("small", "pca") == {}


def test_configs_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        TrainingConfig().steps = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (3, "input should be 'all' or input should be a list"),
        ([], "input should be 'all' or list should have at least 1 item after validation, not 0"),
    ],
)
def test_a_value_that_fits_no_form_names_them_all(value: object, reason: str) -> None:
    assert problem("benchmarks.small.classes", value) == f"benchmarks.small.classes is {value!r}: {reason}."


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("extra", "pipeline, benchmarks, detectors, training, video, tuning, runtime, evaluation, data, folders"),
        ("training.stepz", "steps, batch_size, learning_rate, weight_decay, validation_fraction, preparation"),
        ("video.frame", "form, frames, step, window, stride, training_windows, span, top, smoothing"),
        ("pipeline.benchmarks", "default, datasets, detectors, paper"),
        ("data.rot", "root, mirror"),
        (
            "benchmarks.small.sedes",
            "dataset, protocol, seeds, classes, image_size, split_seed, training, video, tuning, detectors",
        ),
    ],
)
def test_an_unknown_key_is_named_with_its_place_and_the_known_ones(path: str, known: str) -> None:
    assert problem(path, 1) == f"Unknown key {path}; known here: {known}."


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        ("training.steps", "many", None),
        ("training.steps", 1.5, None),
        ("training.steps", 0, None),
        ("training.steps", None, None),
        ("training.batch_size", 1, None),
        ("training.learning_rate", -0.1, None),
        ("training.learning_rate", float("nan"), None),
        ("training.learning_rate", float("inf"), None),
        ("training.weight_decay", -1e-9, None),
        ("training.validation_fraction", 0, None),
        ("training.validation_fraction", 1, None),
        ("training.preparation", "zca", None),
        ("training", None, None),
        ("video", None, None),
        ("video.form", "guess", None),
        ("video.frames", 1, None),
        ("video.frames", 33, None),
        ("video.step", 0, None),
        ("video.window", 8, None),
        ("video.window", 36, None),
        ("video.stride", 0, None),
        ("video.training_windows", 3, None),
        ("video.top", 0, None),
        ("video.smoothing", -0.5, None),
        ("folders", None, None),
        ("folders", ["/here"], None),
        ("training", [1], None),
        ("runtime.device", "tpu", None),
        ("runtime.precision", "fp8", None),
        ("runtime.workers", -1, None),
        ("runtime.threads_per_cell", 0, None),
        ("runtime.workers_per_gpu", 0, None),
        ("runtime.scheduler", "head:8786", None),
        ("runtime.scheduler", "tcp://head", None),
        ("runtime.scheduler", "http://head:8786", None),
        ("evaluation.bootstrap_samples", 0, None),
        ("benchmarks", None, None),
        ("benchmarks.small", None, None),
        ("benchmarks.small.seeds", [], None),
        ("benchmarks.small.seeds", 3, None),
        ("benchmarks.small.seeds", [0, -1], "benchmarks.small.seeds.1 is -1"),
        ("benchmarks.small.seeds", ["a"], "benchmarks.small.seeds.0 is 'a'"),
        ("benchmarks.small.classes", [], None),
        ("benchmarks.small.classes", "some", None),
        ("benchmarks.small.image_size", 28, None),
        ("benchmarks.small.image_size", 8, None),
        ("benchmarks.small.image_size", 2048, None),
        ("benchmarks.small.image_size", [32], None),
        ("benchmarks.small.training", None, None),
        ("benchmarks.small.video", None, None),
        ("benchmarks.small.detectors", {"alpa": None}, "benchmarks.small.detectors.alpa is None"),
        ("benchmarks.small.dataset", "Digits!", None),
        ("detectors.alpa", 3, None),
        ("pipeline.default", "Small one", None),
        ("pipeline.detectors", [], None),
    ],
)
def test_a_value_of_the_wrong_type_or_out_of_range_is_named_with_its_place(
    path: str, value: Any, place: str | None
) -> None:
    assert problem(path, value).startswith(f"{place or f'{path} is {value!r}'}: ")


@pytest.mark.parametrize("path", ["training", "video", "data", "pipeline.default", "benchmarks.small.seeds"])
def test_a_missing_key_is_named(path: str) -> None:
    assert problem(path, MISSING) == f"{path} is missing; add it to params.yaml."


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("benchmarks.large", MISSING, "Benchmark large is not in params.yaml; choose small."),
        (
            "pipeline.detectors",
            ["alpa", "pca", "knn"],
            "knn is in pipeline.detectors but not in detectors; add it there or remove it here.",
        ),
        (
            "pipeline.datasets",
            ["digits"],
            "benchmarks.large.dataset is mnist; choose digits, or add mnist to folders or, if it is published, to "
            "pipeline.datasets.",
        ),
        (
            "benchmarks.large.dataset",
            "doors",
            "benchmarks.large.dataset is doors; choose digits, mnist, or add doors to folders or, if it is published, "
            "to pipeline.datasets.",
        ),
        ("pipeline.datasets", ["digits", "mnist", "digits"], "pipeline.datasets names digits twice; keep one."),
        ("folders", {"mnist": "/here"}, "mnist is in folders and in pipeline.datasets; give the folder another name."),
        ("pipeline.detectors", ["alpa", "pca", "alpa"], "pipeline.detectors names alpa twice; keep one."),
        ("pipeline.default", "huge", "Benchmark huge is not in params.yaml; choose small, large."),
        ("pipeline.paper", ["huge"], "Benchmark huge is not in params.yaml; choose small, large."),
        ("benchmarks.small.detectors", {"vae": {}}, "benchmarks.small.detectors names vae; choose alpa, pca."),
    ],
)
def test_lists_and_sections_that_disagree_are_an_error(path: str, value: Any, message: str) -> None:
    assert problem(path, value) == message


def test_a_folder_of_ones_own_is_a_data_set() -> None:
    values = changed("folders", {"doors": "/home/me/doors"})
    values["benchmarks"]["large"]["dataset"] = "doors"
    assert fill(Params, values, "").folders == {"doors": "/home/me/doors"}


def test_several_classes_are_listed_together_and_may_be_written_as_numbers() -> None:
    params = fill(Params, changed("benchmarks.small.classes", [["0", 1], [2]]), "")
    assert params.benchmark("small").classes == (("0", "1"), ("2",))


def test_the_sides_of_frames_may_differ_and_those_of_still_images_may_not() -> None:
    values = changed("benchmarks.small.image_size", [120, 180])
    values["benchmarks"]["small"]["protocol"] = "video"
    assert fill(Params, values, "").benchmark("small").frame_size == (120, 180)
    assert fill(Params, VALID, "").benchmark("small").frame_size == (32, 32)
    assert problem("benchmarks.small.image_size", [120, 180]) == (
        "benchmarks.small.image_size is 120 x 180, and protocol one_vs_rest is for squares; name one side."
    )


def test_a_benchmark_overrides_the_shared_video_section_key_by_key() -> None:
    params = fill(Params, changed("benchmarks.small.video", {"form": "reconstruction", "top": 3}), "")
    assert params.video_for("small") == VideoConfig(form="reconstruction", frames=4, top=3)
    assert params.video_for("large") == VideoConfig(frames=4)
    assert problem("benchmarks.small.video", {"form": "guess"}).startswith("benchmarks.small.video.form is 'guess': ")


def test_clips_are_not_prepared_by_their_own_contrast() -> None:
    values = changed("benchmarks.small.protocol", "video")
    values["training"]["preparation"] = "gcn"
    values["benchmarks"]["large"]["training"] = {"preparation": "unit"}
    with pytest.raises(ConfigError) as error:
        fill(Params, values, "")
    assert str(error.value) == (
        "benchmarks.small.training.preparation is gcn, which windows and whole frames would not share; "
        "choose unit or scaled."
    )
    values["benchmarks"]["small"]["training"] = {"preparation": "scaled"}
    assert fill(Params, values, "").training_for("small").preparation == "scaled"


def test_a_seed_named_twice_is_an_error() -> None:
    assert "benchmarks.small.seeds" in problem("benchmarks.small.seeds", [0, 1, 0])


def test_a_name_that_a_command_was_given_is_checked() -> None:
    params = fill(Params, VALID, "")
    with pytest.raises(ConfigError, match=r"^Benchmark cifar is not in params\.yaml; choose small, large\.$"):
        params.benchmark("cifar")
    with pytest.raises(ConfigError, match=r"^Detector vae is not in params\.yaml; choose alpa, pca\.$"):
        params.detector_section("small", "vae")


def test_a_benchmarks_override_is_checked_with_its_place() -> None:
    with pytest.raises(ConfigError, match=r"^benchmarks\.small\.training\.steps is -3: "):
        fill(Params, changed("benchmarks.small.training", {"steps": -3}), "")


@pytest.mark.parametrize(
    ("config", "values", "message"),
    [
        (ALPAConfig, {"strength": -0.1}, "detectors.x.strength is -0.1: input should be greater than or equal to 0."),
        (ALPAConfig, {"strength": float("inf")}, "detectors.x.strength is inf: input should be a finite number."),
        (ALPAConfig, {"strength": None}, "detectors.x.strength is None: input should be a valid number."),
        (ALPAConfig, {"bound": "cube"}, "detectors.x.bound is 'cube': input should be 'sphere' or 'box'."),
        (ALPAConfig, {"width": 10}, "detectors.x.width is 10: input should be a multiple of 4."),
        (
            ALPAConfig,
            {"strenght": 0.1},
            "Unknown key detectors.x.strenght; known here: width, latent, strength, weight, share, bound, "
            "distorter_every.",
        ),
        (GANomalyConfig, {"latent": 0}, "detectors.x.latent is 0: input should be greater than or equal to 1."),
        (GANomalyConfig, [1], "detectors.x is [1]: input should be a dictionary or an instance of GANomalyConfig."),
    ],
)
def test_a_detectors_section_is_checked_by_its_own_dataclass(config: type, values: Any, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        fill(config, values, "detectors.x")
    assert str(error.value) == message


@pytest.mark.parametrize("values", [None, {}])
def test_an_empty_section_is_the_defaults(values: dict[str, Any] | None) -> None:
    assert fill(ALPAConfig, values, "detectors.alpa") == ALPAConfig()


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    path = tmp_path / "params.yaml"

    def written(content: bytes) -> Path:
        path.write_bytes(content)
        return path

    return written


def test_a_file_is_read(write: Callable[[bytes], Path]) -> None:
    assert load_params(write(yaml.safe_dump(VALID).encode())) == fill(Params, VALID, "")


def test_a_missing_file_says_where_to_stand(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"params\.yaml does not exist; run this from the project's folder\.$"):
        load_params(tmp_path / "params.yaml")


@pytest.mark.parametrize("content", [b"a: [", b"a: b: c", b"\xff\xfe\x00", b"\x00"])
def test_a_file_that_is_no_yaml_is_one_sentence(content: bytes, write: Callable[[bytes], Path]) -> None:
    with pytest.raises(ConfigError, match=r"params\.yaml is not valid YAML \([^\n]*\); correct it\.$"):
        load_params(write(content))


@pytest.mark.parametrize("content", [b"", b"- 1\n", b"text\n"])
def test_a_file_without_sections_is_one_sentence(content: bytes, write: Callable[[bytes], Path]) -> None:
    with pytest.raises(ConfigError, match=r"params\.yaml holds no sections"):
        load_params(write(content))


def test_the_projects_own_file_loads_and_every_override_in_it_fits() -> None:
    params = load_params(PARAMS)
    assert sorted(params.detectors) == sorted(DETECTORS)
    assert set(params.pipeline.detectors) <= set(DETECTORS)
    for benchmark in params.benchmarks:
        params.training_for(benchmark)
        for key, cls in DETECTORS.items():
            fill(cls.config_class, params.detector_section(benchmark, key), f"detectors.{key}")


@pytest.mark.parametrize("key", list(DETECTORS))
def test_the_projects_own_file_says_every_default_of_a_detector_or_none_and_no_other(key: str) -> None:
    assert load_params(PARAMS).detectors[key] in ({}, asdict(DETECTORS[key].config_class()))


@pytest.mark.parametrize(
    ("section", "config"),
    [
        ("training", TrainingConfig),
        ("video", VideoConfig),
        ("runtime", RuntimeConfig),
        ("evaluation", EvaluationConfig),
    ],
)
def test_the_projects_own_file_says_the_defaults_of_the_shared_sections(section: str, config: type) -> None:
    assert yaml.safe_load(PARAMS.read_text())[section] == asdict(config())


def test_the_projects_own_file_says_the_defaults_of_tuning_but_for_what_its_detectors_need() -> None:
    said = yaml.safe_load(PARAMS.read_text())["tuning"]
    own = {"training", "space", "shortened", "trials_of"}
    defaults = asdict(TuningConfig())
    assert set(said) == set(defaults)
    assert {name: value for name, value in said.items() if name not in own} == {
        name: value for name, value in defaults.items() if name not in own
    }


@pytest.mark.parametrize(
    ("benchmark", "n_fitted"), [("digits", 125), ("digits", 131), ("mnist", 4879), ("mnist", 6068)]
)
def test_no_study_of_the_projects_own_file_takes_more_steps_than_the_others(benchmark: str, n_fitted: int) -> None:
    params = load_params(PARAMS)
    tuning = params.tuning_for(benchmark)
    assert tuning is not None
    training = params.trial_training(benchmark, tuning)
    for key in tuning.space:
        values = params.detector_section(benchmark, key) | tuning.shortened.get(key, {})
        detector = build_detector(key, (1, 32, 32), fill(DETECTORS[key].config_class, values, ""), seed=0)
        steps = detector.plan(n_fitted, training).steps
        assert tuning.trials_for(key) * steps <= tuning.trials * training.steps, key


def test_tuning_is_off_where_the_file_or_the_benchmark_says_so() -> None:
    assert fill(Params, VALID, "").tuning_for("small") is not None
    assert fill(Params, changed("tuning", False), "").tuning_for("small") is None
    params = fill(Params, changed("benchmarks.small.tuning", False), "")
    assert params.tuning_for("small") is None
    assert params.tuning_for("large") is not None


def test_a_benchmark_overrides_what_tuning_says_of_a_detector_by_detector() -> None:
    own = {"trials": 3, "space": {"pca": {"components": [2, 3]}}, "trials_of": {"pca": 2}}
    tuning = fill(Params, changed("benchmarks.small.tuning", own), "").tuning_for("small")
    assert tuning is not None
    assert set(tuning.space) == {"alpa", "pca"}
    assert (tuning.trials_for("alpa"), tuning.trials_for("pca")) == (3, 2)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("tuning.trials", 0, "tuning.trials is 0: input should be greater than or equal to 1."),
        ("tuning.trials_of", {"alpa": 0}, "tuning.trials_of.alpa is 0: input should be greater than or equal to 1."),
        ("tuning.objective", "test", "tuning.objective is 'test': input should be 'pseudo' or 'labelled'."),
        ("tuning.space", {"knn": {}}, "tuning.space names knn; choose alpa, pca."),
        ("tuning.shortened", {"knn": {}}, "tuning.shortened names knn; choose alpa, pca."),
        ("tuning.classes", 0, "tuning.classes is 0: input should be greater than or equal to 1 or "),
        ("tuning.training", {"step": 1}, "Unknown key tuning.training.step; known here: steps, "),
        ("tuning", True, "tuning is True: input should be a valid dictionary or input should be False."),
        ("benchmarks.small.tuning", {"trial": 1}, "Unknown key benchmarks.small.tuning.trial; known here: objective, "),
    ],
)
def test_a_tuning_section_that_does_not_fit_is_named_with_its_place(path: str, value: Any, message: str) -> None:
    assert problem(path, value).startswith(message)
