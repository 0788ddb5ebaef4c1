"""A deep convolutional autoencoder scored by what it cannot reconstruct: the baseline, and `alpa` at strength 0."""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import OneCycleLR

from alpa.config import PositiveInt, TrainingConfig, settings
from alpa.data.preparation import BATCH
from alpa.data.video import corners
from alpa.detectors.networks import LEAST_HALVINGS, ConvolutionalDecoder, ConvolutionalEncoder
from alpa.detectors.reconstruction import ReconstructingDetector, mean_squared, per_image, reconstruction_scores
from alpa.errors import DataError
from alpa.runtime import Runtime, seeded

MULTIPLE = 2**LEAST_HALVINGS  # the sides of what a predictor can halve
FINER = 4  # maps are averaged over windows at a quarter of the stride, which costs little


@settings
class AutoencoderConfig:
    """`width`: channels of the first feature map; `latent`: coordinates of the bottleneck, of each place in a map."""

    width: Annotated[int, Field(ge=4, multiple_of=4, strict=True)] = 16
    latent: PositiveInt = 8


class Autoencoder(ReconstructingDetector):
    """E and D trained on ||x - D(E(x))||^2.

    Where frames are predicted, x is the frame that D makes of the frames before it, E's latent is a map, and D also
    sees E's feature maps.
    Unstated in the paper: the latent is batch-normalised without affine parameters, so each coordinate has unit
    variance over the normal class and the strength of a perturbation has a fixed meaning.
    """

    key = "autoencoder"
    config_class: ClassVar[type] = AutoencoderConfig
    primary_score: str = "combined"
    combined_parts = ("latent", "feature")
    contrast: Tensor

    def __init__(self, image_shape: tuple[int, ...], config: AutoencoderConfig, seed: int, predicted: int = 0) -> None:
        super().__init__(image_shape, config, seed, predicted)
        channels, *size = self.image_shape
        spatial = predicted > 0
        self.given = (channels - predicted, *size)
        with seeded(seed):
            self.encoder = ConvolutionalEncoder(self.given, config.width, config.latent, spatial)
            self.decoder = ConvolutionalDecoder((predicted or channels, *size), config.width, config.latent, spatial)
        self.norm = (nn.BatchNorm2d if spatial else nn.BatchNorm1d)(config.latent, affine=False)
        if predicted:
            self.primary_score = "relative"
            self.register_buffer("contrast", torch.zeros(()))  # of the frames to predict in training

    def begin(self, training: TrainingConfig) -> None:
        settings: dict[str, Any] = {"lr": training.learning_rate, "weight_decay": training.weight_decay, "fused": True}
        self.optimiser = torch.optim.AdamW(self.parameters(), **settings)
        # Smith and Topin's one cycle over the whole training; one more step, since the last one sets a rate as well.
        self.schedule = OneCycleLR(self.optimiser, max_lr=training.learning_rate, total_steps=training.steps + 1)

    def learn(self, images: Tensor, training: TrainingConfig, runtime: Runtime) -> None:
        super().learn(images, training, runtime)
        if self.predicted:
            wanted = images[:, -self.predicted :]
            energies = [gradient_energy(self.preparation(part)).mean() * len(part) for part in wanted.split(BATCH)]
            self.contrast = (torch.stack(energies).sum() / len(wanted)).sqrt()

    def losses(self, images: Tensor) -> dict[str, Tensor]:
        """Return the losses by name, the first of them ||x - D(z)||^2."""
        given, wanted = self.parts(images)
        return {"reconstruction": mean_squared(self.decode(*self.encode(given)).float() - wanted)}

    def total(self, losses: dict[str, Tensor]) -> Tensor:
        """Return what the optimiser descends."""
        return losses["reconstruction"]

    def train_step(self, images: Tensor) -> dict[str, Tensor]:
        losses = self.losses(images)
        self.optimiser.zero_grad()
        self.total(losses).backward()
        self.oppose()
        self.optimiser.step()
        self.schedule.step()
        return {name: loss.detach() for name, loss in losses.items()}

    def oppose(self) -> None:
        """Change the gradients of an opponent, if there is one, before the step that serves all players."""

    def encode(self, given: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the normalised latent, (B, latent) or (B, latent, H / 8, W / 8), and the encoder's feature maps."""
        latent, features = self.encoder(given)
        return self.norm(latent.float()), features

    def decode(self, latent: Tensor, features: list[Tensor], n_clean: int | None = None) -> Tensor:
        """Return D's images; only a predictor's decoder looks at the feature maps."""
        return self.decoder(latent, n_clean, features if self.predicted else ())

    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        given, _ = self.parts(images)
        return self.scores_of(images, *self.encode(given))

    def scores_of(self, images: Tensor, latent: Tensor, features: list[Tensor]) -> dict[str, Tensor]:
        """Return the scores of images, each (B,), whose encoding is there already."""
        if self.predicted:
            return self._over(self.score_maps(images, latent, features), per_image)
        made = self.decode(latent, features)
        latent_again, features_again = self.encode(made)
        return reconstruction_scores(images, made, (latent, latent_again), (features, features_again))

    def score_maps(self, images: Tensor, latent: Tensor, features: list[Tensor]) -> dict[str, Tensor]:
        """Return what a predictor's scores are means of, each (B, H, W), for frames of any size that can be halved."""
        _, wanted = self.parts(images)
        made = self.decode(latent, features)
        # Where E would be if the frame had been the predicted one, and where it is.
        latent, features = self.encode(self.moved_on(images, wanted))
        latent_again, features_again = self.encode(self.moved_on(images, made))
        size = images.shape[2:]
        gaps = [_spread((one - two).square().mean(1), size) for one, two in zip(features, features_again, strict=True)]
        return {
            "reconstruction": (wanted - made).square().mean(1),
            "latent": _spread((latent - latent_again).square().sum(1), size),
            "feature": torch.stack(gaps).mean(0),
            "difference": (wanted - made).abs().mean(1),
            "energy": gradient_energy(wanted),
        }

    def window_scores(self, frames: np.ndarray, side: int, stride: int) -> dict[str, np.ndarray]:
        if not self.predicted:
            return super().window_scores(frames, side, stride)
        self._require_fitted()
        channels = self.image_shape[0]
        if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[1] != channels:
            expected = f"uint8 cuboids of shape (N, {channels}, H, W)"
            raise DataError(f"{self.key} takes {expected}, not {frames.dtype} of shape {frames.shape}.")
        corners(min(frames.shape[2:]), side, stride)  # whether a window fits
        finer = max(1, stride // FINER)

        def over_windows(maps: Tensor) -> Tensor:  # over rows and then over columns, which gives the same means sooner
            return F.avg_pool2d(F.avg_pool2d(maps[:, None], (1, side), (1, finer)), (side, 1), (finer, 1))[:, 0]

        return self._finished(
            self._in_batches(frames, lambda batch: self._over(self._maps_of_any_size(batch), over_windows))
        )

    def _over(self, maps: dict[str, Tensor], mean: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
        """Return the scores of windows, given the maps that `mean` takes means of.

        `relative` is the mean absolute difference to the prediction, relative to the contrast: where there is more of
        it, an error of the same motion is larger. Half of the contrast is the window's own, half that of training.
        """
        means = {name: mean(values) for name, values in maps.items()}
        contrast = means.pop("energy").sqrt() + self.contrast
        return means | {"relative": means.pop("difference") / contrast}

    def _maps_of_any_size(self, frames: Tensor) -> dict[str, Tensor]:
        """Return the maps of frames whose sides need not be multiples of 8: their edges are repeated meanwhile."""
        height, width = frames.shape[2:]
        padded = F.pad(frames, (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="replicate")
        padded = padded.contiguous(memory_format=torch.channels_last)
        given, _ = self.parts(padded)
        maps = self.score_maps(padded, *self.encode(given))
        return {name: values[:, :height, :width] for name, values in maps.items()}

    def compared(self, images: Tensor) -> dict[str, Tensor]:
        return {"reconstruction": self.reconstruct_batch(images)}

    def reconstruct_batch(self, images: Tensor) -> Tensor:
        given, _ = self.parts(images)
        return self.decode(*self.encode(given))


def gradient_energy(images: Tensor) -> Tensor:
    """Return the squared length of the gradient of (B, C, H, W) at each pixel, (B, H, W), the mean over channels."""
    padded = F.pad(images, (1, 1, 1, 1), mode="replicate")
    down = (padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]) / 2
    right = (padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]) / 2
    return (down.square() + right.square()).mean(1)


def _spread(maps: Tensor, size: tuple[int, ...]) -> Tensor:
    """Enlarge (B, h, w) to (B, H, W) by repeating values."""
    return F.interpolate(maps[:, None], size=tuple(size), mode="nearest")[:, 0]
