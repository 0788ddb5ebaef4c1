"""Every case of bad input: one sentence with the value and the remedy, exit code 1, no traceback, no file changed."""

from dataclasses import replace
from pathlib import Path

import pytest

from alpa.errors import ConfigError, DataError, ModelError, ScoreError, StudyError
from tests.bad_input.bases import Bases
from tests.bad_input.case import Case
from tests.bad_input.running import run_case
from tests.bad_input.themes import THEMES

FEWEST = 60
CASES = {f"{theme}: {name}": case for theme, cases in THEMES.items() for name, case in cases.items()}
OF_EACH_KIND: dict[type[Exception], str] = {
    ConfigError: "values: a negative rate",
    DataError: "raw files: a truncated raw file",
    ModelError: "saved detectors: a model of another class",
    ScoreError: "score tables: a constant score",
    StudyError: "studies: a study made with another space",
    NotADirectoryError: "folders: a file where a split's folder belongs",
}


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= FEWEST


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_command_ends_with_one_sentence_and_leaves_all_files_as_they_are(
    case: Case, bases: Bases, tmp_path: Path
) -> None:
    done = run_case(case, bases, tmp_path / "home")
    assert done.code == 1, done
    assert done.sentence.startswith("error: "), done
    assert done.sentence.endswith("."), done
    assert [part for part in case.says if part not in done.sentence] == [], done.sentence
    assert done.errors.count("error: ") == 1, done
    assert "Traceback" not in done.errors
    assert done.changed == ()


@pytest.mark.parametrize("kind", OF_EACH_KIND, ids=lambda kind: kind.__name__)
def test_a_variable_lets_every_kind_of_error_through(kind: type[Exception], bases: Bases, tmp_path: Path) -> None:
    case = CASES[OF_EACH_KIND[kind]]
    with pytest.raises(kind):
        run_case(replace(case, environment={"ALPA_TRACEBACK": "1"}), bases, tmp_path / "home")


@pytest.mark.parametrize(("flag", "settings"), [("--traceback", {}), ("", {"ALPA_TRACEBACK": "1"}), ("", {})])
def test_a_traceback_is_shown_where_it_is_asked_for(
    flag: str, settings: dict[str, str], bases: Bases, tmp_path: Path
) -> None:
    case = replace(CASES["values: a negative rate"], environment=settings, as_command=True)
    done = run_case(replace(case, command=f"{case.command} {flag}"), bases, tmp_path / "home")
    assert done.code == 1
    shown = bool(flag or settings)
    assert ("Traceback" in done.errors) == ("alpa.errors.ConfigError" in done.errors) == shown, done.errors
    assert done.errors.startswith("error: ") != shown


@pytest.mark.parametrize("stage", ["tune", "train", "evaluate", "sweep", "report"])
def test_settings_are_checked_before_torch_is_imported(stage: str, bases: Bases, tmp_path: Path) -> None:
    project = bases.copy("bare", tmp_path / "home")
    project.edit({"training.steps": "many"})
    names = ["mnist"] if stage == "report" else ["mnist", "alpa"]
    program = (
        f"import sys, pipeline.{stage} as stage; sys.argv[1:] = {names}\n"
        "try: stage.main()\n"
        "except SystemExit as end: print(end, 'torch' in sys.modules)"
    )
    done = project.run("python", "-c", program)
    assert done.stdout.startswith("error: training.steps is 'many': "), done.stdout + done.stderr
    assert done.stdout.endswith(" False\n")


@pytest.mark.parametrize("arguments", [(), ("digits", "pca")])
def test_a_wrong_number_of_names_shows_the_right_one(arguments: tuple[str, ...], bases: Bases, tmp_path: Path) -> None:
    done = bases.copy("bare", tmp_path / "home").stage("split", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "usage: python -m pipeline.split <benchmark>\n"
