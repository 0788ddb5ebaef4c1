"""The contract of every detector: fit on normal images, then score any image alone; higher = more anomalous."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from alpa.config import TrainingConfig
from alpa.data.batches import to_device, training_images
from alpa.data.preparation import Preparation
from alpa.data.stored import Images, LazyImages, select
from alpa.data.video import all_windows
from alpa.errors import ConfigError, DataError, ModelError
from alpa.files import require_file
from alpa.runtime import Runtime
from alpa.training.collapse import History
from alpa.training.loop import train

# What libraries raise where tensors are damaged or fit neither the detector nor one another.
RESTORE_ERRORS = (OSError, SafetensorError, RuntimeError, ValueError, TypeError, IndexError, MemoryError)
JUDGED = 128  # fitted images, at most, by which a training is judged
SCORING_BATCH = 256  # images of 32 x 32, and fewer of larger ones: what lies in a cache is scored faster


class Detector(nn.Module):
    """Base of all detectors. A detector writes two hooks, `train_step` and `score_batch`.

    One that learns by steps also builds its optimisers in `begin`; one that is fitted in closed form overrides
    `learn` instead. The base owns batching, evaluation mode, calibration, checks, and saving without pickles.
    """

    key: ClassVar[str]
    config_class: ClassVar[type]
    primary_score: str  # by which it is ranked; a class's, unless an instance has reason to take another
    # The fields of TrainingConfig that decide its numbers; one that brings its own training names fewer.
    uses: ClassVar[tuple[str, ...]] = tuple(TrainingConfig.__dataclass_fields__)
    # The scores whose standardised sum is `combined`; empty where a detector has no such score.
    combined_parts: ClassVar[tuple[str, ...]] = ()
    calibration: Tensor

    def __init__(self, image_shape: tuple[int, ...], config: Any, seed: int, predicted: int = 0) -> None:
        """Build an untrained detector.

        Args:
            image_shape: (C, H, W) of its samples: of an image, or of a cuboid with its frames as channels.
            config: an instance of `config_class`.
            seed: of all that is random in it.
            predicted: how many of the last channels are to be predicted from those before; 0 where a sample is
                reconstructed. A detector that does neither looks at all channels.
        """
        super().__init__()
        self.image_shape = tuple(image_shape)
        self.config = config
        self.seed = seed
        self.predicted = predicted
        self.preparation = Preparation()
        self.begun = False
        self.fitted = False
        self.history: History = []
        # Row i: mean and standard deviation of combined_parts[i] on held-out validation normals.
        self.register_buffer("calibration", torch.zeros(len(self.combined_parts), 2))

    def train_step(self, images: Tensor) -> dict[str, Tensor]:
        """Take one optimisation step of every player; images are prepared (B, C, H, W); return named losses."""
        raise NotImplementedError(f"{self.key} is not trained by steps")

    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        """Return the detector's scores, each (B,), higher = more anomalous; images are prepared (B, C, H, W)."""
        raise NotImplementedError

    def plan(self, n_images: int, training: TrainingConfig) -> TrainingConfig:
        """Return the training that this detector really gets on `n_images` images; by default what was asked for."""
        return training

    def begin(self, training: TrainingConfig) -> None:
        """Build the optimisers before the first step."""

    def learn(self, images: Tensor, training: TrainingConfig, runtime: Runtime) -> None:
        """Fit the parameters to uint8 images (N, C, H, W), on the device or, of too many, a `StreamedImages`."""
        self.begin(training)
        self.history = train(self, images, training, runtime)

    def fit(
        self,
        images: Images,
        training: TrainingConfig | None = None,
        runtime: Runtime | None = None,
        groups: np.ndarray | None = None,
    ) -> Self:
        """Fit to normal images alone.

        A seeded share of them is held out as validation normals, which calibrate the `combined` score.

        Args:
            images: normal images, uint8, shape (N, C, H, W); those that stay in their file may be larger than memory.
            training: steps, batch size and so on; the defaults where None.
            runtime: device, precision and threads; one fp32 CPU thread where None.
            groups: (N,) the clip of each sample, held out as a whole, since neighbouring frames are alike; None for
                still images.

        Raises:
            DataError: the images do not have this detector's shape, there are too few, or not as many groups.
            ConfigError: `training` is something else, or a predictor is to prepare images by their own contrast, which
                holds what it predicts.
            ModelError: training collapsed: a loss or a parameter is no longer finite, a player learned nothing or wins
                for ever, a score is the same for all held-out images; or this detector was fitted before.
        """
        runtime, training = runtime or Runtime(), training or TrainingConfig()
        self._check(images)
        if not isinstance(training, TrainingConfig):
            raise ConfigError(f"training is a {type(training).__name__}; give a TrainingConfig.")
        if groups is not None and np.shape(groups) != (len(images),):
            raise DataError(f"groups has shape {np.shape(groups)}; give the clip of each of the {len(images)} images.")
        if self.begun:
            raise ModelError(f"This {self.key} detector was fitted before; build a new one, which starts anew.")
        if self.predicted and training.preparation == "gcn":
            raise ConfigError(f"Under gcn, {self.key} would see of what it predicts; choose unit or scaled.")
        fitted, validation = split_validation(len(images), training.validation_fraction, self.seed, groups)
        self.begun = True
        self.preparation = Preparation(training.preparation)
        self.to(runtime.device).to(memory_format=torch.channels_last)
        with runtime.limited_threads():
            chosen = training_images(images, fitted, torch.device(runtime.device))
            self.preparation.fit(chosen)
            self.train()
            self.learn(chosen, self.plan(len(chosen), training), runtime)
            self._require_finite()
            self.eval()
            self.fitted = True
            self._require_learned(select(images, fitted[:: -(-len(fitted) // JUDGED)]))
            self._calibrate(select(images, validation))
        return self

    def scores(self, images: Images) -> dict[str, np.ndarray]:
        """Return every score of uint8 images (N, C, H, W): name -> float32 (N,), higher = more anomalous.

        An image's scores do not depend on the other images, on their order or on the batch size.

        Raises:
            DataError: the images do not have this detector's shape.
            ModelError: the detector is not fitted, or a score is not finite.
        """
        return self._finished(self._map(images, self.score_batch))

    def window_scores(self, frames: np.ndarray, side: int, stride: int) -> dict[str, np.ndarray]:
        """Return every score of the windows of whole frames: name -> float32 (N, rows, columns), a heat map each.

        A detector that scores frames of any size may do so without cutting them.

        Args:
            frames: cuboids, uint8 (N, C, H, W), of any height and width.
            side: of a window, in pixels: the side of this detector's samples.
            stride: the way from one window to the next, in pixels.

        Raises:
            DataError: the frames do not have this detector's channels, or are smaller than a window.
            ModelError: as `scores`.
        """
        windows, grid = all_windows(frames, side, stride)
        return {name: values.reshape(len(frames), *grid) for name, values in self.scores(windows).items()}

    def anomaly_scores(self, images: Images) -> np.ndarray:
        """Return the primary score of uint8 images (N, C, H, W): float32 (N,), higher = more anomalous."""
        return self.scores(images)[self.primary_score]

    def save(self, folder: Path | str) -> None:
        """Write model.safetensors, detector.json and history.csv into an existing folder.

        Raises:
            ModelError: the detector is not fitted, or there is no such folder.
        """
        self._require_fitted()
        folder = Path(folder)
        if not folder.is_dir():
            raise ModelError(f"{folder} is not a folder; make it, and save the detector again.")
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in self.state_dict().items()}
        # Through memory: where the disk is full, save_file raises an error of its own kind instead of an OSError.
        (folder / "model.safetensors").write_bytes(save(state))
        description = {
            "detector": self.key,
            "image_shape": list(self.image_shape),
            "config": asdict(self.config),
            "seed": self.seed,
            "predicted": self.predicted,
            "preparation": self.preparation.kind,
            "primary_score": self.primary_score,
        }
        (folder / "detector.json").write_text(json.dumps(description, indent=1, sort_keys=True) + "\n")
        columns = list(self.history[0]) if self.history else ["step"]
        rows = [",".join(f"{row[name]:.6g}" for name in columns) for row in self.history]
        (folder / "history.csv").write_text("\n".join([",".join(columns), *rows]) + "\n")

    def restore(self, folder: Path) -> Self:
        """Load the parameters that `save` wrote.

        Raises:
            ModelError: the file is damaged or belongs to another network.
        """
        try:
            require_file(folder / "model.safetensors")
            state = load_file(folder / "model.safetensors")
            for name, buffer in self.named_buffers():
                if name in state and not buffer.numel():
                    buffer.resize_(state[name].shape)  # pca and knn learn how large their buffers are
            self.load_state_dict(state)
            if damaged := [name for name, tensor in state.items() if not tensor.isfinite().all()]:
                raise ValueError(f"{damaged[0]} is not finite")
            self.to(memory_format=torch.channels_last)
            self.begun = self.fitted = True
            self._map(np.zeros((1, *self.image_shape), np.uint8), self.score_batch)  # whether the buffers' sizes agree
        except RESTORE_ERRORS as error:
            self.fitted = False
            problem = f"{folder}/model.safetensors is no {self.key} of this shape ({brief(error)})"
            raise ModelError(f"{problem}; train it again.") from None
        return self

    def _finished(self, raw: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the scores with `combined` among them, or raise ModelError where one is not finite."""
        if self.combined_parts:
            parts = zip(self.combined_parts, self.calibration.cpu().numpy(), strict=True)
            raw["combined"] = np.sum([(raw[name] - mean) / deviation for name, (mean, deviation) in parts], axis=0)
        for name, values in raw.items():
            if not np.isfinite(values).all():
                raise ModelError(f"The {name} score of {self.key} is not finite; lower the learning rate or strength.")
        return raw

    def _require_learned(self, images: Images) -> None:
        """Raise ModelError where training was for nothing, as these fitted images show."""

    def _calibrate(self, validation: Images) -> None:
        """Fit the calibration; raise ModelError where a score by which samples are ranked is constant."""
        learned = type(self).train_step is not Detector.train_step  # others may well find all normal images perfect
        if not (learned or self.combined_parts):
            return
        scores = self._map(validation, self.score_batch)
        for name in [name for name in scores if name in (*self.combined_parts, self.primary_score)]:
            mean, deviation = float(scores[name].mean()), float(scores[name].std())
            if deviation <= 1e-6 * abs(mean):  # equal images may differ by rounding
                problem = f"The {name} score of {self.key} is the same for all {len(validation)} validation images"
                raise ModelError(f"{problem}; give it more images, or other settings.")
            if name in self.combined_parts:
                self.calibration[self.combined_parts.index(name)] = torch.tensor([mean, deviation])

    def _map(self, images: Images, function: Callable[[Tensor], dict[str, Tensor]]) -> dict[str, np.ndarray]:
        """Check images (N, C, H, W), apply `function` to batches of them, prepared, and join what it returns."""
        self._require_fitted()
        self._check(images)
        return self._in_batches(images, function)

    def _in_batches(self, images: Images, function: Callable[[Tensor], dict[str, Tensor]]) -> dict[str, np.ndarray]:
        """Apply `function` to batches of prepared images of any size, without gradients."""
        device = self.calibration.device
        size = max(1, SCORING_BATCH * 32 * 32 // max(32 * 32, images.shape[2] * images.shape[3]))
        found: dict[str, np.ndarray] = {}
        self.eval()  # batch statistics would make an image's score depend on the others
        with torch.no_grad():
            for start in range(0, len(images), size):
                batch = to_device(np.array(images[start : start + size]), device)
                for name, values in function(self.preparation(batch)).items():
                    # Into one array at once: small ones kept from each batch would scatter over the heap, where they
                    # hold back the memory that the batches' large tensors have freed.
                    if name not in found:
                        found[name] = np.empty((len(images), *values.shape[1:]), np.float32)
                    found[name][start : start + len(batch)] = values.float().cpu().numpy()
        return found

    def _require_finite(self) -> None:
        for name, parameter in self.named_parameters():
            if not parameter.isfinite().all():
                raise ModelError(f"{name} of {self.key} is not finite after training; lower the learning rate.")

    def _require_fitted(self) -> None:
        if not self.fitted:
            raise ModelError(f"This {self.key} detector is not fitted; call fit first.")

    def _check(self, images: Images) -> None:
        expected = f"uint8 images of shape (N, {', '.join(map(str, self.image_shape))})"
        if not isinstance(images, np.ndarray | LazyImages):
            raise DataError(f"{self.key} takes {expected} as a numpy array, not a {type(images).__name__}.")
        if images.dtype != np.uint8 or images.shape[1:] != self.image_shape or len(images) == 0:
            raise DataError(f"{self.key} takes {expected}, not {images.dtype} of shape {images.shape}.")


def brief(error: Exception) -> str:
    """Return the reason that an error gives, as a part of a sentence."""
    lines = str(error.strerror if isinstance(error, OSError) and error.strerror else error).splitlines()
    return lines[-1].strip().rstrip(".") if lines else type(error).__name__


def split_validation(
    n_images: int, fraction: float, seed: int, groups: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return sorted indices of the fitted and of the validation images, a seeded random share.

    With `groups` (N,), whole clips are held out, as many as come nearest to the share, but never all of them.

    Raises:
        DataError: fewer than four images, so that neither part could have two.
    """
    if n_images < 4:
        raise DataError(f"A class has {n_images} training images; a detector needs at least 4.")
    n_validation = min(max(2, round(n_images * fraction)), n_images - 2)
    if groups is not None and len(clips := np.unique(groups)) > 1:
        shuffled = np.random.default_rng(seed).permutation(clips)
        held = np.cumsum([np.sum(groups == clip) for clip in shuffled[:-1]])
        held_out = np.isin(groups, shuffled[: 1 + np.abs(held - n_validation).argmin()])
        return np.flatnonzero(~held_out), np.flatnonzero(held_out)
    order = np.random.default_rng(seed).permutation(n_images)
    return np.sort(order[n_validation:]), np.sort(order[:n_validation])
