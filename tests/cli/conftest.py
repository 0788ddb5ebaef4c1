"""A small model and pictures that the commands are tried on, and the command itself."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from alpa.cli import main
from tests.cli.made_up import write_washers

FIT = ("--size", "32", "--steps", "120", "--threads", "1")


class Ended(NamedTuple):
    """How a command ended: its exit code and what it wrote."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Return what runs the command in this process."""

    def command(*arguments: object) -> Ended:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        code = ended.value.code
        written = capsys.readouterr()
        return Ended(code if isinstance(code, int) else 1, written.out, written.err)

    return command


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `normal`, 60 washers, `new`, 12 others, and `scratched`, 12."""
    folder = tmp_path_factory.mktemp("parts")
    write_washers(folder / "normal", 60)
    write_washers(folder / "new", 12, first=1000)
    write_washers(folder / "scratched", 12, first=2000, scratched=True)
    return folder


@pytest.fixture(scope="session")
def model(parts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model of the normal washers."""
    folder = tmp_path_factory.mktemp("models") / "washers"
    with pytest.raises(SystemExit, match="0"):
        main(["fit", str(parts / "normal"), "-o", str(folder), *FIT])
    return folder
