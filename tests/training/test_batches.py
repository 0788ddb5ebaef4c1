import itertools

import numpy as np
import pytest
import torch

from alpa.data import batches as module
from alpa.data.batches import StreamedImages, shuffled_batches, to_unit, training_images


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


def streamed(images: torch.Tensor, rows: list[int]) -> StreamedImages:
    return StreamedImages(images.numpy(), np.array(rows), torch.device("cpu"))


def test_images_that_are_read_batch_by_batch_give_the_same_batches_as_a_tensor() -> None:
    rows = [7, 3, 4, 11, 0, 9, 10]
    images = numbered(12)
    expected = shuffled_batches(images[rows], 3, 5, seed=4)
    for batch, same in zip(shuffled_batches(streamed(images, rows), 3, 5, seed=4), expected, strict=True):
        assert torch.equal(batch, same)
        assert batch.stride() == same.stride()


def test_images_that_are_read_when_needed_are_cut_as_a_tensor_is() -> None:
    images = torch.arange(5 * 3 * 2 * 2, dtype=torch.uint8).view(5, 3, 2, 2)
    rows, last = [4, 0, 3], slice(-1, None)
    whole = images[rows]
    for found, tensor in ((streamed(images, rows), whole), (streamed(images, rows)[:, last], whole[:, last])):
        assert len(found) == 3
        assert all(torch.equal(part, same) for part, same in zip(found.split(2), tensor.split(2), strict=True))
        assert torch.equal(found[torch.tensor([2, 0])], tensor[[2, 0]])


@pytest.mark.parametrize("loaded", [1, 2, 100])
def test_images_are_loaded_part_by_part(loaded: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOADED", loaded)
    assert streamed(numbered(9), [8, 2, 2, 5, 1]).load().flatten().tolist() == [8, 2, 2, 5, 1]


def test_images_lie_on_the_device_as_far_as_the_limit_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    images, rows = np.zeros((9, 1, 2, 3), np.uint8), np.arange(5)  # 5 * 6 = 30 bytes
    monkeypatch.setattr(module, "MOST_IN_MEMORY", 30)
    assert isinstance(training_images(images, rows, torch.device("cpu")), torch.Tensor)
    monkeypatch.setattr(module, "MOST_IN_MEMORY", 29)
    assert isinstance(training_images(images, rows, torch.device("cpu")), StreamedImages)


def test_on_a_gpu_the_limit_is_a_quarter_of_its_free_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    images, rows = np.zeros((9, 1, 2, 3), np.uint8), np.arange(5)
    monkeypatch.setattr(StreamedImages, "load", lambda self: "loaded")
    for free, expected in ((120, True), (119, False)):
        monkeypatch.setattr("torch.cuda.mem_get_info", lambda device, free=free: (free, 10**9))
        assert (training_images(images, rows, torch.device("cuda")) == "loaded") == expected
