import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from alpa.reporting.benchmark import Inputs
from pipeline import paper, report

PARAMS = Path("params.yaml").absolute()


@pytest.fixture
def project(make: Callable[..., Inputs], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder with the results of one benchmark, as the working folder."""
    make(detectors=("alpa", "knn"), class_names=("a", "b"), seeds=(0,))
    shutil.copy(PARAMS, tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_report_stage_writes_a_report_and_says_where(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["report", "mnist"])
    report.main()
    assert capsys.readouterr().out == "Wrote reports/mnist/report.html.\n"
    written = {path.name for path in (project / "reports" / "mnist").iterdir()}
    assert {"report.html", "report.md", "tables", "figures"} <= written


def test_the_paper_stage_writes_the_benchmarks_that_have_results(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["paper"])
    paper.main()
    assert capsys.readouterr().out == "Wrote reports/paper/report.html.\n"
    assert "Without results so far" in (project / "reports" / "paper" / "report.md").read_text()


def test_an_unknown_benchmark_ends_in_one_sentence(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["report", "nonsense"])
    with pytest.raises(SystemExit, match=r"error: Benchmark nonsense is not in params.yaml; choose"):
        report.main()
