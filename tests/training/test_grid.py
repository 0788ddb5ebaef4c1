from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from alpa.config import fill
from alpa.data.clip_splits import CLASS_NAMES
from alpa.data.images import to_square
from alpa.data.raw import UNDECIDED, RawImages
from alpa.data.sources import SOURCES
from alpa.data.splits import Split, digest, load_split, make_splits, write_split
from alpa.data.stored import StoredImages
from alpa.data.video import cuboid_rows, cut_windows
from alpa.detectors import DETECTORS
from alpa.detectors.alpa import ALPAConfig
from alpa.errors import ConfigError, DataError
from alpa.files import write_text
from alpa.params import Params
from alpa.training.grid import benchmark_cells, learns_by_steps, training_windows
from alpa.training.tuned import read_tuned, tuned_path

NAMES = tuple("0123456789")


def params(**benchmark: Any) -> Params:
    toy = {"dataset": "digits", "protocol": "one_vs_rest", "seeds": [3, 1], **benchmark}
    values = {
        "pipeline": {"default": "toy", "datasets": ["digits"], "detectors": ["alpa"]},
        "benchmarks": {"toy": toy},
        "detectors": {"alpa": None},
        **{section: {} for section in ("training", "video", "tuning", "runtime", "evaluation", "data")},
    }
    return fill(Params, values, "")


@pytest.fixture
def tune(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], None]:
    """Give this test a project folder with the train split of 200 random digits; return what writes tuned values."""
    monkeypatch.chdir(tmp_path)
    images = np.random.default_rng(0).integers(0, 17, (200, 8, 8), dtype=np.uint8)
    part = np.full(200, UNDECIDED, np.int8)
    raw = RawImages("digits", NAMES, to_square(images, 32, SOURCES["digits"]), np.arange(200) % 10, part)
    train, _ = make_splits(raw, "one_vs_rest", seed=0)
    write_split(Path("data/splits/toy/train"), train)
    return lambda values: write_text(tuned_path("toy", "alpa"), yaml.safe_dump(values))


def test_a_cell_is_every_class_with_every_seed_and_only_normal_images(tune: Callable[..., None]) -> None:
    tune({"strength": 0.5})
    cells = benchmark_cells(params(classes=["7", "2"], training={"steps": 9}), "toy", "alpa", read_tuned("toy", "alpa"))
    assert [cell.name for cell in cells] == ["2-3", "2-1", "7-3", "7-1"]
    for cell in cells:
        assert cell.detector == "alpa"
        assert cell.config == ALPAConfig(strength=0.5)
        assert cell.training.steps == 9
        assert cell.images.shape == (16, 1, 32, 32)  # 20 of each class, of which four fifths are for training
        assert cell.images.dtype == np.uint8
    assert not np.array_equal(cells[0].images, cells[2].images)


def test_the_images_of_a_cell_stay_in_the_file_of_the_split(tune: Callable[..., None]) -> None:
    split = load_split(Path("data/splits/toy/train"), in_memory=True)
    for cell in benchmark_cells(params(classes=["7"]), "toy", "alpa", {}):
        assert isinstance(cell.images, StoredImages)
        np.testing.assert_array_equal(cell.images, split.images[split.labels == 7])


def test_leave_one_out_makes_the_other_nine_classes_normal(tune: Callable[..., None]) -> None:
    tune({})
    cells = benchmark_cells(params(protocol="leave_one_out", classes=["2"]), "toy", "alpa", read_tuned("toy", "alpa"))
    assert {len(cell.images) for cell in cells} == {9 * 16}


def test_all_classes_are_all_of_the_data_sets(tune: Callable[..., None]) -> None:
    tune({})
    cells = benchmark_cells(params(classes="all"), "toy", "alpa", read_tuned("toy", "alpa"))
    assert [cell.target_class for cell in cells[::2]] == list(NAMES)


def write_clips(*lengths: int, channels: int = 1) -> Split:
    """Write the train split of clips of 24 x 32 pixels in which everything moves, and return it."""
    images = np.random.default_rng(0).integers(0, 256, (sum(lengths), channels, 24, 32), dtype=np.uint8)
    group, labels = np.repeat(np.arange(len(lengths)), lengths), np.zeros(sum(lengths), np.int64)
    facts = {"class_names": CLASS_NAMES, "targets": CLASS_NAMES[:1], "dataset": "digits", "protocol": "video"}
    names = tuple(f"clip-{place}" for place in range(len(lengths)))
    whole = digest(images, labels, group)
    split = Split(images, labels, group, image_shape=images.shape[1:], part="train", digest=whole, clips=names, **facts)
    write_split(Path("data/splits/toy/train"), split)
    return split


VIDEO = {"frames": 3, "window": 16, "stride": 8, "training_windows": 30}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("form", "frames"), [("prediction", 1), ("reconstruction", 0)])
def test_the_cells_of_clips_share_windows_and_know_their_clips(
    form: str, frames: int, channels: int, tune: Callable[..., None]
) -> None:
    split = write_clips(5, 9, 7, channels=channels)
    settings = params(protocol="video", image_size=[24, 32], video=VIDEO | {"form": form})
    cells = benchmark_cells(settings, "toy", "alpa", {})
    assert [cell.name for cell in cells] == ["normal-3", "normal-1"]
    windows = training_windows(split, settings.video_for("toy"), 0)
    rows = cuboid_rows(split.group, 3, 1)
    for cell in cells:
        np.testing.assert_array_equal(cell.images, cut_windows(split.images, rows, windows, 16))
        np.testing.assert_array_equal(cell.groups, split.group[windows.frame])
        assert cell.images.shape == (30, 3 * channels, 16, 16)
        assert cell.predicted == frames * channels
        fitted, validation = cell.split()
        assert not set(cell.groups[fitted]) & set(cell.groups[validation])


def test_the_windows_of_clips_are_drawn_with_the_seed_of_the_split_and_not_of_the_cell(
    tune: Callable[..., None],
) -> None:
    write_clips(5, 9, 7)
    first, second, other = (
        benchmark_cells(params(protocol="video", video=VIDEO, **seeds), "toy", "alpa", {})[0].images
        for seeds in ({"seeds": [0]}, {"seeds": [1]}, {"split_seed": 1})
    )
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_several_classes_are_one_cell_of_all_their_images(tune: Callable[..., None]) -> None:
    settings = params(protocol="multi_modal", classes=[["7", "2"], [0, 1, 4]])
    cells = benchmark_cells(settings, "toy", "alpa", {})
    assert [cell.name for cell in cells] == ["7+2-3", "7+2-1", "0+1+4-3", "0+1+4-1"]
    assert [len(cell.images) for cell in cells] == [32, 32, 48, 48]
    alone = {name: benchmark_cells(params(classes=[name]), "toy", "alpa", {})[0].images for name in ("2", "7")}
    together = {image.tobytes() for image in cells[0].images}
    assert together == {image.tobytes() for images in alone.values() for image in images}


def test_only_classes_that_there_are_training_images_of_are_run(tune: Callable[..., None]) -> None:
    folder = Path("data/splits/toy/train")
    split = load_split(folder, in_memory=True)
    write_split(folder, replace(split, targets=("3", "8")))
    assert [cell.target_class for cell in benchmark_cells(params(seeds=[0]), "toy", "alpa", {})] == ["3", "8"]
    with pytest.raises(DataError, match=r"^Normal class 5 is not in digits; choose 3, 8\.$"):
        benchmark_cells(params(classes=["5"]), "toy", "alpa", {})


def test_an_unknown_class_is_an_error(tune: Callable[..., None]) -> None:
    tune({})
    with pytest.raises(DataError, match=r"^Normal class 12 is not in digits; choose 0-9\.$"):
        benchmark_cells(params(classes=[12]), "toy", "alpa", read_tuned("toy", "alpa"))


def test_a_tuned_value_that_does_not_fit_is_an_error(tune: Callable[..., None]) -> None:
    tune({"strength": -1})
    with pytest.raises(ConfigError, match=r"^detectors\.alpa\.strength is -1: "):
        benchmark_cells(params(), "toy", "alpa", read_tuned("toy", "alpa"))


@pytest.mark.parametrize("content", [None, "", "- 1\n", "a: [", b"\xff\xfe\x00"])
def test_tuned_values_that_are_missing_or_damaged_name_the_command_that_makes_them(
    content: str | bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tuned_path("toy", "alpa")
    path.parent.mkdir(parents=True)
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError, match=r"alpa\.yaml holds no values; run `python -m pipeline\.tune toy alpa`\.$"):
        read_tuned("toy", "alpa")


def test_what_scikit_learn_fits_is_fitted_at_once_and_all_others_by_steps() -> None:
    at_once = {"isolation_forest", "knn", "lof", "ocsvm", "pca"}
    assert {key for key in DETECTORS if not learns_by_steps(key)} == at_once
