"""The level that alpa.runtime states: on a CPU the same bits, whoever computes them and whatever happens meanwhile."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from alpa.config import TrainingConfig
from alpa.detectors import DETECTORS, build_detector
from alpa.runtime import Runtime
from alpa.training.cells import Cell, CellStore, Files, train_cells
from alpa.training.workers import Pool

MakeCell = Callable[..., Cell]
SMALL: dict[str, dict[str, Any]] = {
    **{key: {"width": 4, "latent": 2} for key in ("alpa", "denoising", "autoencoder")},
    **{key: {"width": 4, "latent": 2} for key in ("memae", "oled", "vae")},
    **{key: {"features": 4, "epochs": 1, "minimum_steps": 4} for key in ("ganomaly", "ganomaly_tuned")},
    "arae": {"width": 4, "latent": 2, "attack_steps": 2},
    "deep_svdd": {"width": 4, "latent": 8},
    "isolation_forest": {"trees": 10},
}


def wanted(detector: str, make_cell: MakeCell) -> list[Cell]:
    config = DETECTORS[detector].config_class(**SMALL.get(detector, {}))
    return [make_cell(detector, target_class=name, config=config, seed=seed) for name in "12" for seed in (0, 1)]


def train(cells: list[Cell], store: Path, workers: int, precision: str = "fp32") -> dict[str, Files]:
    return train_cells(cells, Runtime(precision=precision), CellStore(store), Pool(workers), facts={}, title="cells")


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("detector", DETECTORS)
def test_a_run_that_was_interrupted_in_a_cell_ends_with_other_workers_at_the_same_bits(
    detector: str, precision: str, make_cell: MakeCell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = wanted(detector, make_cell)
    undisturbed = train(cells, tmp_path / "undisturbed", 1, precision)
    learn, begun = DETECTORS[detector].learn, []

    def interrupted(self: Any, *arguments: Any) -> None:
        learn(self, *arguments)
        begun.append(self)
        if len(begun) == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(DETECTORS[detector], "learn", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(cells, tmp_path / "interrupted", 1, precision)
    assert len(list((tmp_path / "interrupted").iterdir())) == 2
    assert train(cells, tmp_path / "interrupted", 2, precision) == undisturbed


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("detector", [key for key in DETECTORS if key in SMALL])
def test_on_a_gpu_equal_runs_begin_with_the_same_bits_and_end_close_together(detector: str) -> None:
    images = np.random.default_rng(0).integers(0, 256, (64, 1, 32, 32), dtype=np.uint8) // 4
    training = TrainingConfig(steps=4, batch_size=16)
    first, second = (build_detector(detector, (1, 32, 32), SMALL[detector], seed=0) for _ in range(2))
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)
    scores = [made.fit(images, training, Runtime("cuda")).anomaly_scores(images) for made in (first, second)]
    np.testing.assert_allclose(*scores, rtol=0.05)
