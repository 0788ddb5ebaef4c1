from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch

from alpa.runtime import Runtime
from performance.joint import Grouped, hand_back, vmapped
from performance.many_models import TOLERANCE, Work, alone, difference_in_double, in_processes

TINY = {"models": 3, "steps": 3, "batch_size": 8, "runtime": Runtime()}


@pytest.mark.parametrize(("way", "detector"), [("grouped", "autoencoder"), ("vmap", "autoencoder"), ("vmap", "alpa")])
def test_a_model_learns_together_what_it_learns_alone(way: str, detector: str) -> None:
    assert difference_in_double(way, Work(detector, **TINY)) < TOLERANCE


@pytest.mark.parametrize("joined", [Grouped, vmapped])
def test_models_get_back_what_was_joined(joined: type[Grouped]) -> None:
    work = Work("autoencoder", **TINY)
    apart, others = work.build([0, 1, 2]), work.build([3, 4, 5])
    hand_back(joined(apart), others)
    for one, other in zip(apart, others, strict=True):
        assert all(torch.equal(tensor, other.state_dict()[name]) for name, tensor in one.state_dict().items())


class InTurn:
    """Workers that are none, so that the test need not wait for processes to start."""

    n_jobs = 2

    def __call__(self, calls: Iterable[tuple[Callable[..., Any], tuple, dict]]) -> list[Any]:
        return [function(*arguments, **options) for function, arguments, options in calls]


def test_processes_return_the_losses_in_the_order_of_the_seeds() -> None:
    work = Work("autoencoder", **TINY)
    assert torch.equal(in_processes(InTurn(), work)[0], alone(work, range(3))[0])
