"""The autoencoder under a random perturbation of its latent: does *learning* the perturbation matter?"""

from typing import ClassVar

import torch
from pydantic.dataclasses import dataclass
from torch import Tensor

from alpa.config import STRICT, NonNegativeFloat, PositiveFloat, TrainingConfig
from alpa.detectors.autoencoder import MULTIPLE, Autoencoder, AutoencoderConfig

# Its own stream, since the order of the batches is drawn from the detector's seed too.
NOISE_SEED = 2_000_003


@dataclass(frozen=True, config=STRICT)
class DenoisingConfig(AutoencoderConfig):
    """`strength`: root mean square of the perturbation per latent coordinate; `weight`: of the perturbed loss."""

    strength: NonNegativeFloat = 0.1
    weight: PositiveFloat = 1.0


class Denoising(Autoencoder):
    """z + delta with delta uniform on the sphere of radius strength * sqrt(latent)."""

    key = "denoising"
    config_class: ClassVar[type] = DenoisingConfig

    def begin(self, training: TrainingConfig) -> None:
        super().begin(training)
        device = self.calibration.device
        self.noise = torch.Generator(device).manual_seed(self.seed + NOISE_SEED)

    def perturbation(self, given: Tensor) -> Tensor | None:
        if self.config.strength == 0:
            return None
        places = [side // MULTIPLE for side in given.shape[2:]] if self.predicted else []
        shape = (len(given), self.config.latent, *places)
        noise = torch.randn(shape, generator=self.noise, device=given.device)
        return on_sphere(noise, self.config.strength)


def on_sphere(direction: Tensor, strength: float) -> Tensor:
    """Scale (B, d), or each place of (B, d, H, W), to length strength * sqrt(d): a root mean square of `strength`."""
    radius = strength * direction.shape[1] ** 0.5
    return radius * torch.nn.functional.normalize(direction.float(), dim=1)
