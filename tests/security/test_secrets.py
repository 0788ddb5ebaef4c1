"""What is secret in the environment stays there: no file, no tag, no report and no message holds it."""

import importlib
import shutil
import sys
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from alpa.data import download as fetching
from alpa.data.transfer import download
from alpa.errors import AlpaError, DataError, redacted
from alpa.params import DataConfig
from alpa.tracking import Outcome, sync
from tests.load.writers import write_run
from tests.security.answers import CHECKSUM, CONTENT, Answer, moved, whole
from tests.tracking.conftest import empty_database  # noqa: F401  a fixture

PARAMS = Path("params.yaml").absolute()
SECRET = "canary-5f2b"
SECRETS = {
    "MLFLOW_TRACKING_USERNAME": f"{SECRET}-user",
    "MLFLOW_TRACKING_PASSWORD": f"{SECRET}-password",
    "MLFLOW_TRACKING_TOKEN": f"{SECRET}-token",
    "AWS_SECRET_ACCESS_KEY": f"{SECRET}-aws",
    "GIT_ASKPASS": f"{SECRET}-git",
    "ALPA_DATA_ROOT": f"/{SECRET}-root",
    "SOME_API_KEY": f"{SECRET}-any",
}
STAGES = ("download digits", "split digits", "tune digits pca", "train digits pca", "evaluate digits pca")
STAGES += ("sweep digits pca", "leaderboard digits", "tuning digits", "report digits", "sync insist")
TINY = {"classes": ["0", "1"], "seeds": [0], "training": {"steps": 2}, "tuning": False, "detectors": {}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("at http://me:word@host:5000/x failed", "at http://host:5000/x failed"),
        ("postgresql+psycopg://me:w@r/d@host/db", "postgresql+psycopg://host/db"),
        ("http://token@host, then https://a:b@c.d", "http://host, then https://c.d"),
        ("(https://host/file?X-Signature=abc&t=1): gone", "(https://host/file?...): gone"),
        ("evaluate@mnist-alpa at tcp://head:8786", "evaluate@mnist-alpa at tcp://head:8786"),
        ("Is it? No.", "Is it? No."),
    ],
)
def test_an_address_loses_what_may_be_secret(text: str, expected: str) -> None:
    assert redacted(text) == expected
    assert str(DataError(text)) == expected
    assert str(AlpaError(text)) == expected


def test_a_server_gets_its_own_password_and_the_one_that_it_redirects_to_does_not(
    serve: Callable[..., str], tmp_path: Path
) -> None:
    sent: list[str | None] = []

    def noting(answer: Answer) -> Answer:
        return lambda headers: (sent.append(headers["Authorization"]), answer(headers))[1]

    address = serve(file=noting(whole(CONTENT)))
    serve(old=noting(moved(f"{address}/file")))
    with_password = f"{address}/old".replace("://", f"://me:{SECRET}%21@")
    assert download(tmp_path / "file", CHECKSUM, [with_password]) == with_password
    assert (tmp_path / "file").read_bytes() == CONTENT
    first, second = sent
    assert b64decode(str(first).removeprefix("Basic ")) == f"me:{SECRET}!".encode()
    assert second is None


@pytest.mark.parametrize("scheme", ["http", "ftp"])
def test_a_mirror_that_fails_is_named_without_its_password(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("ALPA_DATA_ROOT", raising=False)
    monkeypatch.setenv("ALPA_DOWNLOAD_MIRROR", f"{scheme}://me:{SECRET}@127.0.0.1:9/")
    monkeypatch.setattr(fetching, "DOWNLOADS", tmp_path / "downloads")
    with pytest.raises(DataError) as caught:
        fetching.fetch("mnist", tmp_path / "raw", DataConfig())
    assert "127.0.0.1:9" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_tracking_server_that_fails_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path, "toy", 4)
    for uri in (f"postgresql://me:{SECRET}/{SECRET}@127.0.0.1:9/db", f"nonsense://{SECRET}@somewhere?key={SECRET}"):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        assert sync(insist=True) == Outcome(sent=0, waiting=2)
    out, err = capfd.readouterr()
    assert err.count("warning: MLflow at ") == 2
    assert SECRET not in out + err + "".join(str(path) for path in tmp_path.rglob("*"))


def test_nothing_that_a_run_leaves_or_says_holds_a_secret(
    tmp_path: Path,
    empty_database: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    write_params(tmp_path)
    monkeypatch.chdir(tmp_path)
    for command in STAGES:
        name, *arguments = command.split()
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        importlib.import_module(f"pipeline.{name}").main()
    out, err = capfd.readouterr()
    assert "MLflow has all runs." in out
    assert SECRET not in out + err
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"report.html", "facts.json", "mlflow.db", "cell.json"} <= {path.name for path in files}
    assert [path for path in files if SECRET.encode() in path.read_bytes() or SECRET in str(path)] == []


def write_params(folder: Path) -> None:
    """Write settings under which the digits take seconds."""
    params: dict[str, Any] = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))
    params["benchmarks"] = {"digits": params["benchmarks"]["digits"] | TINY}
    params["pipeline"] |= {"detectors": ["pca"], "paper": []}
    params["detectors"] = {"pca": params["detectors"]["pca"]}
    params["tuning"] = False
    params["runtime"] |= {"device": "cpu", "precision": "fp32", "workers": 1}
    params["evaluation"]["bootstrap_samples"] = 20
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
