"""Pixels to what networks see: from normal training images and the image itself, and from nothing else."""

import numpy as np
import pytest
import torch
from torch import Tensor

from alpa.data import preparation as module
from alpa.data.preparation import Preparation

KINDS = ("unit", "scaled", "gcn")


def images(n: int = 7, channels: int = 1, low: int = 20, high: int = 200, seed: int = 0) -> Tensor:
    """Return noise of different brightness and contrast, uint8 (n, channels, 8, 8)."""
    random = np.random.default_rng(seed)
    spread = random.uniform(0.1, 1, (n, 1, 1, 1))
    pixels = low + (high - low) * spread * random.random((n, channels, 8, 8))
    return torch.from_numpy(pixels.astype(np.uint8))


def fitted(kind: str, normal: Tensor) -> Preparation:
    preparation = Preparation(kind)
    preparation.fit(normal)
    return preparation


def test_unit_divides_by_255_and_has_nothing_to_fit() -> None:
    preparation = fitted("unit", images())
    assert list(preparation.state_dict()) == []
    assert preparation(torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 1, 1, 3)).flatten().tolist() == (
        pytest.approx([0, 0.2, 1])
    )


def test_scaled_maps_the_lowest_and_the_highest_training_pixel_to_0_and_1() -> None:
    normal = torch.tensor([[50, 60], [100, 150]], dtype=torch.uint8).view(2, 1, 1, 2)
    preparation = fitted("scaled", normal)
    new = torch.tensor([[0, 50, 75, 150, 200]], dtype=torch.uint8).view(1, 1, 1, 5)
    # (pixel - 50) / (150 - 50): a new image may leave [0, 1]
    assert preparation(new).flatten().tolist() == pytest.approx([-0.5, 0, 0.25, 1, 1.5])


def test_gcn_by_hand() -> None:
    # mean 100, deviations 60, 20, 20 and 60, in the mean 40: -1.5, -0.5, 0.5 and 1.5, which are then scaled to [0, 1]
    image = torch.tensor([40, 80, 120, 160], dtype=torch.uint8).view(1, 1, 2, 2)
    assert fitted("gcn", image)(image).flatten().tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])


@pytest.mark.parametrize("channels", [1, 3])
def test_gcn_gives_every_image_mean_0_and_mean_absolute_deviation_1_before_it_is_scaled(channels: int) -> None:
    contrasted = Preparation("gcn")(images(channels=channels))  # not fitted, it scales from 0 and 1 to 0 and 1
    torch.testing.assert_close(contrasted.mean((1, 2, 3)), torch.zeros(7), atol=1e-5, rtol=0)
    torch.testing.assert_close(contrasted.abs().mean((1, 2, 3)), torch.ones(7))


def test_under_gcn_brightness_and_contrast_of_an_image_do_not_matter() -> None:
    image = images(1, high=60)
    preparation = fitted("gcn", images())
    torch.testing.assert_close(preparation(image), preparation(3 * image + 20), atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("kind", ["scaled", "gcn"])
def test_training_images_fill_the_unit_range(kind: str) -> None:
    normal = images()
    prepared = fitted(kind, normal)(normal)
    assert prepared.min().item() == pytest.approx(0, abs=1e-6)
    assert prepared.max().item() == pytest.approx(1)


@pytest.mark.parametrize("kind", KINDS)
def test_preparing_changes_neither_what_was_fitted_nor_the_images(kind: str) -> None:
    preparation, new = fitted(kind, images()), images(seed=1, low=0, high=255)
    before, pixels = {name: value.clone() for name, value in preparation.state_dict().items()}, new.clone()
    preparation.train()(new)
    preparation.eval()(new)
    assert all(torch.equal(value, before[name]) for name, value in preparation.state_dict().items())
    assert torch.equal(new, pixels)


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_alone_is_prepared_as_among_others(kind: str) -> None:
    preparation, new = fitted(kind, images()), images(seed=1, low=0, high=255)
    together = preparation(new)
    for place in range(len(new)):
        torch.testing.assert_close(preparation(new[place : place + 1])[0], together[place])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [1, 3])
def test_undo_inverts(kind: str, channels: int) -> None:
    preparation, new = fitted(kind, images()), images(channels=channels, seed=1, low=0, high=255)
    torch.testing.assert_close(preparation.undo(preparation(new), new), new / 255, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_undo_takes_the_last_channels_alone_too(kind: str) -> None:
    preparation, new = fitted(kind, images()), images(channels=5, seed=1)
    last = preparation.undo(preparation(new)[:, -2:], new)
    torch.testing.assert_close(last, new[:, -2:] / 255, atol=1e-5, rtol=1e-4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("kind", KINDS)
def test_undo_works_where_the_pixels_are_wherever_the_model_is(kind: str) -> None:
    preparation, new = fitted(kind, images()).to("cuda"), images(seed=1)
    prepared = preparation(new.to("cuda")).cpu()
    torch.testing.assert_close(preparation.undo(prepared, new), new / 255, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_plain_image_does_not_divide_by_zero(kind: str) -> None:
    plain = torch.full((2, 1, 8, 8), 130, dtype=torch.uint8)
    for normal in (images(), plain, torch.cat([images(), plain])):
        preparation = fitted(kind, normal)
        for new in (plain, images(seed=1)):
            assert preparation(new).isfinite().all()
            assert preparation.undo(preparation(new), new).isfinite().all()


@pytest.mark.parametrize("kind", ["scaled", "gcn"])
def test_many_images_are_fitted_in_parts_to_the_same_range(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fitted(kind, images(20)).state_dict()
    monkeypatch.setattr(module, "BATCH", 3)
    parts = fitted(kind, images(20)).state_dict()
    assert set(whole) == {"lowest", "highest"}
    for name, value in whole.items():
        torch.testing.assert_close(parts[name], value)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_prepared_is_float32_with_channels_last_in_memory(kind: str) -> None:
    prepared = fitted(kind, images(channels=3))(images(channels=3))
    assert prepared.dtype == torch.float32
    assert prepared.is_contiguous(memory_format=torch.channels_last)
