"""A trial whose training collapses fails by itself: it counts as the worst, and the study goes on."""

from pathlib import Path

import pytest

from alpa.training.cells import CellStore
from alpa.tuning.finished import choose
from alpa.tuning.prepare import prepare
from alpa.tuning.study import WORST, run_study
from tests.tuning.small import small_params, write_small_split

# At a strength below about 10^-5 the distorter's gradient is less than Adam takes notice of.
SPACE = {"alpa": {"strength": {"low": 1e-9, "high": 0.5, "log": True}}}


def test_a_collapsed_trial_counts_as_the_worst_and_the_study_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_small_split()
    plan, trials = prepare(small_params({"space": SPACE}), "small", "alpa", CellStore(Path("cells")))
    found = run_study(Path("studies/small-alpa.journal"), plan, trials.run, 6, minutes=None)
    weak = [trial for trial in found if trial.values["strength"] < 1e-6]
    assert weak
    assert {(trial.state, trial.objective) for trial in weak} == {("diverged", WORST)}
    assert found[0].state == "complete", "the untuned one"
    assert choose(found) not in weak
    said = capsys.readouterr().out
    assert f"small-alpa, trial {weak[0].trial}: alpa, class " in said
    assert "The distorter of alpa learned nothing by step 2: " in said
