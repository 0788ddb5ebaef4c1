"""More trials are asked for in params.yaml, which stays the file that the user wrote."""

import difflib
import sys
from pathlib import Path

import pytest

from alpa.params import load_params
from pipeline import grow

TEXT = (Path(__file__).parents[2] / "params.yaml").read_text(encoding="utf-8")


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


def changed(path: Path) -> list[str]:
    """Return the lines that are new."""
    lines = difflib.ndiff(TEXT.splitlines(), path.read_text(encoding="utf-8").splitlines())
    return [line[2:].strip() for line in lines if line.startswith("+ ")]


def test_one_line_changes_where_the_benchmark_names_trials(params: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call(monkeypatch, "digits", "6", "alpa")
    (line,) = changed(params)
    assert line.startswith("trials_of: {ganomaly_tuned: 2, alpa: 6}")
    tuning = load_params().tuning_for("digits")
    assert tuning is not None
    assert [tuning.trials_for(name) for name in ("alpa", "denoising", "ganomaly_tuned")] == [6, 4, 2]


def test_all_studies_grow_if_none_is_named_and_other_benchmarks_do_not(
    params: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(monkeypatch, "mnist", "50")
    studies = ["alpa", "autoencoder", "denoising", "ganomaly_tuned"]
    assert changed(params) == ["tuning:", "trials_of:", *(f"{name}: 50" for name in studies)]
    for benchmark, expected in (("mnist", {50}), ("fashion_mnist", {30, 4})):
        tuning = load_params().tuning_for(benchmark)
        assert tuning is not None
        assert {tuning.trials_for(name) for name in studies} == expected


def test_what_is_so_already_changes_nothing(params: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call(monkeypatch, "mnist", "30", "alpa")
    assert params.read_text(encoding="utf-8") == TEXT


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("digits", "0"), "0 is no number of trials; name a whole number from 1."),
        (("digits", "many"), "many is no number of trials; name a whole number from 1."),
        (("digits", "6", "pca"), "pca has no study on digits; choose alpa, autoencoder, denoising, ganomaly_tuned."),
        (("letters", "6"), "Benchmark letters is not in params.yaml; choose digits, mnist, fashion_mnist."),
        (("off", "6"), "Tuning of mnist is off; give it a section in params.yaml."),
    ],
)
def test_a_wrong_request_is_one_sentence_and_changes_nothing(
    arguments: tuple[str, ...], message: str, params: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if arguments[0] == "off":
        params.write_text(TEXT.replace("tuning: {}", "tuning: off"), encoding="utf-8")
        arguments = ("mnist", *arguments[1:])
    before = params.read_text(encoding="utf-8")
    with pytest.raises(SystemExit) as stop:
        call(monkeypatch, *arguments)
    assert stop.value.code == f"error: {message}"
    assert params.read_text(encoding="utf-8") == before
