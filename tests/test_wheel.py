"""The wheel, built as it would be published, and used where there is no repository."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BUILT_FROM = ("pyproject.toml", "README.md", "LICENSE", "alpa")
READ = """
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import alpa
from alpa import plugins
from alpa.reporting.published import published_for
from alpa.reporting.templating import environment

assert version("alpa") == alpa.__version__
assert (files("alpa") / "py.typed").is_file()
templates = {"report.html", "report.md", "report.css", "report.js", "report.typ", "report.tex", "table.tex"}
assert templates <= set(environment().list_templates())
assert published_for("mnist", "one_vs_rest", [str(digit) for digit in range(10)])
assert "alpa" in [name for name, _ in plugins.listed("alpa.detectors")]
assert alpa.build_detector("pca", (1, 16, 16)).key == "pca"
print(Path(alpa.__file__).parent)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of what it is made of, without a network."""
    source = tmp_path_factory.mktemp("source")
    for name in BUILT_FROM:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    command = ["pip", "wheel", "--no-index", "--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", "dist", "."]
    done = subprocess.run([sys.executable, "-m", *command], cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [path] = (source / "dist").iterdir()
    return path


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as content:
        names = content.namelist()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"alpa"}
    for path in (ROOT / "alpa").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert path.relative_to(ROOT).as_posix() in names


def test_the_wheel_works_in_a_folder_of_its_own(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as content:
        content.extractall(tmp_path / "site")
    (tmp_path / "elsewhere").mkdir()
    code = f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n{READ}"
    command = [sys.executable, "-I", "-c", code]
    done = subprocess.run(command, cwd=tmp_path / "elsewhere", capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (f"{tmp_path / 'site' / 'alpa'}\n", "")
