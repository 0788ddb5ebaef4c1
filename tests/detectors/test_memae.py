from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from alpa.config import TrainingConfig
from alpa.detectors.memae import Memory

Build = Callable[..., Any]


def test_what_is_read_is_a_sparse_mean_of_items_by_hand() -> None:
    memory = Memory(items=3, width=2, threshold=1 / 3)
    with torch.no_grad():
        memory.items.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]))
        read, weights = memory(torch.tensor([[np.log(4), np.log(4)]], dtype=torch.float32))
    # The products are ln 4, ln 4 and -ln 4: the softmax is 4 : 4 : 1/4, and the last falls below a third.
    torch.testing.assert_close(weights, torch.tensor([[0.5, 0.5, 0.0]]))
    torch.testing.assert_close(read, torch.tensor([[0.5, 0.5]]))


@pytest.mark.parametrize("shape", [(5, 8), (5, 8, 3, 2)])
def test_weights_sum_to_one_and_some_are_zero(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    memory = Memory(items=20, width=8, threshold=1 / 20)
    read, weights = memory(torch.randn(shape))
    assert read.shape == shape
    assert weights.shape == (5, *shape[2:], 20)
    torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1]))
    assert (weights == 0).any(-1).all()
    assert (weights >= 0).all()


def test_each_place_of_a_map_reads_for_itself() -> None:
    torch.manual_seed(0)
    memory, latent = Memory(items=20, width=8, threshold=1 / 20), torch.randn(2, 8, 3, 4)
    torch.testing.assert_close(memory(latent)[0][:, :, 1, 2], memory(latent[:, :, 1, 2])[0])


def test_the_decoder_sees_the_memory_alone(build: Build, mixed: np.ndarray) -> None:
    detector = build("memae").eval()
    with torch.no_grad():
        detector.memory.items.zero_()  # all that can be read is zero
        made = detector.reconstruct_batch(torch.from_numpy(mixed) / 255)
    torch.testing.assert_close(made, made[:1].expand_as(made))


def test_the_loss_has_the_mean_entropy_of_the_weights(
    build: Build, short: TrainingConfig, normal_images: Callable[..., np.ndarray]
) -> None:
    detector = build("memae", entropy_weight=0.5, shrinkage=0.0).eval()
    detector.begin(short)
    images = torch.from_numpy(normal_images(8)) / 255
    losses = detector.losses(images)
    similarity = detector.encode(images)[0] @ detector.memory.items.T
    expected = torch.distributions.Categorical(logits=similarity).entropy().mean()
    torch.testing.assert_close(losses["entropy"], expected)
    torch.testing.assert_close(detector.total(losses), losses["reconstruction"] + 0.5 * expected)
