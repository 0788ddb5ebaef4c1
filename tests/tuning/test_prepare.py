"""From params.yaml and a train split to a study: what is searched, on which classes, and what its trials rest on."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alpa.data.pseudo_anomalies import FAMILIES
from alpa.data.splits import load_split
from alpa.detectors.alpa import ALPAConfig
from alpa.errors import ConfigError, DataError
from alpa.params import Params
from alpa.training import grid as grid_module
from alpa.training.cells import CellStore
from alpa.tuning import prepare as prepare_module
from alpa.tuning.prepare import prepare, searched
from alpa.tuning.study import Plan
from alpa.tuning.trials import Trials
from tests.tuning.small import SPLIT, TUNING, small_params, write_small_split

SPACE = {
    "strength": {"low": 0.05, "high": 0.5, "log": True},
    "bound": ["sphere", "box"],
    "weight": None,
    "latent": {"low": 4, "high": 16},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's folder with its train split; not to be changed."""
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_small_split()
    return folder


@pytest.fixture(autouse=True)
def _inside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def prepared(params: Params, detector: str = "autoencoder", everything: bool = False) -> tuple[Plan, Trials]:
    return prepare(params, "small", detector, CellStore(Path("cells")), everything)


def normals_of(name: str) -> set[bytes]:
    """Return the training images of one class."""
    split = load_split(SPLIT)
    return {image.tobytes() for image in split.images[split.labels == int(name)]}


# What is searched


def space_of(alpa: dict[str, Any], space: dict[str, Any] | None) -> list[str]:
    tuning = small_params({"space": {"alpa": space}}).tuning_for("small")
    assert tuning is not None
    return list(searched("alpa", tuning, asdict(ALPAConfig(**alpa))))


def test_a_parameter_with_a_space_is_searched_and_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert space_of({}, SPACE) == ["bound", "latent", "strength"]
    assert space_of({}, {}) == space_of({}, None) == []
    assert capsys.readouterr().out == ""


def test_a_value_outside_of_its_space_stays_and_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert space_of({"strength": 0.0, "latent": 32}, SPACE) == ["bound"]
    assert capsys.readouterr().out.splitlines() == [
        "detectors.alpa.latent is 32, outside of its search space: it stays.",
        "detectors.alpa.strength is 0.0, outside of its search space: it stays.",
    ]


def test_a_detector_without_a_space_has_nothing_to_search() -> None:
    tuning = small_params({"space": {}}).tuning_for("small")
    assert tuning is not None
    assert searched("alpa", tuning, asdict(ALPAConfig())) == {}


def test_a_bad_space_is_named_with_its_place() -> None:
    with pytest.raises(ConfigError, match=r"^tuning\.space\.alpa\.strength is -1\.0: "):
        space_of({}, {"strength": {"low": -1, "high": 1}})


def test_a_plan_starts_from_the_values_of_params_yaml() -> None:
    plan, _ = prepared(small_params({"seed": 5, "pruner": "paired_t"}, {"autoencoder": {"width": 8, "latent": 3}}))
    assert list(plan.space) == ["latent"]
    assert plan.untuned == {"width": 8, "latent": 3}
    assert (plan.seed, plan.pruner) == (5, "paired_t")


def test_a_benchmarks_own_values_go_before() -> None:
    own = {"detectors": {"autoencoder": {"latent": 5}}, "tuning": {"training": {"steps": 3}}}
    plan, trials = prepared(small_params({}, **own))
    assert plan.untuned == {"width": 4, "latent": 5}
    assert [cell.config.latent for cell in trials.with_values({})] == [5, 5]
    assert {cell.training.steps for cell in trials.cells} == {3}


# Which cells


def classes_of(**changes: Any) -> list[str]:
    return prepared(small_params(changes, classes="all"))[1].classes


def test_so_many_classes_are_drawn_with_the_seed_and_more_of_them_begin_alike() -> None:
    assert len(classes_of(classes=4)) == len(set(classes_of(classes=4))) == 4
    assert classes_of(classes=6)[:4] == classes_of(classes=4)
    assert classes_of(classes=4, seed=1) != classes_of(classes=4)


def test_all_classes_are_all_that_the_benchmark_runs_and_more_than_there_are_are_all() -> None:
    everything = classes_of(classes="all")
    assert sorted(everything) == list("0123456789")
    assert everything != sorted(everything), "in an order that is drawn too"
    assert classes_of(classes=99) == everything
    assert sorted(prepared(small_params({"classes": "all"}))[1].classes) == ["1", "4", "7"]


def test_named_classes_are_those_whatever_their_order() -> None:
    assert sorted(classes_of(classes=["4", 1])) == ["1", "4"]
    assert classes_of(classes=["4", "1"]) == classes_of(classes=["1", "4"])


def test_a_class_that_the_benchmark_does_not_run_is_one_sentence() -> None:
    with pytest.raises(ConfigError) as error:
        prepared(small_params({"classes": ["1", "5"]}))
    assert str(error.value) == "tuning.classes names 5, which the benchmark does not run; choose 1, 4, 7."


def test_a_cell_is_a_class_with_the_first_seed_and_a_trials_training() -> None:
    _, trials = prepared(small_params({}))
    assert [(cell.target_class, cell.seed) for cell in trials.cells] == [("1", 3), ("4", 3)]
    for cell in trials.cells:
        assert {image.tobytes() for image in cell.images} == normals_of(cell.target_class)
        assert (cell.training.steps, cell.training.batch_size) == (2, 8)  # tuning's, and the benchmark's


def test_a_missing_train_split_names_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"does not exist; run `python -m pipeline\.split small`\.$"):
        prepared(small_params({}))


# What they are asked to tell apart


def test_a_pseudo_probe_is_made_of_its_class_alone() -> None:
    _, trials = prepared(small_params({"families": ["permuted", "flipped"]}))
    for cell, probe in zip(trials.cells, trials.probes, strict=True):
        assert list(probe.anomalies) == ["permuted", "flipped"]
        normals = normals_of(cell.target_class)
        assert {image.tobytes() for image in probe.normals} < normals
        for image in probe.anomalies["flipped"]:
            assert {image[:, ::-1].tobytes(), image[:, :, ::-1].tobytes()} & normals


def test_all_families_are_all_there_are() -> None:
    _, trials = prepared(small_params({"families": "all"}))
    assert [set(probe.anomalies) for probe in trials.probes] == [set(FAMILIES)] * 2


@pytest.mark.parametrize("protocol", ["one_vs_rest", "leave_one_out"])
def test_a_labelled_probe_holds_training_images_that_are_anomalous_to_its_class(protocol: str) -> None:
    params = small_params({"objective": "labelled"}, protocol=protocol)
    split = replace(load_split(SPLIT), protocol=protocol)
    tuning = params.tuning_for("small")
    assert tuning is not None
    _, trials = prepared(params)
    probes = prepare_module.make_probes(trials.cells, tuning, split, everything=False)
    for cell, probe in zip(trials.cells, probes, strict=True):
        assert list(probe.anomalies) == ["labelled"]
        anomalous = {image.tobytes() for image in probe.anomalies["labelled"]}
        own = normals_of(cell.target_class)
        everything = {image.tobytes() for image in split.images}
        assert anomalous <= (everything - own if protocol == "one_vs_rest" else own)


def test_a_report_measures_by_both_objectives_and_the_study_by_its_own() -> None:
    for objective, own in (("pseudo", ["permuted", "warped"]), ("labelled", ["labelled"])):
        params = small_params({"objective": objective})
        for everything, names in ((False, own), (True, ["permuted", "warped", "labelled"])):
            _, trials = prepared(params, everything=everything)
            assert [list(probe.anomalies) for probe in trials.probes] == [names] * 2


def test_one_class_alone_has_no_labelled_anomalies(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = load_split(SPLIT)
    ones = replace(whole, labels=np.full_like(whole.labels, 1), targets=("1",))
    for module in (prepare_module, grid_module):
        monkeypatch.setattr(module, "load_split", lambda folder: ones)
    pseudo = prepared(small_params({"classes": ["1"]}, classes=["1"]), everything=True)[1]
    assert [list(probe.anomalies) for probe in pseudo.probes] == [["permuted", "warped"]]
    with pytest.raises(ConfigError, match=r"^digits has no training images of other classes than the normal one; tune"):
        prepared(small_params({"classes": ["1"], "objective": "labelled"}, classes=["1"]))


def test_an_unknown_family_is_one_sentence() -> None:
    with pytest.raises(ConfigError, match=r"^Pseudo-anomaly family bent is unknown; choose permuted, "):
        prepared(small_params({"families": ["bent"]}))


# What the trials rest on


def settings_of(params: Params) -> dict[str, Any]:
    return prepared(params)[0].settings


def test_settings_are_json_values_and_the_same_every_time() -> None:
    first = settings_of(small_params({}))
    assert json.loads(json.dumps(first)) == first == settings_of(small_params({}))


@pytest.mark.parametrize(
    ("tuning", "others"),
    [
        ({"objective": "labelled"}, {}),
        ({"families": ["permuted"]}, {}),
        ({"classes": ["1", "7"]}, {}),
        ({"classes": ["1"]}, {}),
        ({"training": {"steps": 3}}, {}),
        ({"training": {"steps": 2, "learning_rate": 0.1}}, {}),
        ({"shortened": {"autoencoder": {"width": 8}}}, {}),
        ({"pruner": "none"}, {}),
        ({"seed": 7}, {}),
        ({}, {"seeds": [4]}),
        ({}, {"detectors": {"autoencoder": {"latent": 3}}}),
        ({}, {"training": {"weight_decay": 0.5}}),
    ],
    ids=str,
)
def test_everything_that_decides_what_a_trial_is_worth_is_among_its_settings(
    tuning: dict[str, Any], others: dict[str, Any]
) -> None:
    assert settings_of(small_params(tuning, **others)) != settings_of(small_params({}))


@pytest.mark.parametrize(
    ("tuning", "others"),
    [
        ({"trials": 99}, {}),
        ({"minutes": 1}, {}),
        ({"strengths": 3}, {}),
        ({"study": "other"}, {}),
        ({"space": TUNING["space"] | {"alpa": SPACE}}, {}),
        ({"shortened": {"alpa": {"width": 8}}}, {}),
        ({}, {"seeds": [3]}),
        ({}, {"classes": ["1", "4"]}),
        ({}, {"training": {"steps": 99}}),
    ],
    ids=str,
)
def test_what_does_not_decide_it_is_not(tuning: dict[str, Any], others: dict[str, Any]) -> None:
    assert settings_of(small_params(tuning, **others)) == settings_of(small_params({}))


@pytest.mark.parametrize("name", ["code_fingerprint", "version"])
def test_code_and_versions_are_among_the_settings(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = settings_of(small_params({}))
    monkeypatch.setattr(prepare_module, name, lambda of: "other")
    assert settings_of(small_params({})) != before


def test_the_data_are_among_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = settings_of(small_params({}))
    monkeypatch.chdir(tmp_path)
    write_small_split(seed=1)
    assert settings_of(small_params({})) != before


# A detector that brings its own training

GANOMALY = {"ganomaly": {"features": 8, "latent": 8, "epochs": 1, "minimum_steps": 6, "batch_size": 8}}


def test_a_detector_that_brings_its_own_training_can_be_given_the_steps_of_others() -> None:
    space = {"space": {"ganomaly": {"latent_weight": {"low": 0.5, "high": 2.0}}}}
    assert prepared(small_params(space, GANOMALY), "ganomaly")[0].settings["steps"] == 6
    shortened = space | {"shortened": {"ganomaly": {"minimum_steps": 2, "batch_size": 18}}}
    plan, trials = prepared(small_params(shortened, GANOMALY), "ganomaly")
    # 24 images of a class, a quarter of them held out: one batch of 18 an epoch, so the least number of steps decides.
    assert (plan.settings["steps"], plan.settings["batch_size"]) == (2, 18)
    assert plan.untuned["minimum_steps"] == 6, "shortened within trials alone"
    assert {cell.config.minimum_steps for cell in trials.with_values({"latent_weight": 1.5})} == {2}


def test_a_detector_that_is_fitted_at_once_takes_no_steps() -> None:
    plan, trials = prepared(small_params({"space": {"knn": {"neighbours": {"low": 1, "high": 9}}}}), "knn")
    assert list(plan.space) == ["neighbours"]
    assert plan.settings["training"] == {"validation_fraction": 0.25, "preparation": "unit"}
    assert np.prod(trials.cells[0].images.shape[1:]) == 1024
