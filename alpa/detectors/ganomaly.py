"""GANomaly: Semi-Supervised Anomaly Detection via Adversarial Training.

S. Akcay, A. Atapour-Abarghouei, T. P. Breckon, ACCV 2018, arXiv:1805.06725. Checked against the authors' repository,
samet-akcay/ganomaly (MIT licence): networks, initial weights, losses, optimisers and score are theirs.

Deviation: three faults of the original are not repeated: it scores with batch statistics (ours: eval mode), reports the
best epoch by test AUROC (ours: the last), and min-max normalises scores over the test set (ours: scores as they are).
Deviation: as every detector, it leaves a share of the normal training images to validation, and its training runs in
bf16 where the hardware multiplies it, unless params.yaml says otherwise.
Deviation: a set too small for 15 epochs to mean much gets a minimum of steps, and may be given smaller batches; the
settings of a run stand in its report.
"""

from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn import functional as F

from alpa.config import STRICT, PositiveFloat, PositiveInt, TrainingConfig
from alpa.detectors.reconstruction import ReconstructingDetector, per_image, reconstruction_scores
from alpa.errors import ConfigError
from alpa.runtime import seeded

# Every restart of the discriminator has a stream of initial weights of its own.
RESTART_SEED = 1_000_003


@dataclass(frozen=True, config=STRICT)
class GANomalyConfig:
    """The published setting. It brings its own training, so `training` gives it the validation share alone.

    `minimum_steps`: on sets too small for `epochs` to mean much, training goes on for at least so many steps.
    """

    features: Annotated[int, Field(ge=4, strict=True)] = 64
    latent: PositiveInt = 100
    epochs: PositiveInt = 15
    minimum_steps: PositiveInt = 1000
    batch_size: Annotated[int, Field(ge=2, strict=True)] = 64
    learning_rate: PositiveFloat = 2e-4
    adversarial_weight: PositiveFloat = 1.0
    contextual_weight: PositiveFloat = 50.0
    latent_weight: PositiveFloat = 1.0


class Body(nn.Module):
    """Three convolutions of stride 2: images (B, C, 32, 32) to features (B, 4 * width, 4, 4)."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.stages = nn.ModuleList(
            [
                nn.Sequential(_conv(channels, width), nn.LeakyReLU(0.2)),
                nn.Sequential(_conv(width, 2 * width), nn.BatchNorm2d(2 * width), nn.LeakyReLU(0.2)),
                nn.Sequential(_conv(2 * width, 4 * width), nn.BatchNorm2d(4 * width), nn.LeakyReLU(0.2)),
            ]
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the three feature maps, the body's output last."""
        features = []
        for stage in self.stages:
            images = stage(images)
            features.append(images)
        return features


class Encoder(nn.Module):
    """Images (B, C, 32, 32) to latents (B, latent, 1, 1) and the body's feature maps."""

    def __init__(self, channels: int, width: int, latent: int) -> None:
        super().__init__()
        self.body = Body(channels, width)
        self.head = nn.Conv2d(4 * width, latent, 4, bias=False)

    def forward(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        features = self.body(images)
        return self.head(features[-1]), features


class Generator(nn.Module):
    """Encoder, decoder, and a second encoder with weights of its own."""

    def __init__(self, channels: int, width: int, latent: int) -> None:
        super().__init__()
        self.encoder = Encoder(channels, width, latent)
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(latent, 4 * width, 4, bias=False),
            nn.BatchNorm2d(4 * width),
            nn.ReLU(),
            nn.ConvTranspose2d(4 * width, 2 * width, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1, bias=False),
            nn.Tanh(),
        )
        self.second_encoder = Encoder(channels, width, latent)


class Discriminator(nn.Module):
    """The encoder's body and a convolution to one logit (the published sigmoid is part of the loss)."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.body = Body(channels, width)
        self.head = nn.Conv2d(4 * width, 1, 4, bias=False)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (B,), higher = more real, and features (B, 4 * width, 4, 4)."""
        features = self.body(images)[-1]
        return self.head(features).flatten(), features


class GANomaly(ReconstructingDetector):
    """Scored by the squared difference between the latents of an image and of its reconstruction."""

    key = "ganomaly"
    config_class: ClassVar[type] = GANomalyConfig
    primary_score = "encoder_gap"
    uses = ("validation_fraction",)
    combined_parts = ("latent", "feature")

    def __init__(self, image_shape: tuple[int, ...], config: GANomalyConfig, seed: int) -> None:
        super().__init__(image_shape, config, seed)
        if self.image_shape[1:] != (32, 32):
            raise ConfigError(f"ganomaly takes images of 32 x 32, not {image_shape}; resize them.")
        with seeded(seed):
            self.generator = Generator(image_shape[0], config.features, config.latent).apply(published_weights)
            self.discriminator = Discriminator(image_shape[0], config.features).apply(published_weights)

    def plan(self, n_images: int, training: TrainingConfig) -> TrainingConfig:
        batch_size = min(self.config.batch_size, n_images)
        return TrainingConfig(
            steps=max(self.config.epochs * (n_images // batch_size), self.config.minimum_steps),
            batch_size=batch_size,
            learning_rate=self.config.learning_rate,
            weight_decay=0.0,
            validation_fraction=training.validation_fraction,
        )

    def begin(self, training: TrainingConfig) -> None:
        settings: dict[str, Any] = {"lr": training.learning_rate, "betas": (0.5, 0.999), "fused": True}
        self.generator_optimiser = torch.optim.Adam(self.generator.parameters(), **settings)
        self.discriminator_optimiser = torch.optim.Adam(self.discriminator.parameters(), **settings)
        self.restarts = 0

    def train_step(self, images: Tensor) -> dict[str, Tensor]:
        real = to_tanh(images)
        latent, _ = self.generator.encoder(real)
        fake = self.generator.decoder(latent).float()
        latent_again, _ = self.generator.second_encoder(fake)
        logits_real, features_real = self.discriminator(real)
        logits_fake, features_fake = self.discriminator(fake)

        config = self.config
        adversarial = F.mse_loss(features_fake.float(), features_real.float())
        contextual = F.l1_loss(fake, real)
        encoder = F.mse_loss(latent_again.float(), latent.float())
        loss_generator = (
            config.adversarial_weight * adversarial
            + config.contextual_weight * contextual
            + config.latent_weight * encoder
        )
        loss_discriminator = (_cross_entropy(logits_real, 1.0) + _cross_entropy(logits_fake, 0.0)) / 2
        # Both gradients come from the same forward pass, and neither player sees the other's step.
        descend(self.generator_optimiser, loss_generator, retain_graph=True)
        descend(self.discriminator_optimiser, loss_discriminator)
        if loss_discriminator.item() < 1e-5:  # as published: a discriminator that has won starts anew
            self.restarts += 1
            with seeded(self.seed + RESTART_SEED * self.restarts):
                self.discriminator.apply(published_weights)
        losses = {
            "generator": loss_generator,
            "discriminator": loss_discriminator,
            "adversarial": adversarial,
            "contextual": contextual,
            "encoder": encoder,
        }
        return {name: loss.detach() for name, loss in losses.items()}

    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        encoder = self.generator.encoder
        latent, features = encoder(to_tanh(images))
        fake = self.generator.decoder(latent)
        latent_second, _ = self.generator.second_encoder(fake)
        latent_again, features_again = encoder(fake)
        scores = reconstruction_scores(images, to_unit_range(fake), (latent, latent_again), (features, features_again))
        return {"encoder_gap": per_image((latent - latent_second).square())} | scores

    def reconstruct_batch(self, images: Tensor) -> Tensor:
        return to_unit_range(self.generator.decoder(self.generator.encoder(to_tanh(images))[0]))


def published_weights(module: nn.Module) -> None:
    """Initialise as published: convolutions N(0, 0.02), batch norm weights N(1, 0.02) and biases 0."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def descend(optimiser: torch.optim.Optimizer, loss: Tensor, retain_graph: bool = False) -> None:
    """Step `optimiser` down the gradient of `loss` with respect to its own parameters alone."""
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    for parameter, gradient in zip(
        parameters, torch.autograd.grad(loss, parameters, retain_graph=retain_graph), strict=True
    ):
        parameter.grad = gradient
    optimiser.step()


def to_tanh(images: Tensor) -> Tensor:
    """Map [0, 1] to [-1, 1], the range of the generator."""
    return images * 2 - 1


def to_unit_range(images: Tensor) -> Tensor:
    """Map the generator's [-1, 1] to [0, 1]."""
    return (images + 1) / 2


def _cross_entropy(logits: Tensor, target: float) -> Tensor:
    logits = logits.float()
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def _conv(before: int, after: int) -> nn.Conv2d:
    return nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False)
