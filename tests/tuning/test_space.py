"""The search space: what params.yaml may say of a parameter, and one sentence for all else."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from alpa.config import fill
from alpa.detectors import DETECTORS
from alpa.detectors.alpa import ALPAConfig
from alpa.detectors.ganomaly import GANomalyConfig
from alpa.errors import ConfigError
from alpa.params import load_params
from alpa.tuning.space import describe, outside, read_space

PARAMS = Path(__file__).parents[2] / "params.yaml"
WHERE = "tuning.space.alpa"


@pytest.mark.parametrize(
    ("name", "entry", "expected"),
    [
        ("strength", {"low": 0, "high": 1}, FloatDistribution(0.0, 1.0)),
        ("strength", {"low": 0.01, "high": 1.0, "log": True}, FloatDistribution(0.01, 1.0, log=True)),
        ("weight", {"low": 1, "high": 2, "log": False}, FloatDistribution(1.0, 2.0)),
        ("latent", {"low": 4, "high": 16}, IntDistribution(4, 16)),
        ("latent", {"low": 4.0, "high": 5, "log": True}, IntDistribution(4, 5, log=True)),
        ("latent", [4, 16, 8], CategoricalDistribution((4, 16, 8))),
        ("width", [8, 16], CategoricalDistribution((8, 16))),
        ("strength", [0, 0.5], CategoricalDistribution((0, 0.5))),
        ("bound", ["sphere", "box"], CategoricalDistribution(("sphere", "box"))),
    ],
)
def test_an_entry_is_a_distribution_of_its_parameters_type(name: str, entry: Any, expected: BaseDistribution) -> None:
    space = read_space(ALPAConfig, {name: entry}, WHERE)
    assert space == {name: expected}
    assert type(space[name]) is type(expected)


def test_the_ends_of_a_whole_number_are_whole_numbers() -> None:
    [found] = read_space(ALPAConfig, {"latent": {"low": 4.0, "high": 8.0}}, WHERE).values()
    assert isinstance(found, IntDistribution)
    assert [type(end) for end in (found.low, found.high)] == [int, int]


@pytest.mark.parametrize("entries", [None, {}, {"strength": None}, {"strength": None, "bound": None}])
def test_nothing_and_null_are_not_searched(entries: dict[str, None] | None) -> None:
    assert read_space(ALPAConfig, entries, WHERE) == {}


def test_the_order_of_the_file_does_not_matter() -> None:
    entries = {"strength": {"low": 0.1, "high": 1}, "bound": ["box", "sphere"], "width": None}
    backwards = dict(reversed(entries.items()))
    assert list(read_space(ALPAConfig, entries, WHERE)) == ["bound", "strength"]
    assert list(read_space(ALPAConfig, backwards, WHERE)) == ["bound", "strength"]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (
            {"strenght": [0.1, 0.2]},
            "Unknown key {}.strenght; known here: width, latent, strength, weight, share, bound, distorter_every.",
        ),
        ({"strength": {"low": 1, "high": 1}}, "{}.strength goes from 1 to 1; high must be above low."),
        ({"latent": {"low": 8, "high": 4.0}}, "{}.latent goes from 8 to 4; high must be above low."),
        (
            {"strength": {"low": 0, "high": 1, "log": True}},
            "{}.strength.low is 0: a logarithmic scale needs values above 0.",
        ),
        (
            {"latent": {"low": -4, "high": 4, "log": True}},
            "{}.latent.low is -4: a logarithmic scale needs values above 0.",
        ),
        ({"latent": {"low": 4, "high": 8.5}}, "{}.latent goes from 4 to 8.5; latent takes whole numbers."),
        ({"latent": {"low": 0.5, "high": 8}}, "{}.latent goes from 0.5 to 8; latent takes whole numbers."),
        (
            {"strength": {"low": -1, "high": 1}},
            "{}.strength is -1.0: input should be greater than or equal to 0.",
        ),
        ({"weight": {"low": 0, "high": 1}}, "{}.weight is 0.0: input should be greater than 0."),
        ({"latent": {"low": 0, "high": 4}}, "{}.latent is 0: input should be greater than or equal to 1."),
        ({"bound": ["sphere", "cube"]}, "{}.bound is 'cube': input should be 'sphere' or 'box'."),
        ({"bound": {"low": 0, "high": 1}}, "{}.bound is 0.0: input should be 'sphere' or 'box'."),
        ({"latent": [4, 8.5]}, "{}.latent is 8.5: input should be a valid integer."),
        ({"latent": [True, False]}, "{}.latent is True: input should be a valid integer."),
        (
            {"strength": [0.1, "high"]},
            "{}.strength is 'high': input should be a valid number, unable to parse string as a number.",
        ),
        ({"strength": [0.1, -0.5]}, "{}.strength is -0.5: input should be greater than or equal to 0."),
        ({"strength": [0.1, float("inf")]}, "{}.strength is inf: input should be a finite number."),
        ({"strength": [0.1, None]}, "{}.strength.1 is None: input should be a valid string."),
        ({"bound": ["sphere"]}, "{}.bound is ['sphere']: list should have at least 2 items after validation, not 1."),
        ({"bound": []}, "{}.bound is []: list should have at least 2 items after validation, not 0."),
        ({"strength": 0.3}, "{}.strength is 0.3: input should be a dictionary or an instance of Interval."),
        ({"bound": "box"}, "{}.bound is 'box': input should be a dictionary or an instance of Interval."),
        ({"strength": True}, "{}.strength is True: input should be a dictionary or an instance of Interval."),
        ({"strength": {"low": 0.1}}, "{}.strength.high is missing; add it to params.yaml."),
        ({"strength": {}}, "{}.strength.low is missing; add it to params.yaml."),
        (
            {"strength": {"low": 0.1, "high": 1, "lgo": True}},
            "Unknown key {}.strength.lgo; known here: low, high, log.",
        ),
        (
            {"strength": {"low": "little", "high": 1}},
            "{}.strength.low is 'little': input should be a valid number, unable to parse string as a number.",
        ),
        ({"strength": {"low": 0.1, "high": float("inf")}}, "{}.strength.high is inf: input should be a finite number."),
        ({"strength": {"low": float("nan"), "high": 1}}, "{}.strength.low is nan: input should be a finite number."),
        ({"strength": {"low": None, "high": 1}}, "{}.strength.low is None: input should be a valid number."),
        (
            {"strength": {"low": 0.1, "high": 1, "log": "maybe"}},
            "{}.strength.log is 'maybe': input should be a valid boolean, unable to interpret input.",
        ),
    ],
)
def test_an_entry_that_does_not_fit_is_one_sentence_with_its_place(entries: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        read_space(ALPAConfig, entries, WHERE)
    assert str(error.value) == message.format(WHERE)


def test_a_parameter_that_takes_not_all_whole_numbers_takes_a_list_of_them_and_no_interval() -> None:
    with pytest.raises(ConfigError, match=r"^tuning\.space\.alpa\.width is 5: input should be a multiple of 4\.$"):
        read_space(ALPAConfig, {"width": {"low": 4, "high": 16}}, WHERE)
    assert list(read_space(ALPAConfig, {"width": [4, 8, 16]}, WHERE)) == ["width"]


def test_each_detector_has_its_own_parameters() -> None:
    entries = {"epochs": {"low": 1, "high": 3}}
    assert read_space(GANomalyConfig, entries, "x") == {"epochs": IntDistribution(1, 3)}
    with pytest.raises(ConfigError, match=r"^Unknown key tuning\.space\.alpa\.epochs; "):
        read_space(ALPAConfig, entries, WHERE)


@pytest.mark.parametrize(
    ("name", "value", "is_outside"),
    [
        ("strength", 0.01, False),
        ("strength", 1.0, False),
        ("strength", 0, True),
        ("strength", 1.001, True),
        ("latent", 4, False),
        ("latent", 16, False),
        ("latent", 17, True),
        ("bound", "box", False),
        ("bound", "cube", True),
    ],
)
def test_a_value_is_outside_of_its_space_beyond_the_ends_or_the_choices(
    name: str, value: object, is_outside: bool
) -> None:
    entries = {
        "strength": {"low": 0.01, "high": 1, "log": True},
        "latent": {"low": 4, "high": 16},
        "bound": ["sphere", "box"],
    }
    values = {"strength": 0.1, "latent": 8, "bound": "sphere", "width": 64, name: value}
    assert outside(read_space(ALPAConfig, entries, WHERE), values) == [name] * is_outside


def test_spaces_are_described_alike_only_if_they_are_alike() -> None:
    entries = [
        {"low": 0.1, "high": 1},
        {"low": 0.1, "high": 1, "log": True},
        {"low": 0.1, "high": 2},
        {"low": 0.2, "high": 1},
        [0.1, 1],
        [1, 0.1],
    ]
    described = [describe(read_space(ALPAConfig, {"strength": entry}, WHERE)) for entry in entries]
    assert len({str(text) for text in described}) == len(entries)
    assert described[0] == describe(read_space(ALPAConfig, {"strength": {"high": 1.0, "low": 0.1}}, "elsewhere"))


@pytest.mark.parametrize("key", list(DETECTORS))
def test_the_projects_own_spaces_fit_and_hold_the_values_that_a_study_starts_from(key: str) -> None:
    params, config_class = load_params(PARAMS), DETECTORS[key].config_class
    tuned = {benchmark: tuning for benchmark in params.benchmarks if (tuning := params.tuning_for(benchmark))}
    assert params.pipeline.default in tuned
    for benchmark, tuning in tuned.items():
        space = read_space(config_class, tuning.space.get(key), f"tuning.space.{key}")
        untuned: Any = fill(config_class, params.detector_section(benchmark, key), f"detectors.{key}")
        assert outside(space, asdict(untuned)) == []
