"""What `alpa` and `denoising` share: an autoencoder that also learns to decode a perturbed latent."""

import torch
from torch import Tensor

from alpa.config import NonNegativeFloat, PositiveFloat, Share, settings
from alpa.detectors.autoencoder import Autoencoder, AutoencoderConfig
from alpa.detectors.reconstruction import mean_squared


@settings
class PerturbedConfig(AutoencoderConfig):
    """`strength`: of the perturbation, in latent standard deviations; 0 is the plain autoencoder.

    `weight`: of the perturbed term in the loss. `share`: of a batch's images that this term is estimated on.
    """

    strength: NonNegativeFloat = 0.1
    weight: PositiveFloat = 1.0
    share: Share = 0.5


class PerturbedAutoencoder(Autoencoder):
    """E and D trained on ||x - D(z)||^2 + weight * ||x - D(z + delta)||^2, z = E(x).

    Unstated in the paper: the clean term, and that the perturbed one is estimated on a part of each batch, whose images
    are in random order: an unbiased estimate of the same loss for three quarters of the decoder's work. On the training
    split of MNIST it made no difference beyond what classes vary (performance/results/quality_share.csv).
    """

    config: PerturbedConfig
    opposed = ("perturbed",)

    def perturbation(self, given: Tensor) -> Tensor:
        """Return delta for what E is given, in the shape of its latent."""
        raise NotImplementedError

    def losses(self, images: Tensor) -> dict[str, Tensor]:
        if self.config.strength == 0:
            return super().losses(images)
        given, wanted = self.parts(images)
        latent, features = self.encode(given)
        some = max(2, round(self.config.share * len(images)))  # batch norm needs two
        # One decoding serves both terms: D runs once on the concatenation [z, z + delta].
        both = torch.cat([latent, latent[:some] + self.perturbation(given[:some])])
        twice = [torch.cat([feature, feature[:some]]) for feature in features] if self.predicted else features
        clean, perturbed = self.decode(both, twice, n_clean=len(latent)).float().split([len(latent), some])
        return {"reconstruction": mean_squared(clean - wanted), "perturbed": mean_squared(perturbed - wanted[:some])}

    def total(self, losses: dict[str, Tensor]) -> Tensor:
        perturbed = losses.get("perturbed")
        return super().total(losses) + (0 if perturbed is None else self.config.weight * perturbed)

    def compared(self, images: Tensor) -> dict[str, Tensor]:
        if self.config.strength == 0:
            return super().compared(images)
        given, _ = self.parts(images)
        latent, features = self.encode(given)
        perturbed = self.decode(latent + self.perturbation(given), features)
        return {"reconstruction": self.decode(latent, features), "perturbed": perturbed}


def on_sphere(direction: Tensor, strength: float) -> Tensor:
    """Scale (B, d), or each place of (B, d, H, W), to length strength * sqrt(d): a root mean square of `strength`."""
    radius = strength * direction.shape[1] ** 0.5
    return radius * torch.nn.functional.normalize(direction.float(), dim=1)
