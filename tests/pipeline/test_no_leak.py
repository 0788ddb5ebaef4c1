"""Neither tuning nor training can see the test split."""

import ast
from pathlib import Path

import pytest

from tests.pipeline.project import Project

BLIND = [Path("pipeline/tune.py"), Path("pipeline/train.py"), Path("alpa/data/batches.py"), Path("alpa/runtime.py")]
BLIND += [Path("alpa/data/pseudo_anomalies.py")]
BLIND += sorted(path for name in ("training", "detectors", "tuning") for path in Path("alpa", name).glob("*.py"))


def test_tuning_and_training_give_the_same_where_there_is_no_test_split(
    finished: Project, undisturbed: Project
) -> None:
    assert not (undisturbed.folder / "data/splits/digits/test").exists()
    for output in (
        "runs/tuned/digits/alpa.yaml",
        "runs/tuned/digits/alpa.trials.json",
        "runs/models/digits/alpa/0-0/model.safetensors",
    ):
        assert (undisturbed.folder / output).read_bytes() == (finished.folder / output).read_bytes()


@pytest.mark.parametrize("path", BLIND, ids=str)
def test_code_that_tunes_and_trains_never_names_the_test_split(path: Path) -> None:
    tree = ast.parse(path.read_text())
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    docstrings = [
        ast.get_docstring(node, clean=False)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
    ]
    assert [text for text in texts if "test" in text and text not in docstrings] == []
