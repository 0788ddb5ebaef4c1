"""GANomaly: Semi-Supervised Anomaly Detection via Adversarial Training.

S. Akcay, A. Atapour-Abarghouei, T. P. Breckon, ACCV 2018, arXiv:1805.06725. Checked against the authors' repository,
samet-akcay/ganomaly (MIT licence): networks, initial weights, losses, optimisers and score are theirs.

Deviation: three faults of the original are not repeated: it scores with batch statistics (ours: eval mode), reports the
best epoch by test AUROC (ours: the last), and min-max normalises scores over the test set (ours: scores as they are).
Deviation: as every detector, it leaves a share of the normal training images to validation, and its training runs in
bf16 where the hardware multiplies it, unless params.yaml says otherwise.
Deviation: a discriminator that has won starts anew as published, but this is looked at every 50 steps, not at each, so
that no step waits for the device.
Deviation: where a frame is to be predicted, which the paper does not do, the encoder gets the frames before it, the
second encoder the frames one later with the predicted one as their last, and the discriminator the whole cuboid.
Deviation: a set too small for 15 epochs to mean much gets a minimum of steps, and may be given smaller batches; the
settings of a run stand in its report.
"""

from itertools import pairwise
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from alpa.config import PositiveFloat, PositiveInt, TrainingConfig, settings
from alpa.detectors.convolutions import Collapse, Doubling, Expansion, Halving
from alpa.detectors.reconstruction import ReconstructingDetector, mean_squared, per_image, reconstruction_scores
from alpa.errors import ConfigError, ModelError
from alpa.runtime import seeded

# Every restart of the discriminator has a stream of initial weights of its own.
RESTART_SEED = 1_000_003
WON = 1e-5  # a discriminator with a smaller loss starts anew
LOOK_EVERY = 50
MOST_IN_A_ROW = 10  # restarts, one at each look: then a fresh discriminator wins at once, and always will
SIDES = (16, 32, 64, 128)  # each further halving is one more layer, as in the authors' code


@settings
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
    """Convolutions of stride 2 down to 4 x 4, which double the channels: three of them for 32 x 32, as published."""

    def __init__(self, channels: int, width: int, side: int) -> None:
        super().__init__()
        widths = widths_of(width, side)
        self.stages = nn.ModuleList([nn.Sequential(Halving(channels, width), nn.LeakyReLU(0.2))])
        for before, after in pairwise(widths):
            self.stages.append(nn.Sequential(Halving(before, after), nn.BatchNorm2d(after), nn.LeakyReLU(0.2)))

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the feature maps, the body's output (B, channels, 4, 4) last."""
        features = []
        for stage in self.stages:
            images = stage(images)
            features.append(images)
        return features


class Encoder(nn.Module):
    """Images (B, C, H, H) to latents (B, latent, 1, 1) and the body's feature maps."""

    def __init__(self, channels: int, width: int, latent: int, side: int) -> None:
        super().__init__()
        self.body = Body(channels, width, side)
        self.head = Collapse(widths_of(width, side)[-1], latent)

    def forward(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        features = self.body(images)
        return self.head(features[-1]), features


class Generator(nn.Module):
    """Encoder, decoder, and a second encoder with weights of its own."""

    def __init__(self, given: int, made: int, width: int, latent: int, side: int) -> None:
        super().__init__()
        self.encoder = Encoder(given, width, latent, side)
        widths = widths_of(width, side)[::-1]
        layers: list[nn.Module] = [Expansion(latent, widths[0])]
        for before, after in pairwise(widths):
            layers += [nn.BatchNorm2d(before), nn.ReLU(), Doubling(before, after)]
        layers += [nn.BatchNorm2d(width), nn.ReLU(), Doubling(width, made), nn.Tanh()]
        self.decoder = nn.Sequential(*layers)
        self.second_encoder = Encoder(given, width, latent, side)


class Discriminator(nn.Module):
    """The encoder's body and a convolution to one logit (the published sigmoid is part of the loss)."""

    def __init__(self, channels: int, width: int, side: int) -> None:
        super().__init__()
        self.body = Body(channels, width, side)
        self.head = Collapse(widths_of(width, side)[-1], 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (B,), higher = more real, and features (B, channels, 4, 4)."""
        features = self.body(images)[-1]
        return self.head(features).flatten(), features


class GANomaly(ReconstructingDetector):
    """Scored by the squared difference between the latents of an image and of its reconstruction."""

    key = "ganomaly"
    config_class: ClassVar[type] = GANomalyConfig
    primary_score = "encoder_gap"
    uses = ("validation_fraction", "preparation")
    combined_parts = ("latent", "feature")

    def __init__(self, image_shape: tuple[int, ...], config: GANomalyConfig, seed: int, predicted: int = 0) -> None:
        super().__init__(image_shape, config, seed, predicted)
        channels, height, side = self.image_shape
        if height != side or side not in SIDES:
            sides = ", ".join(map(str, SIDES))
            raise ConfigError(
                f"ganomaly takes square images with a side of {sides}, not {height} x {side}; resize them."
            )
        given, made = channels - predicted, predicted or channels
        with seeded(seed):
            generator = Generator(given, made, config.features, config.latent, side)
            self.generator = generator.apply(published_weights)
            self.discriminator = Discriminator(channels, config.features, side).apply(published_weights)

    def plan(self, n_images: int, training: TrainingConfig) -> TrainingConfig:
        batch_size = min(self.config.batch_size, n_images)
        return TrainingConfig(
            steps=max(self.config.epochs * (n_images // batch_size), self.config.minimum_steps),
            batch_size=batch_size,
            learning_rate=self.config.learning_rate,
            weight_decay=0.0,
            validation_fraction=training.validation_fraction,
            preparation=training.preparation,
        )

    def begin(self, training: TrainingConfig) -> None:
        settings: dict[str, Any] = {"lr": training.learning_rate, "betas": (0.5, 0.999), "fused": True}
        self.generator_optimiser = torch.optim.Adam(self.generator.parameters(), **settings)
        self.discriminator_optimiser = torch.optim.Adam(self.discriminator.parameters(), **settings)
        self.restarts = self.in_a_row = self.steps_taken = 0
        self.least = torch.full((), torch.inf, device=self.calibration.device)

    def train_step(self, images: Tensor) -> dict[str, Tensor]:
        real = to_tanh(images)
        given, wanted = self.parts(real)
        latent, _ = self.generator.encoder(given)
        made = self.generator.decoder(latent).float()
        latent_again, _ = self.generator.second_encoder(self.moved_on(real, made))
        logits_real, features_real = self.discriminator(real)
        logits_fake, features_fake = self.discriminator(torch.cat([given, made], 1) if self.predicted else made)

        config = self.config
        adversarial = mean_squared(features_fake.float() - features_real.float())
        contextual = (made - wanted).abs().mean()
        encoder = mean_squared(latent_again.float() - latent.float())
        loss_generator = (
            config.adversarial_weight * adversarial
            + config.contextual_weight * contextual
            + config.latent_weight * encoder
        )
        loss_discriminator = (_cross_entropy(logits_real, 1.0) + _cross_entropy(logits_fake, 0.0)) / 2
        # Both gradients come from the same forward pass, and neither player sees the other's step.
        descend(self.generator_optimiser, loss_generator, retain_graph=True)
        descend(self.discriminator_optimiser, loss_discriminator)
        self._restart_if_won(loss_discriminator.detach())
        losses = {
            "generator": loss_generator,
            "discriminator": loss_discriminator,
            "adversarial": adversarial,
            "contextual": contextual,
            "encoder": encoder,
        }
        return {name: loss.detach() for name, loss in losses.items()}

    def _restart_if_won(self, loss: Tensor) -> None:
        """Give the discriminator new weights if it has won at any step since the last look."""
        self.least = torch.minimum(self.least, loss)
        self.steps_taken += 1
        if self.steps_taken % LOOK_EVERY == 0:  # at each step, it would wait for the device
            won = self.least.item() < WON
            self.in_a_row = self.in_a_row + 1 if won else 0
            if self.in_a_row == MOST_IN_A_ROW:
                problem = f"The discriminator of {self.key} won in each of {MOST_IN_A_ROW} lives of {LOOK_EVERY} steps"
                remedy = "lower the learning rate, or raise adversarial_weight"
                raise ModelError(
                    f"{problem} by step {self.steps_taken}, so the generator learns nothing of it; {remedy}."
                )
            if won:
                self.restarts += 1
                with seeded(self.seed + RESTART_SEED * self.restarts):
                    self.discriminator.apply(published_weights)
            self.least = torch.full_like(loss, torch.inf)

    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        encoder, real = self.generator.encoder, to_tanh(images)
        given, wanted = self.parts(real)
        latent, features = encoder(given)
        made = self.generator.decoder(latent)
        again = self.moved_on(real, made)
        gap = per_image((latent - self.generator.second_encoder(again)[0]).square())
        if self.predicted:  # where the encoder would be if the frame had been the predicted one, and where it is
            latent, features = encoder(self.moved_on(real, wanted))
        latent_again, features_again = encoder(again)
        pixels = self.parts(images)[1], to_unit_range(made)
        return {"encoder_gap": gap} | reconstruction_scores(*pixels, (latent, latent_again), (features, features_again))

    def compared(self, images: Tensor) -> dict[str, Tensor]:
        return {"contextual": self.reconstruct_batch(images)}

    def reconstruct_batch(self, images: Tensor) -> Tensor:
        given, _ = self.parts(to_tanh(images))
        return to_unit_range(self.generator.decoder(self.generator.encoder(given)[0]))


def widths_of(width: int, side: int) -> list[int]:
    """Return the channels of the feature maps of a square image, the largest map first and the 4 x 4 one last.

    >>> widths_of(64, 32)
    [64, 128, 256]
    """
    return [width * 2**place for place in range(side.bit_length() - 3)]


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
