"""The command that compares two results: benchmarks, folders, and what commits hold."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import compare
from tests.reporting.sides import made_files

KEYS = [("knn", "distance", target, 0) for target in "abc"]
GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")


def write(folder: Path, auroc: float) -> None:
    """Write results whose cells all have one AUROC."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in made_files(dict.fromkeys(KEYS, auroc)).items():
        (folder / name).write_text(text)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two commits of a benchmark's results, as the working folder."""
    monkeypatch.chdir(tmp_path)
    subprocess.run([*GIT, "init", "--quiet"], check=True)
    for auroc in (0.70, 0.75):
        write(tmp_path / "reports/digits", auroc)
        subprocess.run([*GIT, "add", "--all"], check=True)
        subprocess.run([*GIT, "commit", "--quiet", "--message", f"{auroc}"], check=True)
    write(tmp_path / "reports/digits", 0.80)
    return tmp_path


def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    monkeypatch.setattr(sys, "argv", ["compare", *arguments])
    compare.main()
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("a", "b", "difference"),
    [
        ("HEAD:digits", "digits", "+5.00"),
        ("HEAD~1:digits", "HEAD:digits", "+5.00"),
        ("main~1:reports/digits", "reports/digits", "+10.00"),
        ("digits", "digits", "0.00"),
    ],
)
def test_commits_benchmarks_and_folders_can_be_compared(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], a: str, b: str, difference: str
) -> None:
    line = next(line for line in shown(monkeypatch, capsys, a, b).splitlines() if line.startswith("knn"))
    assert difference in line.split()


def test_a_project_below_its_repository_finds_its_own_reports(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    below = project / "below"
    write(below / "reports/digits", 0.60)
    subprocess.run([*GIT, "add", "--all"], check=True)
    subprocess.run([*GIT, "commit", "--quiet", "--message", "below"], check=True)
    monkeypatch.chdir(below)
    assert "60.0" in shown(monkeypatch, capsys, "HEAD:digits", "digits")


@pytest.mark.parametrize("name", ["out/difference.md", "difference.csv"])
def test_what_is_shown_is_kept_in_a_file_that_says_the_same_each_time(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    texts = []
    for _ in range(2):
        assert shown(monkeypatch, capsys, "HEAD:digits", "digits", name).endswith(f"Wrote {name}.\n")
        texts.append((project / name).read_text())
    assert texts[0] == texts[1]
    assert ("+5.00" if name.endswith("md") else "0.050000") in texts[0]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nowhere:digits", "Commit nowhere is not in this repository; `git log --oneline` lists those that are."),
        ("HEAD:mnist", "Commit HEAD has no reports/mnist/leaderboard.csv; choose digits."),
        ("HEAD:../../etc", "Commit HEAD has no ../../etc/leaderboard.csv; choose digits."),
        ("--help:digits", "Commit --help is not in this repository; `git log --oneline` lists those that are."),
        ("mnist", "mnist is neither a benchmark with results nor a folder of them; choose digits."),
        ("", "An empty name is neither a benchmark with results nor a folder of them; choose digits."),
    ],
)
def test_results_that_are_not_there_end_in_a_sentence(
    project: Path, monkeypatch: pytest.MonkeyPatch, name: str, sentence: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["compare", name, "digits"])
    with pytest.raises(SystemExit) as stopped:
        compare.main()
    assert stopped.value.code == f"error: {sentence}"


def test_without_git_a_commit_ends_in_a_sentence_and_folders_are_compared(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert "equal" in shown(monkeypatch, capsys, "digits", "digits")
    monkeypatch.setattr(sys, "argv", ["compare", "HEAD:digits", "digits"])
    with pytest.raises(SystemExit, match="is in no git repository; name a folder"):
        compare.main()
