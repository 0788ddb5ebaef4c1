"""Leaks in selection: a study, a training or a stage before them that looks at the test split."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alpa.data.splits import load_split, write_split
from alpa.params import Params
from alpa.runtime import Runtime
from alpa.training.cells import CellStore, fit_cell
from alpa.training.grid import benchmark_cells
from alpa.tuning.finished import Aurocs
from alpa.tuning.prepare import prepare
from alpa.tuning.study import run_study
from tests.leaks.checks import Leak, names_no_test_split, opening_nothing_in
from tests.tuning.conftest import _one_thread, _quick  # noqa: F401
from tests.tuning.small import JOURNAL, SPLIT, small_params, write_small_split

BLIND = [Path("pipeline/tune.py"), Path("pipeline/train.py"), Path("alpa/data/batches.py"), Path("alpa/runtime.py")]
BLIND += [Path("alpa/data/pseudo_anomalies.py"), Path("alpa/data/preparation.py")]
BLIND += sorted(path for name in ("training", "detectors", "tuning") for path in Path("alpa", name).glob("*.py"))
HIDDEN = SPLIT.with_name("test")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """Parameters of a small benchmark whose splits are both in the folder that is the current one."""
    monkeypatch.chdir(tmp_path)
    write_small_split()
    write_split(HIDDEN, load_split(SPLIT))
    return small_params({})


@pytest.mark.parametrize("path", BLIND, ids=str)
def test_code_that_tunes_and_trains_never_names_the_test_split(path: Path) -> None:
    names_no_test_split(path.read_text())


def test_code_that_names_the_test_split_is_found() -> None:
    names_no_test_split('"""Never reads the test split."""\nload_split(folder / "train")')
    with pytest.raises(Leak, match="The code names 'test'"):
        names_no_test_split('def objective(folder):\n    """Return its worth."""\n    load_split(folder / "test")')


@pytest.mark.parametrize("objective", ["pseudo", "labelled"])
def test_a_study_opens_no_file_of_the_test_split(objective: str, project: Params) -> None:
    with opening_nothing_in(HIDDEN) as opened:
        plan, trials = prepare(small_params({"objective": objective}), "small", "autoencoder", CellStore(Path("cells")))
        run_study(JOURNAL, plan, trials.run, 2, minutes=None)
    assert SPLIT.resolve() / "images.npy" in opened, "the check is blind"


@pytest.mark.parametrize("detector", ["alpa", "knn"])
def test_training_opens_no_file_of_the_test_split(detector: str, project: Params) -> None:
    with opening_nothing_in(HIDDEN) as opened:
        for cell in benchmark_cells(project, "small", detector, {}):
            fit_cell(cell, "key", Runtime())
    assert SPLIT.resolve() / "images.npy" in opened, "the check is blind"


def test_a_study_whose_objective_reads_the_test_split_is_found(project: Params) -> None:
    plan, trials = prepare(project, "small", "autoencoder", CellStore(Path("cells")))

    def leaky(values: dict[str, Any]) -> Iterator[tuple[str, Aurocs]]:
        for name, found in trials.run(values):
            yield name, found | {"peeked": float(load_split(HIDDEN).labels.mean() / 9)}

    with pytest.raises(Leak, match="of the hidden folder was opened"), opening_nothing_in(HIDDEN):
        run_study(JOURNAL, plan, leaky, 1, minutes=None)
