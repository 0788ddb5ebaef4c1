"""The bare loops do the same work as the suite's: the same losses of the same networks, and they learn."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from alpa.config import TrainingConfig
from alpa.detectors import build_detector, detector_class
from alpa.detectors.detector import Detector
from performance.bare import autoencoders, ganomaly, naive_alpa

BARE = Path(autoencoders.__file__).parent


@pytest.fixture(scope="module")
def images() -> Tensor:
    rows = np.arange(32)
    phases = np.random.default_rng(0).integers(0, 8, 48)
    stripes = 127 + 100 * np.sin(rows[None, :, None] / 3 + phases[:, None, None]) * np.ones((1, 1, 32))
    return torch.from_numpy(stripes[:, None].astype(np.uint8))


def build(key: str, **settings: object) -> Detector:
    detector = build_detector(key, (1, 32, 32), detector_class(key).config_class(**settings), seed=0)
    return detector.to(memory_format=torch.channels_last).train()


@pytest.mark.parametrize("script", sorted(BARE.glob("*.py")), ids=lambda path: path.stem)
def test_a_bare_loop_is_no_longer_than_thirty_lines(script: Path) -> None:
    assert len(script.read_text(encoding="utf-8").splitlines()) <= 30


@pytest.mark.parametrize("key", ["autoencoder", "alpa"])
def test_the_bare_loss_is_the_suites(key: str, images: Tensor) -> None:
    batch = images[:16].float() / 255
    detector = build(key, width=4)
    expected = detector.total(detector.losses(batch))
    torch.testing.assert_close(autoencoders.loss_of(build(key, width=4), batch), expected)


def test_the_bare_losses_of_ganomaly_are_the_suites(images: Tensor) -> None:
    batch = images[:16].float() / 255
    detector = build("ganomaly", features=4, latent=5)
    made, judged = ganomaly.losses_of(detector.generator, detector.discriminator, batch * 2 - 1)
    again = build("ganomaly", features=4, latent=5)
    again.begin(TrainingConfig())
    expected = again.train_step(batch)
    torch.testing.assert_close(made, expected["generator"])
    torch.testing.assert_close(judged, expected["discriminator"])


@pytest.mark.parametrize("key", ["autoencoder", "denoising", "alpa"])
def test_the_bare_loop_learns(key: str, images: Tensor) -> None:
    torch.manual_seed(0)
    detector, batch = build(key, width=4), images[:16].float() / 255
    before = autoencoders.loss_of(detector, batch).item()
    autoencoders.train(detector, images, steps=60, size=16, bf16=False)
    assert autoencoders.loss_of(detector, batch).item() < 0.7 * before


def test_the_naive_loop_moves_both_players(images: Tensor) -> None:
    torch.manual_seed(0)
    detector = build("alpa", width=4)
    before = {name: value.clone() for name, value in detector.named_parameters()}
    naive_alpa.train(detector, images, steps=2, size=16, bf16=False)
    moved = {
        name.partition(".")[0] for name, value in detector.named_parameters() if not torch.equal(value, before[name])
    }
    assert moved == {"encoder", "decoder", "distorter"}
