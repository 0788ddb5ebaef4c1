"""Deep One-Class Classification: Deep Support Vector Data Description.

L. Ruff et al., ICML 2018 (proceedings.mlr.press/v80/ruff18a.html). Checked against the authors' repository,
lukasruff/Deep-SVDD-PyTorch (MIT licence): the encoder, its lack of biases and bounded activations, the centre, both
objectives, the radius and the score are theirs.

Deviation: for all images the encoder is the one that they made for CIFAR-10; for MNIST they have a smaller one.
Deviation: AdamW with one cycle, as all networks here, for Adam whose rate is lowered once. `rate` makes the objective's
learning rate the published 1e-4 where the training's is 0.002.
Deviation: pretraining takes a share of the steps, rather than adding to them, and uses the decoder of the other
autoencoders here; the decoder is not kept.
Deviation: the radius warms up for a fifteenth of the objective's steps, which is 10 of their 150 epochs.
"""

from dataclasses import replace
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR

from alpa.config import Float, PositiveFloat, PositiveInt, Share, TrainingConfig, settings
from alpa.detectors.detector import Detector
from alpa.detectors.networks import ConvolutionalDecoder, channels_of
from alpa.detectors.reconstruction import mean_squared
from alpa.runtime import Runtime, seeded
from alpa.sizes import halvings

NOT_ZERO = 0.1  # of a coordinate of the centre at least: zero weights would match a zero trivially
WARM_UP = 15
EPSILON = 1e-4  # of batch norm, as published


@settings
class DeepSVDDConfig:
    """`width`: channels of the first feature map; `latent`: outputs of the encoder.

    `objective`: the mean distance to the centre, or that beyond a radius, which leaves a share `nu` outside.
    `pretraining`: the share of the steps in which an autoencoder gives the encoder its initial weights.
    `rate`: the objective's learning rate, relative to the training's.
    """

    width: PositiveInt = 32
    latent: PositiveInt = 128
    objective: Literal["one_class", "soft_boundary"] = "one_class"
    nu: Share = 0.1
    pretraining: Annotated[Float, Field(ge=0, lt=1)] = 0.5
    rate: PositiveFloat = 0.05


class LeNet(nn.Module):
    """Images (B, C, H, W) to (B, outputs) without any bias, with which a constant would be the optimum."""

    def __init__(self, image_shape: tuple[int, ...], width: int, outputs: int) -> None:
        super().__init__()
        channels, height, side = image_shape
        number = halvings(height, side)
        widths = [channels, *channels_of(width, number)]
        self.stages = nn.Sequential(
            *(
                nn.Sequential(
                    nn.Conv2d(before, after, 5, padding=2, bias=False),
                    nn.BatchNorm2d(after, eps=EPSILON, affine=False),
                    nn.LeakyReLU(),
                    nn.MaxPool2d(2),
                )
                for before, after in pairwise(widths)
            )
        )
        self.head = nn.Linear(widths[-1] * (height >> number) * (side >> number), outputs, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        # (B, channels, height, width) -> (B, height * width * channels), as it lies in memory
        return self.head(self.stages(images).permute(0, 2, 3, 1).flatten(1))


class Pretraining(Detector):
    """The autoencoder that trains Deep SVDD's own encoder, with a decoder that is then left behind."""

    key = "deep_svdd"

    def __init__(self, detector: "DeepSVDD") -> None:
        super().__init__(detector.image_shape, detector.config, detector.seed)
        self.preparation, self.encoder = detector.preparation, detector.encoder
        self.norm = nn.BatchNorm1d(detector.config.latent, eps=EPSILON, affine=False)
        with seeded(detector.seed):
            self.decoder = ConvolutionalDecoder(self.image_shape, 16, detector.config.latent)

    def begin(self, training: TrainingConfig) -> None:
        self.optimiser, self.schedule = one_cycle(self, training)

    def train_step(self, images: Tensor) -> dict[str, Tensor]:
        made = self.decoder(self.norm(self.encoder(images).float()))
        loss = mean_squared(made.float() - images)
        descend(self, loss)
        return {"reconstruction": loss.detach()}


class DeepSVDD(Detector):
    """Scored by the squared distance of an image's encoding to the centre."""

    key = "deep_svdd"
    config_class: ClassVar[type] = DeepSVDDConfig
    primary_score = "centre_distance"
    config: DeepSVDDConfig
    centre: Tensor
    radius: Tensor

    def __init__(self, image_shape: tuple[int, ...], config: DeepSVDDConfig, seed: int, predicted: int = 0) -> None:
        super().__init__(image_shape, config, seed, predicted)
        with seeded(seed):
            self.encoder = LeNet(self.image_shape, config.width, config.latent)
        self.register_buffer("centre", torch.zeros(config.latent))
        self.register_buffer("radius", torch.zeros(()))

    def begin(self, training: TrainingConfig) -> None:
        self.optimiser, self.schedule = one_cycle(
            self, replace(training, learning_rate=self.config.rate * training.learning_rate)
        )
        self.steps_taken, self.warm_up = 0, training.steps // WARM_UP

    def learn(self, images: Tensor, training: TrainingConfig, runtime: Runtime) -> None:
        before = int(self.config.pretraining * training.steps)
        if before:
            pretraining = Pretraining(self).to(runtime.device).to(memory_format=torch.channels_last)
            pretraining.learn(images, replace(training, steps=before), runtime)
        self.centre = self._mean_output(images, training.batch_size)
        super().learn(images, replace(training, steps=training.steps - before), runtime)
        self.history = [row | {"step": row["step"] + before} for row in self.history]

    def _mean_output(self, images: Tensor, batch_size: int) -> Tensor:
        """Return the mean of all encodings, each coordinate kept away from zero."""
        self.eval()
        with torch.no_grad():
            sums = [self.encoder(self.preparation(part)).sum(0) for part in images.split(batch_size)]
        self.train()
        mean = torch.stack(sums).sum(0) / len(images)
        return torch.where(mean.abs() < NOT_ZERO, torch.where(mean < 0, -NOT_ZERO, NOT_ZERO), mean)

    def distances(self, images: Tensor) -> Tensor:
        """Return the squared distances to the centre, (B,)."""
        return (self.encoder(images).float() - self.centre).square().sum(1)

    def train_step(self, images: Tensor) -> dict[str, Tensor]:
        distances = self.distances(images)
        losses = {"distance": distances.mean()}
        if self.config.objective == "soft_boundary":
            beyond = (distances - self.radius.square()).clamp(min=0).mean()
            losses["boundary"] = self.radius.square() + beyond / self.config.nu
        descend(self, losses.get("boundary", losses["distance"]))
        self.steps_taken += 1
        if self.config.objective == "soft_boundary" and self.steps_taken > self.warm_up:
            self.radius = torch.quantile(distances.detach().sqrt(), 1 - self.config.nu)
        return {name: loss.detach() for name, loss in losses.items()}

    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        beyond = self.radius.square() if self.config.objective == "soft_boundary" else 0
        return {"centre_distance": self.distances(images) - beyond}


def one_cycle(detector: Detector, training: TrainingConfig) -> tuple[torch.optim.Optimizer, OneCycleLR]:
    """Return an optimiser of all parameters, and its schedule."""
    settings: dict[str, Any] = {"lr": training.learning_rate, "weight_decay": training.weight_decay, "fused": True}
    optimiser = torch.optim.AdamW(detector.parameters(), **settings)
    return optimiser, OneCycleLR(optimiser, max_lr=training.learning_rate, total_steps=training.steps + 1)


def descend(player: Any, loss: Tensor) -> None:
    """Step a player's optimiser and schedule down the gradient of its loss."""
    player.optimiser.zero_grad()
    loss.backward()
    player.optimiser.step()
    player.schedule.step()
