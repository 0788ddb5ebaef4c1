import pytest
import torch
from torch import nn

from alpa.detectors.networks import CleanBatchNorm2d, ConvolutionalDecoder, ConvolutionalEncoder, halvings
from alpa.errors import ConfigError


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


@pytest.mark.parametrize(
    ("height", "side", "number"),
    [(8, 8, 3), (16, 24, 3), (32, 32, 3), (40, 56, 3), (64, 64, 4), (64, 96, 4), (96, 96, 4), (128, 128, 5)],
)
def test_images_are_halved_until_the_shorter_side_is_4_to_7_pixels_but_at_least_three_times(
    height: int, side: int, number: int
) -> None:
    assert halvings(height, side) == number
    assert 4 <= min(height, side) >> number <= 7 or number == 3


@pytest.mark.parametrize(("height", "side", "multiple"), [(28, 28, 8), (4, 32, 8), (32, 36, 8), (72, 72, 16)])
def test_sizes_that_cannot_be_halved_so_often_are_one_sentence(height: int, side: int, multiple: int) -> None:
    with pytest.raises(ConfigError) as caught:
        halvings(height, side)
    times = multiple.bit_length() - 1
    assert str(caught.value) == (
        f"Images of {height} x {side} cannot be halved {times} times; give sides that are multiples of {multiple}."
    )


@pytest.mark.parametrize(
    ("shape", "channels", "places"),
    [((1, 64, 64), [4, 8, 16, 32], (4, 4)), ((3, 128, 128), [4, 8, 16, 32, 32], (4, 4))],
)
def test_larger_images_are_halved_more_often_and_channels_grow_to_eight_widths(
    shape: tuple[int, int, int], channels: list[int], places: tuple[int, int]
) -> None:
    encoder, decoder = ConvolutionalEncoder(shape, width=4, outputs=5), ConvolutionalDecoder(shape, width=4, latent=5)
    latent, features = encoder(torch.rand(2, *shape))
    assert [maps.shape[1] for maps in features] == channels
    assert features[-1].shape[2:] == places
    assert decoder(latent).shape == (2, *shape)


@pytest.mark.parametrize("size", [(32, 32), (40, 56), (8, 16)])
def test_a_spatial_pair_takes_frames_of_any_size_that_can_be_halved(size: tuple[int, int]) -> None:
    height, width = size
    encoder = ConvolutionalEncoder((4, 32, 32), width=4, outputs=5, spatial=True)
    decoder = ConvolutionalDecoder((1, 32, 32), width=4, latent=5, spatial=True)
    latent, features = encoder(torch.rand(2, 4, *size))
    assert latent.shape == (2, 5, height // 8, width // 8)
    assert decoder(latent, features=features).shape == (2, 1, *size)
    assert len(features) == 3, "the decoder leaves the list as it was"


def test_a_spatial_decoder_sees_every_feature_map_of_the_encoder() -> None:
    encoder = ConvolutionalEncoder((4, 32, 32), width=4, outputs=5, spatial=True)
    decoder = ConvolutionalDecoder((1, 32, 32), width=4, latent=5, spatial=True).eval()
    latent, features = encoder(torch.rand(2, 4, 32, 32))
    made = decoder(latent, features=features)
    for place, maps in enumerate(features):
        other = [*features[:place], maps + 1, *features[place + 1 :]]
        assert not torch.equal(decoder(latent, features=other), made)


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
