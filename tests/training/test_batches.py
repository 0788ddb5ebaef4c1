import itertools

import pytest
import torch

from alpa.data.batches import shuffled_batches, to_unit


def numbered(n: int) -> torch.Tensor:
    """Return n images of one pixel, uint8, whose value is their index."""
    return torch.arange(n, dtype=torch.uint8).view(n, 1, 1, 1)


def indices(n: int, batch_size: int, steps: int, seed: int = 0) -> list[list[int]]:
    """Return which images each batch holds."""
    batches = shuffled_batches(numbered(n), batch_size, steps, seed)
    return [(batch.flatten() * 255).round().int().tolist() for batch in batches]


def test_to_unit_maps_bytes_to_zero_to_one_and_leaves_them_alone() -> None:
    images = torch.tensor([0, 51, 255], dtype=torch.uint8).view(3, 1, 1, 1)
    unit = to_unit(images)
    assert unit.dtype == torch.float32
    torch.testing.assert_close(unit.flatten(), torch.tensor([0.0, 0.2, 1.0]))
    assert images.flatten().tolist() == [0, 51, 255]


@pytest.mark.parametrize("steps", [1, 2, 3, 7])
def test_there_are_as_many_batches_as_steps(steps: int) -> None:
    assert len(indices(n=10, batch_size=4, steps=steps)) == steps


def test_every_epoch_is_a_new_permutation() -> None:
    batches = indices(n=12, batch_size=4, steps=9)
    epochs = [list(itertools.chain(*batches[start : start + 3])) for start in (0, 3, 6)]
    assert all(sorted(epoch) == list(range(12)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]
    assert epochs[0] != list(range(12)), "the first epoch is shuffled as well"


def test_an_incomplete_last_batch_is_dropped() -> None:
    batches = indices(n=11, batch_size=4, steps=6)
    assert {len(batch) for batch in batches} == {4}
    for start in (0, 2, 4):  # 11 = 2 * 4 + 3
        epoch = batches[start] + batches[start + 1]
        assert len(set(epoch)) == 8


def test_a_set_smaller_than_a_batch_is_the_batch() -> None:
    batches = indices(n=3, batch_size=100, steps=2)
    assert [sorted(batch) for batch in batches] == [[0, 1, 2], [0, 1, 2]]


def test_the_seed_alone_decides_the_order() -> None:
    torch.manual_seed(1)
    first = indices(n=50, batch_size=10, steps=8)
    torch.manual_seed(2)
    state = torch.get_rng_state()
    assert indices(n=50, batch_size=10, steps=8) == first
    assert torch.equal(torch.get_rng_state(), state), "the process's own generator is left alone"
    assert indices(n=50, batch_size=10, steps=8, seed=1) != first
