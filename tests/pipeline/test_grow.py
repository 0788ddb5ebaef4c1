"""More trials are asked for in params.yaml, which stays the file that the user wrote."""

import difflib
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from alpa.errors import ConfigError
from alpa.params import load_params
from pipeline import grow

TEXT = (Path(__file__).parents[2] / "params.yaml").read_text(encoding="utf-8")
STUDIES = ("alpa", "autoencoder", "denoising", "ganomaly_tuned")
BENCHMARKS = list(yaml.safe_load(TEXT)["benchmarks"])


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project's parameters in the working folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "params.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["grow", *arguments])
    grow.main()


def differing(before: str, after: str, sign: str) -> list[str]:
    """Return the lines that are new (+) or gone (-)."""
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line[2:].strip() for line in lines if line.startswith(sign)]


def changed(path: Path) -> list[str]:
    """Return the lines of the project's parameters that are new."""
    return differing(TEXT, path.read_text(encoding="utf-8"), "+ ")


def test_one_line_changes_where_the_benchmark_names_trials(params: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call(monkeypatch, "digits", "6", "alpa")
    (line,) = changed(params)
    assert line.startswith("trials_of: {ganomaly_tuned: 2, arae: 2, alpa: 6}")
    tuning = load_params().tuning_for("digits")
    assert tuning is not None
    assert [tuning.trials_for(name) for name in ("alpa", "denoising", "ganomaly_tuned")] == [6, 4, 2]


def trials_asked(benchmark: str) -> dict[str, int]:
    """Return how many trials each study of a benchmark gets."""
    tuning = load_params().tuning_for(benchmark)
    assert tuning is not None
    return {name: tuning.trials_for(name) for name in STUDIES}


def test_all_studies_grow_if_none_is_named_and_other_benchmarks_do_not(
    params: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuned = [name for name in load_params().benchmarks if load_params().tuning_for(name)]
    before = {name: trials_asked(name) for name in tuned if name != "digits"}
    call(monkeypatch, "digits", "50")
    (line,) = changed(params)
    assert line.startswith("trials_of: {ganomaly_tuned: 50, arae: 2, alpa: 50, autoencoder: 50, denoising: 50}   #")
    assert set(trials_asked("digits").values()) == {50}
    assert {name: trials_asked(name) for name in before} == before


ANCHORED = """\
benchmarks:   # the matrix
  plain: &usual          # another one begins with `<<: *usual`
    dataset: mnist
    tuning: {trials: 7, space: {pca: {components: [2, 3]}}}   # short

    detectors: {}

  # the others
  merged: {<<: *usual, dataset: kmnist}   # as plain
  block:
    <<: *usual           # as plain, too
    protocol: balanced
  further: &further
    <<: *usual
    tuning:
      trials: 3          # few
      trials_of:
        pca: 2           # fewer

  last: {<<: *further}
  bare: {<<: *usual, tuning: {}}
  shared: {<<: *usual, tuning: &tuning {trials: 4, trials_of: &of {pca: 1}}}
  alias: {<<: *usual, tuning: *tuning}
  part: {<<: *usual, tuning: {trials_of: *of}}
other: [1,   2]  # stays
"""


def tunings(text: str) -> dict[str, Any]:
    return {name: section["tuning"] for name, section in yaml.safe_load(text)["benchmarks"].items()}


@pytest.mark.parametrize(
    ("benchmark", "line"),
    [
        (
            "merged",
            "merged: {<<: *usual, dataset: kmnist, tuning: {trials: 7, space: {pca: {components: [2, 3]}}, "
            "trials_of: {alpa: 50}}}   # as plain",
        ),
        ("block", "tuning: {trials: 7, space: {pca: {components: [2, 3]}}, trials_of: {alpa: 50}}"),
        ("bare", "bare: {<<: *usual, tuning: {trials_of: {alpa: 50}}}"),
        ("last", "last: {<<: *further, tuning: {trials: 3, trials_of: {pca: 2, alpa: 50}}}"),
        ("alias", "alias: {<<: *usual, tuning: {trials: 4, trials_of: {pca: 1, alpa: 50}}}"),
        ("part", "part: {<<: *usual, tuning: {trials_of: {pca: 1, alpa: 50}}}"),
    ],
)
def test_what_a_benchmark_takes_from_another_is_copied_into_it_in_one_line(benchmark: str, line: str) -> None:
    grown = grow.with_trials(ANCHORED, benchmark, {"alpa": 50})
    assert differing(ANCHORED, grown, "+ ") == [line]
    expected = tunings(ANCHORED)
    expected[benchmark] = expected[benchmark] | {"trials_of": expected[benchmark].get("trials_of", {}) | {"alpa": 50}}
    assert tunings(grown) == expected
    assert yaml.safe_load(grown)["other"] == [1, 2]


def test_those_that_take_their_tuning_from_a_benchmark_keep_what_they_had() -> None:
    grown = grow.with_trials(ANCHORED, "plain", {"alpa": 50, "pca": 60})
    expected = tunings(ANCHORED)
    expected["plain"] = expected["plain"] | {"trials_of": {"alpa": 50, "pca": 60}}
    assert tunings(grown) == expected
    own = "tuning: {trials: 7, space: {pca: {components: [2, 3]}}"
    assert differing(ANCHORED, grown, "+ ") == [
        f"{own}, trials_of: {{alpa: 50, pca: 60}}}}   # short",
        f"merged: {{<<: *usual, dataset: kmnist, {own}}}}}   # as plain",
        f"{own}}}",
    ]


@pytest.mark.parametrize(("detector", "line"), [("pca", "pca: 50           # fewer"), ("alpa", "alpa: 50")])
def test_a_section_of_lines_stays_one(detector: str, line: str) -> None:
    grown = grow.with_trials(ANCHORED, "further", {detector: 50})
    kept = "last: {<<: *further, tuning: {trials: 3, trials_of: {pca: 2}}}"
    assert differing(ANCHORED, grown, "+ ") == [line, kept]
    assert tunings(grown)["further"] == {"trials": 3, "trials_of": {"pca": 2} | {detector: 50}}


def test_every_comment_anchor_and_empty_line_stays() -> None:
    for benchmark in tunings(ANCHORED):
        grown = grow.with_trials(ANCHORED, benchmark, {"alpa": 50})
        for mark in ("#", "&", "\n\n", "other: [1,   2]  # stays"):
            assert grown.count(mark) == ANCHORED.count(mark), (benchmark, mark)


@pytest.mark.parametrize(
    "tuning", ["&t {trials: 4, trials_of: {alpa: &n 5, pca: *n}}", "{\n  trials: 4  # in two lines\n  }"]
)
def test_what_cannot_be_changed_without_changing_more_is_left_to_the_user(tuning: str) -> None:
    with pytest.raises(ConfigError, match=r"^benchmarks\.own\.tuning\.trials_of is written in a way .* yourself\.$"):
        grow.with_trials(f"benchmarks:\n  own: {{dataset: mnist, tuning: {tuning}}}\n", "own", {"alpa": 50})


def test_the_projects_own_benchmarks_can_all_be_grown(params: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for benchmark in load_params().benchmarks:
        if load_params().tuning_for(benchmark) is None:
            continue
        params.write_text(TEXT, encoding="utf-8")
        others = {name: load_params().tuning_for(name) for name in load_params().benchmarks if name != benchmark}
        call(monkeypatch, benchmark, "77", "alpa")
        assert trials_asked(benchmark)["alpa"] == 77
        assert {name: load_params().tuning_for(name) for name in others} == others
        assert params.read_text(encoding="utf-8").count("#") == TEXT.count("#")


def test_what_is_so_already_changes_nothing(params: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call(monkeypatch, "mnist", "30", "alpa")
    assert params.read_text(encoding="utf-8") == TEXT


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("digits", "0"), "0 is no number of trials; name a whole number from 1."),
        (("digits", "many"), "many is no number of trials; name a whole number from 1."),
        (("digits", "6", "pca"), "pca has no study on digits; choose alpa, autoencoder, denoising, ganomaly_tuned."),
        (("letters", "6"), f"Benchmark letters is not in params.yaml; choose {', '.join(BENCHMARKS)}."),
        (("off", "6"), "Tuning of digits is off; give it a section in params.yaml."),
        (("false", "6"), "Tuning of digits is off; give it a section in params.yaml."),
    ],
)
def test_a_wrong_request_is_one_sentence_and_changes_nothing(
    arguments: tuple[str, ...], message: str, params: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if arguments[0] in ("off", "false"):
        values = yaml.safe_load(TEXT)
        values["benchmarks"]["digits"]["tuning"] = False
        written = yaml.safe_dump(values).replace("tuning: false", f"tuning: {arguments[0]}")
        params.write_text(written, encoding="utf-8")
        arguments = ("digits", *arguments[1:])
    before = params.read_text(encoding="utf-8")
    with pytest.raises(SystemExit) as stop:
        call(monkeypatch, *arguments)
    assert stop.value.code == f"error: {message}"
    assert params.read_text(encoding="utf-8") == before
