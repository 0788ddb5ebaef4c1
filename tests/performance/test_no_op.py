import sys
from pathlib import Path

import pytest

from performance.no_op import measure, outputs


def test_made_up_outputs_are_as_many_files_as_real_ones() -> None:
    cells = [path for path, _ in outputs(Path("runs/models/mnist/alpa"))]
    assert {path.parent.name for path in cells} == {f"{digit}-0" for digit in range(10)}
    assert len(set(cells)) == len(cells) == 40
    assert [path.name for path, _ in outputs(Path("reports/mnist/report.html"))] == ["report.html"]


def test_a_run_that_does_something_is_not_measured_as_one_that_does_nothing() -> None:
    with pytest.raises(RuntimeError, match="ran a stage, so it is no no-op"):
        measure(sys.executable, "-c", "print(\"Running stage 'pipeline/dvc.yaml:paper':\")")
    clock, processor = measure(sys.executable, "-c", "print('Data and pipelines are up to date.')")
    assert clock > 0 < processor
