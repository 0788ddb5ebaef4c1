from pathlib import Path

import numpy as np
import pytest

from alpa.data.splits import load_split
from performance.large_data import PARTS, run_part, write_generated_split


@pytest.mark.parametrize("channels", [1, 3])
def test_generated_images_are_a_split_of_which_no_two_are_alike(channels: int, tmp_path: Path) -> None:
    write_generated_split(tmp_path / "train", 3000, channels)
    images = load_split(tmp_path / "train").images
    assert images.shape == (3000, channels, 32, 32)
    assert len({image.tobytes() for image in images}) == 3000
    assert len(np.unique(images)) > 200, "they use the range of a byte"


def test_every_part_says_its_peak_of_memory_and_its_seconds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_generated_split(tmp_path / "train", 40, 1)
    for part in PARTS:
        run_part(part, tmp_path / "train", steps=2)
        assert capsys.readouterr().out.startswith('{"peak_mib": ')
