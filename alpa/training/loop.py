"""The training loop: a fixed number of steps, losses read a few times, and a stop where it collapses."""

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from alpa.config import TrainingConfig
from alpa.data.batches import shuffled_batches
from alpa.runtime import Runtime
from alpa.training.collapse import HISTORY_ROWS, History, require_finite, require_trained, weights_of

if TYPE_CHECKING:
    from alpa.detectors.detector import Detector


def train(detector: "Detector", images: Tensor, training: TrainingConfig, runtime: Runtime) -> History:
    """Step through `training.steps` batches and return about forty rows: the step and each loss's mean since the last.

    The losses stay on the device between rows, so that no step waits for the one before it.

    Raises:
        ModelError: a loss is not finite, or a player learned nothing; the message names it and the step.
    """
    history: History = []
    before = weights_of(detector)
    every = math.ceil(training.steps / HISTORY_ROWS)
    sums: dict[str, Tensor] = {}
    batches = shuffled_batches(images, training.batch_size, training.steps, detector.seed, detector.preparation)
    for step, batch in enumerate(batches, start=1):
        with runtime.autocast():
            losses = detector.train_step(batch)
        for name, loss in losses.items():
            sums[name] = sums.get(name, torch.zeros_like(loss)) + loss
        if step % every == 0 or step == training.steps:
            since = step - int(history[-1]["step"]) if history else step
            history.append({"step": step} | {name: total.item() / since for name, total in sums.items()})
            sums = {}
            require_finite(detector, history[-1])
    require_trained(detector, before, training.steps)
    return history
