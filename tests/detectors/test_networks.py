import pytest
import torch
from torch import nn

from alpa.detectors.networks import CleanBatchNorm2d, ConvolutionalDecoder, ConvolutionalEncoder


@pytest.fixture
def rows() -> torch.Tensor:
    """Five clean rows and three that are perturbed out of all proportion."""
    random = torch.Generator().manual_seed(0)
    clean = torch.randn(5, 2, 4, 4, generator=random)
    return torch.cat([clean, 100 + 10 * torch.randn(3, 2, 4, 4, generator=random)])


def test_running_statistics_come_from_the_clean_rows_alone(rows: torch.Tensor) -> None:
    norm = CleanBatchNorm2d(2)
    norm(rows, n_clean=5)
    clean = rows[:5].transpose(0, 1).flatten(1)  # (B, C, H, W) -> (C, B * H * W)
    # They start at 0 and 1 and move by a tenth of the way; torch takes the unbiased variance.
    torch.testing.assert_close(norm.running_mean, 0.1 * clean.mean(1))
    torch.testing.assert_close(norm.running_var, 0.9 + 0.1 * clean.var(1, unbiased=True))
    assert norm.num_batches_tracked == 1


def test_clean_and_perturbed_rows_are_normalised_apart_by_the_same_weights(rows: torch.Tensor) -> None:
    norm = CleanBatchNorm2d(2)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([2.0, 3.0]))
        norm.bias.copy_(torch.tensor([-1.0, 1.0]))
    both = norm(rows, n_clean=5)
    for part, expected in ((both[:5], rows[:5]), (both[5:], rows[5:])):
        channels = expected.transpose(0, 1).flatten(1)
        mean, variance = channels.mean(1), channels.var(1, unbiased=False)
        expected = (expected - mean.view(1, 2, 1, 1)) / (variance + norm.eps).sqrt().view(1, 2, 1, 1)
        expected = expected * torch.tensor([2.0, 3.0]).view(1, 2, 1, 1) + torch.tensor([-1.0, 1.0]).view(1, 2, 1, 1)
        torch.testing.assert_close(part, expected)


def test_in_evaluation_mode_every_row_is_normalised_by_running_statistics(rows: torch.Tensor) -> None:
    norm = CleanBatchNorm2d(2).eval()
    torch.testing.assert_close(norm(rows, n_clean=5), rows / (1 + norm.eps) ** 0.5)
    assert norm.num_batches_tracked == 0


def test_without_a_split_it_is_the_common_batch_norm(rows: torch.Tensor) -> None:
    assert torch.equal(CleanBatchNorm2d(2)(rows), nn.BatchNorm2d(2)(rows))


@pytest.mark.parametrize("shape", [(1, 32, 32), (3, 16, 24)])
def test_the_encoder_halves_three_times_and_the_decoder_mirrors_it(shape: tuple[int, int, int]) -> None:
    channels, height, side = shape
    encoder, decoder = ConvolutionalEncoder(shape, width=4, outputs=5), ConvolutionalDecoder(shape, width=4, latent=5)
    latent, features = encoder(torch.rand(2, channels, height, side))
    assert latent.shape == (2, 5)
    assert [tuple(maps.shape) for maps in features] == [
        (2, 4, height // 2, side // 2),
        (2, 8, height // 4, side // 4),
        (2, 16, height // 8, side // 8),
    ]
    images = decoder(latent)
    assert images.shape == (2, channels, height, side)
    assert images.min() >= 0
    assert images.max() <= 1
