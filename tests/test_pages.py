"""The commands and the code on the pages about own images do what the pages say."""

import re
import shlex
from pathlib import Path

import pytest

from alpa.cli import main
from tests.cli.made_up import washer, washers, write_video, write_washers

DOCS = Path(__file__).parents[1] / "docs"
FASTER = {
    "alpa.fit(": 'alpa.fit(detector="pca", images=',
    "ALPADetector(size": 'ALPADetector("pca", size',
    "steps=2000": "steps=2",
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with what the pages speak of."""
    write_washers(tmp_path / "parts/normal", 40)
    write_washers(tmp_path / "parts/new", 3, first=1000)
    for name in ("parts/new/017.jpg", "extra.jpg"):
        washer(7).save(tmp_path / name)
    (tmp_path / "clips").mkdir()
    for name, seed in (("clips/a.mp4", 0), ("clips/b.mp4", 100), ("door.mp4", 200)):
        write_video(tmp_path / name, 24, seed)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("page", ["own-images.md", "command-line.md", "own-video.md"])
def test_the_commands_of_a_page_work(page: str, here: Path) -> None:
    lines = [line for block in blocks(page, "console") for line in block.splitlines() if line.startswith("alpa ")]
    for line in ["alpa fit parts/normal -o parts-model", *lines]:
        words = shlex.split(line)[1:]
        if words[0] == "fit":
            words += ["--detector", "pca"]  # the last one counts
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 0, line


def test_the_code_of_the_python_page_works(here: Path) -> None:
    normal_images, images = washers(40), washers(5, 1000)
    known = {"normal_images": normal_images, "images": images}
    for block in blocks("python.md", "python"):
        for slow, fast in FASTER.items():
            block = block.replace(slow, fast)
        if "build_detector" in block:
            known["images"] = normal_images.transpose(0, 3, 1, 2)[:, :1].copy()
        exec("import alpa\n" + block, known)
    for name in ("why.png", "parts.onnx"):
        assert (here / name).stat().st_size > 1000
