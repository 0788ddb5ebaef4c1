"""DVC unpickles its notes on files, so they lie where no other user can write."""

import configparser
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.preflight import DVC_CACHE, keep_private

ROOT = Path(__file__).parents[2]


def test_the_folder_is_for_its_owner_alone_whatever_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        keep_private()
        assert stat.S_IMODE(DVC_CACHE.stat().st_mode) == 0o700
        DVC_CACHE.chmod(0o777)


def test_dvc_keeps_its_notes_in_that_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc").mkdir()
    shutil.copy(ROOT / ".dvc/config", tmp_path / ".dvc")
    (tmp_path / "dvc.yaml").write_text("stages: {one: {cmd: echo 1 > one, outs: [one]}}\n")
    config = configparser.ConfigParser()
    config.read(tmp_path / ".dvc/config")
    assert Path(config["core"]["site_cache_dir"]) == DVC_CACHE
    keep_private()
    own = {name: value for name, value in os.environ.items() if name != "DVC_SITE_CACHE_DIR"}
    command = [sys.executable, "-m", "dvc", "repro"]
    subprocess.run(["git", "init", "--quiet"], check=True)
    subprocess.run(command, check=True, env=own, capture_output=True)
    assert (tmp_path / "one").exists()
    assert len(list((DVC_CACHE / "repo").iterdir())) == 1
    assert stat.S_IMODE(DVC_CACHE.stat().st_mode) == 0o700
