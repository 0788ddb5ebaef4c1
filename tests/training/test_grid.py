from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from alpa.config import RuntimeConfig, fill
from alpa.data.images import to_square
from alpa.data.raw import UNDECIDED, RawImages
from alpa.data.sources import SOURCES
from alpa.data.splits import make_splits, write_split
from alpa.detectors import DETECTORS
from alpa.detectors.alpa import ALPAConfig
from alpa.errors import ConfigError, DataError
from alpa.files import write_text
from alpa.params import Params
from alpa.runtime import Runtime
from alpa.training.grid import benchmark_cells, learns_by_steps, worker_count
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


def test_leave_one_out_makes_the_other_nine_classes_normal(tune: Callable[..., None]) -> None:
    tune({})
    cells = benchmark_cells(params(protocol="leave_one_out", classes=["2"]), "toy", "alpa", read_tuned("toy", "alpa"))
    assert {len(cell.images) for cell in cells} == {9 * 16}


def test_all_classes_are_all_of_the_data_sets(tune: Callable[..., None]) -> None:
    tune({})
    cells = benchmark_cells(params(classes="all"), "toy", "alpa", read_tuned("toy", "alpa"))
    assert [cell.target_class for cell in cells[::2]] == list(NAMES)


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


@pytest.mark.parametrize(
    ("workers", "device", "threads", "useful", "expected"),
    [
        (3, "cpu", 1, 99, 3),
        (0, "cpu", 1, 99, 8),
        (0, "cpu", 2, 99, 4),
        (0, "cpu", 100, 99, 1),
        (0, "cuda", 1, 99, 1),
        (2, "cuda", 1, 99, 2),
        (0, "cpu", 1, 5, 5),
        (9, "cpu", 1, 5, 5),
        (0, "cpu", 1, 0, 1),
    ],
)
def test_workers_are_as_many_as_asked_else_as_cores_else_one_on_a_gpu_and_never_more_than_useful(
    workers: int, device: str, threads: int, useful: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("joblib.cpu_count", lambda: 8)
    assert worker_count(RuntimeConfig(workers=workers), Runtime(device, "fp32", threads), useful) == expected


def test_the_two_lines_are_fitted_at_once_and_all_others_by_steps() -> None:
    assert {key for key in DETECTORS if not learns_by_steps(key)} == {"pca", "knn"}
