"""Every case of bad input: one sentence with the value and the remedy, exit code 1, no traceback, no file changed."""

from pathlib import Path

import pytest

from tests.bad_input.bases import Bases
from tests.bad_input.case import Case
from tests.bad_input.running import as_command, run_case
from tests.bad_input.themes import THEMES

FEWEST = 60
CASES = {f"{theme}: {name}": case for theme, cases in THEMES.items() for name, case in cases.items()}
OF_EACH_KIND = {  # of error, as a command; the sentence ends the same stage otherwise
    "ConfigError": "values: a negative rate",
    "DataError": "raw files: a truncated raw file",
    "ModelError": "saved detectors: a model of another class",
    "ScoreError": "score tables: a constant score",
    "StudyError": "studies: a journal that is a text",
    "NotADirectoryError": "folders: a file where a split's folder belongs",
}


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= FEWEST


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_command_ends_with_one_sentence_and_leaves_all_files_as_they_are(
    case: Case, bases: Bases, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = run_case(case, bases, tmp_path / "home")
    assert done.code == 1, done
    assert done.sentence.startswith("error: "), done
    assert done.sentence.endswith("."), done
    assert [part for part in case.says if part not in done.sentence] == [], done.sentence
    assert done.errors.count("error: ") == 1, done
    assert "Traceback" not in done.errors
    assert done.changed == ()


@pytest.mark.parametrize(("kind", "name"), OF_EACH_KIND.items())
@pytest.mark.parametrize(("flag", "settings"), [("--traceback", {}), ("", {"ALPA_TRACEBACK": "1"}), ("", {})])
def test_a_traceback_is_shown_where_it_is_asked_for(
    kind: str, name: str, flag: str, settings: dict[str, str], bases: Bases, tmp_path: Path
) -> None:
    case = CASES[name]
    project = bases.copy(case.base, tmp_path / "home")
    case.damage(project.folder)
    if case.params:
        project.edit(case.params)
    code, _, errors = as_command(project, [*case.command.split(), *([flag] if flag else [])], settings)
    assert code == 1
    assert ("Traceback" in errors) == (kind in errors) == bool(flag or settings), errors


@pytest.mark.parametrize("stage", ["preflight", "split", "tune", "train", "evaluate", "sweep", "leaderboard", "report"])
def test_settings_are_checked_before_torch_is_imported(stage: str, bases: Bases, tmp_path: Path) -> None:
    project = bases.copy("bare", tmp_path / "home")
    project.edit({"training.steps": "many"})
    names = ["mnist", "alpa"] if stage in ("tune", "train", "evaluate", "sweep") else ["mnist"]
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
