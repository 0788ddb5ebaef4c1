"""The convolutions of all networks: what torch's own layers compute, by other ways."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from alpa.detectors.convolutions import Collapse, Doubling, Expansion, Halving

Build = Callable[[], nn.Module]

LAYERS: dict[str, tuple[Build, Build, tuple[int, ...]]] = {
    "halving a grey image": (lambda: Halving(1, 8), lambda: nn.Conv2d(1, 8, 4, 2, 1, bias=False), (3, 1, 12, 16)),
    "halving a colour image": (lambda: Halving(3, 8), lambda: nn.Conv2d(3, 8, 4, 2, 1, bias=False), (3, 3, 16, 12)),
    "halving a map": (lambda: Halving(8, 12), lambda: nn.Conv2d(8, 12, 4, 2, 1, bias=False), (3, 8, 8, 8)),
    "doubling to a grey image": (
        lambda: Doubling(8, 1, bias=True),
        lambda: nn.ConvTranspose2d(8, 1, 4, 2, 1),
        (3, 8, 6, 8),
    ),
    "doubling to a colour image": (
        lambda: Doubling(8, 3),
        lambda: nn.ConvTranspose2d(8, 3, 4, 2, 1, bias=False),
        (3, 8, 8, 6),
    ),
    "doubling a map": (
        lambda: Doubling(8, 12, bias=True),
        lambda: nn.ConvTranspose2d(8, 12, 4, 2, 1),
        (3, 8, 4, 4),
    ),
    "collapse": (lambda: Collapse(8, 5), lambda: nn.Conv2d(8, 5, 4, bias=False), (3, 8, 4, 4)),
    "expansion": (lambda: Expansion(5, 8), lambda: nn.ConvTranspose2d(5, 8, 4, bias=False), (3, 5, 1, 1)),
}


def run(layer: nn.Module, maps: Tensor, bf16: bool) -> tuple[Tensor, list[Tensor]]:
    """Return the output of a layer, and the gradients of a weighted sum of it: of the input and every parameter."""
    maps = maps.clone().to(memory_format=torch.channels_last).requires_grad_()
    layer = layer.to(memory_format=torch.channels_last)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        output = layer(maps)
    weights = torch.randn(output.shape, generator=torch.Generator().manual_seed(1))
    return output, list(torch.autograd.grad((output.float() * weights).sum(), [maps, *layer.parameters()]))


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_and_its_gradients_are_those_of_torch(name: str, bf16: bool) -> None:
    ours, theirs, shape = LAYERS[name]
    reference = theirs()
    layer = ours()
    layer.load_state_dict(reference.state_dict())
    maps = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    (output, gradients), (expected, expected_gradients) = run(layer, maps, bf16), run(reference, maps, bf16)
    assert output.dtype == expected.dtype
    tolerance = {"rtol": 0.05, "atol": 0.05} if bf16 else {"rtol": 1e-4, "atol": 1e-5}
    for found, wanted in zip([output, *gradients], [expected, *expected_gradients], strict=True):
        assert found.shape == wanted.shape
        torch.testing.assert_close(found, wanted, **tolerance)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_created_like_the_one_of_torch(name: str) -> None:
    ours, theirs, _ = LAYERS[name]
    torch.manual_seed(3)
    layer = ours()
    torch.manual_seed(3)
    for (found, mine), (wanted, reference) in zip(
        layer.state_dict().items(), theirs().state_dict().items(), strict=True
    ):
        assert found == wanted
        assert torch.equal(mine, reference)


@pytest.mark.parametrize("name", ["doubling to a grey image", "halving a colour image"])
def test_numerical_gradients_agree(name: str) -> None:
    ours, _, shape = LAYERS[name]
    layer = ours().double()
    maps = torch.randn((2, shape[1], 4, 4), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, (maps,))


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_of_channels_last_images_gives_channels_last(name: str) -> None:
    layer, _, shape = LAYERS[name]
    maps = torch.randn(shape).to(memory_format=torch.channels_last)
    output = layer().to(memory_format=torch.channels_last)(maps)
    assert output.is_contiguous(memory_format=torch.channels_last)
