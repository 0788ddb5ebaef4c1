"""The fingerprint of a small package, written anew for each test."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from alpa.detectors import DETECTORS
from alpa.training import fingerprint
from alpa.training.fingerprint import code_fingerprint

SOURCES = {
    "__init__": "",
    "top": "from toypackage.middle import double\n\ndef quadruple(x):\n    return double(double(x))\n",
    "middle": "import toypackage.bottom as bottom\n\ndef double(x):\n    return bottom.FACTOR * x\n",
    "bottom": "FACTOR = 2\n",
    "apart": "ANSWER = 42\n",
}

Write = Callable[..., str]


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Return a function that writes the package with some files changed and returns the fingerprint of its top."""
    folder = tmp_path / "toypackage"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(module: str = "top", **changes: str) -> str:
        for name, source in (SOURCES | changes).items():
            (folder / f"{name}.py").write_text(source)
        importlib.invalidate_caches()
        return code_fingerprint([f"toypackage.{module}"])

    yield write
    for name in [name for name in sys.modules if name.partition(".")[0] == "toypackage"]:
        del sys.modules[name]


@pytest.mark.parametrize(
    "same",
    [
        "from toypackage.middle import double\n\n\n# Why: because.\ndef quadruple(x):\n    return double(double(x))\n",
        "from toypackage.middle import double\ndef quadruple( x ):\n\n    return (double(\n  double(x)))\n",
        '"""A module."""\nfrom toypackage.middle import double\ndef quadruple(x):\n    """Four."""\n'
        "    return double(double(x))\n",
    ],
    ids=["comment", "layout", "docstrings"],
)
def test_comments_layout_and_docstrings_do_not_count(same: str, written: Write) -> None:
    assert written(top=same) == written()


def test_docstrings_of_classes_and_methods_do_not_count_either(written: Write) -> None:
    plain = "class A:\n    def f(self):\n        pass\n"
    described = 'class A:\n    "One."\n    def f(self):\n        "Two."\n        pass\n'
    assert written(top=plain) == written(top=described)


def test_annotations_of_functions_do_not_count_but_those_of_fields_do(written: Write) -> None:
    plain = "def f(x, *, y=1):\n    z = x\n    return z\n"
    annotated = "def f(x: int, *, y: int = 1) -> int:\n    z: int = x\n    return z\n"
    assert written(top=plain) == written(top=annotated)
    assert written(top="class A:\n    x: int = 1\n") != written(top="class A:\n    x: float = 1\n")


@pytest.mark.parametrize(
    "other",
    [
        SOURCES["top"].replace("double(double(x))", "double(x)"),
        SOURCES["top"].replace("(x)", "(x, y=1)", 1),
        SOURCES["top"] + 'NAME = "text that is no docstring"\n',
        SOURCES["top"].replace("return", '"text"\n    print("text")\n    return'),
    ],
)
def test_code_counts(other: str, written: Write) -> None:
    assert written(top=other) != written()


def test_what_a_module_imports_counts_however_far_away(written: Write) -> None:
    assert written(bottom="FACTOR = 3\n") != written()


def test_what_a_module_does_not_import_does_not_count(written: Write) -> None:
    assert written(apart="ANSWER = 43\n") == written()


@pytest.mark.parametrize(
    "line",
    [
        "import toypackage.bottom",
        "import toypackage.bottom as other",
        "from toypackage import bottom",
        "from toypackage.bottom import FACTOR",
        "from .bottom import FACTOR",
        "from . import bottom",
        "def later():\n    from toypackage.bottom import FACTOR",
    ],
)
def test_every_kind_of_import_is_followed(line: str, written: Write) -> None:
    assert written(top=line + "\n", bottom="FACTOR = 3\n") != written(top=line + "\n")


def test_modules_that_import_each_other_end(written: Write) -> None:
    circle = {"middle": "import toypackage.bottom\n", "bottom": "import toypackage.middle\n"}
    changed = circle | {"bottom": "import toypackage.middle\nFACTOR = 3\n"}
    assert written(**circle) != written(**changed)


def test_the_index_of_a_package_does_not_count(written: Write) -> None:
    assert written(__init__="NAMES = []\n") == written()


def test_other_packages_do_not_count(written: Write) -> None:
    with_import = "import json\nfrom pathlib import Path\n" + SOURCES["top"]
    assert written(top=with_import) != written(), "the import itself is code"
    assert written(top=with_import) == written(top=with_import)


def test_moving_code_to_another_module_counts(written: Write) -> None:
    assert written(module="bottom") != written(module="apart", apart=SOURCES["bottom"])


@pytest.mark.parametrize("key", list(DETECTORS))
def test_a_detectors_fingerprint_covers_its_file_and_what_trains_it_and_no_more(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = set()

    def recording(name: str, find: Callable[[str], Path | None] = fingerprint._source) -> Path | None:
        path = find(name)
        if path is not None and name not in fingerprint.NEUTRAL:
            read.add(name)
        return path

    monkeypatch.setattr(fingerprint, "_source", recording)
    code_fingerprint([DETECTORS[key].__module__])
    shared = {"alpa.detectors.detector", "alpa.training.loop", "alpa.data.batches", "alpa.runtime"}
    own = {
        "alpa": {"alpa.detectors.networks", "alpa.detectors.autoencoder", "alpa.detectors.reconstruction"},
        "autoencoder": {"alpa.detectors.networks", "alpa.detectors.reconstruction"},
    }
    assert shared | {f"alpa.detectors.{key}"} | own.get(key, set()) <= read
    beside = ("alpa.tracking", "alpa.reporting", "alpa.evaluation", "alpa.training.cells", "alpa.config", "alpa.files")
    assert not [name for name in read if name.startswith(beside)]
    others = {f"alpa.detectors.{other}" for other in DETECTORS} - {f"alpa.detectors.{key}"}
    built_on = {
        "alpa": {"autoencoder", "denoising"},
        **{other: {"autoencoder"} for other in ("arae", "denoising", "memae", "oled", "vae")},
        "ganomaly_tuned": {"ganomaly"},
    }
    assert {name.rpartition(".")[2] for name in others & read} <= built_on.get(key, set())
