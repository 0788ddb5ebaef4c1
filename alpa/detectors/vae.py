"""Variational autoencoder scored by the probability of its reconstruction.

J. An, S. Cho, Variational Autoencoder based Anomaly Detection using Reconstruction Probability, SNU Data Mining Center
2015-2 Special Lecture on IE. The authors published no code.

Deviation: the convolutional networks of `autoencoder` for the paper's one hidden layer, so that the two differ in what
they learn alone; the latent is not batch-normalised, since the prior gives it its scale.
Deviation: the draws of the latent are the same for every image, so that a score depends on its image alone.
Unstated in the paper: that the decoder's deviation of a pixel has a lower limit, without which a pixel that is constant
over the normal class would make the probability unbounded.
"""

import math
from typing import ClassVar

import torch
from torch import Tensor

from alpa.config import PositiveInt, TrainingConfig, settings
from alpa.detectors.autoencoder import Autoencoder, AutoencoderConfig
from alpa.detectors.networks import ConvolutionalDecoder, ConvolutionalEncoder
from alpa.detectors.reconstruction import mean_squared, per_image
from alpa.runtime import seeded

NOISE_SEED = 3_000_003  # its own stream, since the order of the batches is drawn from the detector's seed too
LEAST_DEVIATION = 0.05  # of a pixel in [0, 1]
MOST_LOG_VARIANCE = 10.0  # of a coordinate of the latent, in size


@settings
class VAEConfig(AutoencoderConfig):
    """`samples`: how many draws of the latent a probability is the mean of, the paper's L."""

    samples: PositiveInt = 10


class VAE(Autoencoder):
    """E gives a normal distribution of the latent, D one of each pixel; both learn the evidence lower bound.

    Its `reconstruction`, `latent` and `feature` scores are those of the means.
    """

    key = "vae"
    config_class: ClassVar[type] = VAEConfig
    primary_score = "improbability"
    config: VAEConfig
    draws: Tensor

    def __init__(self, image_shape: tuple[int, ...], config: VAEConfig, seed: int, predicted: int = 0) -> None:
        super().__init__(image_shape, config, seed, predicted)
        channels, *size = self.image_shape
        self.made = predicted or channels
        spatial = predicted > 0
        with seeded(seed):  # both with twice the outputs: of means and of deviations
            self.encoder = ConvolutionalEncoder(self.given, config.width, 2 * config.latent, spatial)
            self.decoder = ConvolutionalDecoder((2 * self.made, *size), config.width, config.latent, spatial)
            draws = torch.randn(config.samples, config.latent)
        del self.norm
        self.register_buffer("draws", draws)  # the same at each place of a map

    def begin(self, training: TrainingConfig) -> None:
        super().begin(training)
        self.noise = torch.Generator(self.calibration.device).manual_seed(self.seed + NOISE_SEED)

    def encode(self, given: Tensor) -> tuple[Tensor, list[Tensor]]:
        mean, _, features = self.posterior(given)
        return mean, features

    def posterior(self, given: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Return the latent's means and log-variances, each (B, latent) or a map, and the encoder's feature maps."""
        outputs, features = self.encoder(given)
        mean, log_variance = outputs.float().chunk(2, dim=1)
        return mean, log_variance.clamp(-MOST_LOG_VARIANCE, MOST_LOG_VARIANCE), features

    def decode(self, latent: Tensor, features: list[Tensor], n_clean: int | None = None) -> Tensor:
        return super().decode(latent, features, n_clean)[:, : self.made]

    def surprise(self, wanted: Tensor, latent: Tensor, features: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Return D's means, (B, C, H, W), and the negative log-probability of what is wanted, a pixel's mean, (B,)."""
        mean, spread = super().decode(latent, features).float().chunk(2, dim=1)
        deviation = LEAST_DEVIATION + (1 - LEAST_DEVIATION) * spread
        surprise = ((wanted - mean) / deviation).square() / 2 + deviation.log() + math.log(2 * math.pi) / 2
        return mean, per_image(surprise)

    def losses(self, images: Tensor) -> dict[str, Tensor]:
        given, wanted = self.parts(images)
        mean, log_variance, features = self.posterior(given)
        noise = torch.randn(mean.shape, generator=self.noise, device=mean.device)
        made, surprise = self.surprise(wanted, mean + (log_variance / 2).exp() * noise, features)
        divergence = (mean.square() + log_variance.exp() - log_variance - 1).flatten(1).sum(1) / 2
        return {
            "reconstruction": mean_squared(made - wanted),
            "improbability": surprise.mean(),
            "divergence": divergence.mean() / wanted[0].numel(),
        }

    def total(self, losses: dict[str, Tensor]) -> Tensor:
        return losses["improbability"] + losses["divergence"]

    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        given, wanted = self.parts(images)
        mean, log_variance, features = self.posterior(given)
        deviation = (log_variance / 2).exp()
        draws = self.draws.view(*self.draws.shape, *[1] * (mean.ndim - 2))  # (samples, latent), or (..., 1, 1) for maps
        surprises = [self.surprise(wanted, mean + deviation * draw, features)[1] for draw in draws]
        return self.scores_of(images, mean, features) | {"improbability": torch.stack(surprises).mean(0)}
