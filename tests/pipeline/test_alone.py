"""A stage runs alone: a second process with the same stage waits, one with another does not."""

import subprocess
import sys
import time
from pathlib import Path

from tests.pipeline.project import ROOT

STAGE = """
import sys, time
sys.path.insert(0, {root!r})
from pipeline import stage
from pipeline.alone import alone

@stage
@alone
def main(benchmark, seconds):
    print(benchmark, "begins", flush=True)
    time.sleep(float(seconds))
    print(benchmark, "ends", time.monotonic(), flush=True)

main()
"""


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    (folder / "toy.py").write_text(STAGE.format(root=str(ROOT)))
    command = [sys.executable, "toy.py", *arguments]
    return subprocess.Popen(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_the_same_stage_waits_for_its_end(tmp_path: Path) -> None:
    first = start(tmp_path, "a/b", "1.5")
    assert first.stdout is not None
    assert first.stdout.readline() == "a/b begins\n"
    second = start(tmp_path, "a/b", "1.5")
    assert second.stdout is not None
    assert second.stdout.readline() == "a/b begins\n"
    assert first.stdout.readline().startswith("a/b ends "), "the second began when the first had ended"
    for process in (first, second):
        process.kill()
        process.communicate()


def test_another_stage_does_not_wait_and_a_killed_one_holds_nothing(tmp_path: Path) -> None:
    first = start(tmp_path, "a", "60")
    assert first.stdout is not None
    first.stdout.readline()
    assert start(tmp_path, "b", "0").communicate()[0].startswith("b begins\nb ends ")
    first.kill()
    first.communicate()
    started = time.monotonic()
    again = start(tmp_path, "a", "60")
    assert again.stdout is not None
    assert again.stdout.readline() == "a begins\n"
    assert time.monotonic() - started < 30
    again.kill()
    again.communicate()


def test_a_wrong_number_of_names_is_still_a_usage_line(tmp_path: Path) -> None:
    done = start(tmp_path, "a")
    assert done.communicate()[1] == "usage: python -m toy.py <benchmark> <seconds>\n"
