"""The autoencoder under a random perturbation of its latent: does *learning* the perturbation matter?"""

from typing import ClassVar

import torch
from torch import Tensor

from alpa.config import TrainingConfig, settings
from alpa.detectors.autoencoder import MULTIPLE
from alpa.detectors.perturbed import PerturbedAutoencoder, PerturbedConfig, on_sphere

# Its own stream, since the order of the batches is drawn from the detector's seed too.
NOISE_SEED = 2_000_003


@settings
class DenoisingConfig(PerturbedConfig):
    """`strength`: root mean square of the perturbation per latent coordinate."""


class Denoising(PerturbedAutoencoder):
    """z + delta with delta uniform on the sphere of radius strength * sqrt(latent)."""

    key = "denoising"
    config_class: ClassVar[type] = DenoisingConfig

    def begin(self, training: TrainingConfig) -> None:
        super().begin(training)
        device = self.calibration.device
        self.noise = torch.Generator(device).manual_seed(self.seed + NOISE_SEED)

    def perturbation(self, given: Tensor) -> Tensor:
        places = [side // MULTIPLE for side in given.shape[2:]] if self.predicted else []
        shape = (len(given), self.config.latent, *places)
        noise = torch.randn(shape, generator=self.noise, device=given.device)
        return on_sphere(noise, self.config.strength)
