"""A dvc.lock that DVC cannot read is set aside for the copy that was last good."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.mend import DVC_CACHE, mend_lock_files

GOOD = """schema: '2.0'
stages:
  split@toy:
    cmd: python -m pipeline.split toy
    deps:
    - path: alpa/data
      hash: md5
      md5: 0123456789abcdef0123456789abcdef.dir
      size: 10
      nfiles: 2
    outs:
    - path: data/splits/toy
      hash: md5
      md5: fedcba9876543210fedcba9876543210.dir
      size: 10
      nfiles: 2
"""
PATH = Path("pipeline/dvc.lock")


@pytest.fixture(autouse=True)
def _in_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    PATH.parent.mkdir()


def names() -> list[str]:
    return sorted(path.name for path in PATH.parent.iterdir())


def test_a_good_lock_file_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    PATH.write_text(GOOD)
    mend_lock_files()
    mend_lock_files()
    assert PATH.read_text() == GOOD
    assert names() == ["dvc.lock"]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: "\x00",
        lambda text: "text\n",
        lambda text: text[: text.index("path: alpa") + 2],
        lambda text: text.replace("schema: '2.0'\n", ""),
        lambda text: text.replace("  split@toy:\n", ""),
        lambda text: text.replace("    - path: alpa/data\n", ""),
        lambda text: text.replace("hash: md5", "hash md5"),
        lambda text: text.replace("    cmd: python", "    cmd: {python"),
        lambda text: text.replace("    outs:", "    ou"),
    ],
)
def test_a_damaged_one_is_kept_aside_and_the_last_good_one_comes_back(
    damage: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    PATH.write_text(GOOD)
    mend_lock_files()
    PATH.write_text(damage(GOOD))
    mend_lock_files()
    assert PATH.read_text() == GOOD
    assert (PATH.parent / "dvc.lock.damaged").read_text() == damage(GOOD)
    assert capsys.readouterr().out == (
        "pipeline/dvc.lock is damaged; it is kept as pipeline/dvc.lock.damaged, and DVC goes on from the copy that was "
        "last good.\n"
    )


def test_without_a_good_one_there_is_none_and_nothing_is_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(2):
        PATH.write_text(f"damaged {number}\n")
        mend_lock_files()
    assert names() == ["dvc.lock.damaged", "dvc.lock.damaged-1"]
    assert capsys.readouterr().out.count("DVC looks at every stage anew.") == 2


def test_what_a_killed_process_left_of_a_copy_is_swept() -> None:
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    PATH.write_text(GOOD)
    mend_lock_files()
    left = [DVC_CACHE / f".pipeline-dvc.lock.{ended.stdout.strip()}.0a0a0a0a.partial"]
    left.append(PATH.with_name(f".dvc.lock.{ended.stdout.strip()}.0a0a0a0a.partial"))
    for path in left:
        path.touch()
    mend_lock_files()
    assert not [path for path in left if path.exists()]


def test_a_missing_one_stays_missing() -> None:
    PATH.write_text(GOOD)
    mend_lock_files()
    PATH.unlink()
    mend_lock_files()
    assert names() == []
