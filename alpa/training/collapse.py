"""Trainings that collapse: each check stops one with its reason, at the loop's readings or at the end, never in a step.

They see normal training images alone, so that nothing is selected by anomalies or on test.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alpa.errors import ModelError

if TYPE_CHECKING:
    from alpa.detectors.detector import Detector

HISTORY_ROWS = 40  # of a training's losses; one of fewer steps is too short to be judged by them
FALLING = 2.0  # standard errors, by which the last quarter's losses are below those before if there is more to come
ALIKE = 0.05  # of their contrast: images whose mean leaves less are so alike that to make that mean is no failure
LEAST_GAIN = 0.01  # of an error, by which what is made of each image must be nearer to it than what is made on average

History = list[dict[str, float]]
Weights = dict[str, list[Tensor]]
Floats = NDArray[np.float32]


def require_finite(detector: "Detector", row: Mapping[str, float]) -> None:
    """Raise ModelError for the first loss of a row of the history that is not finite."""
    for name, value in row.items():
        if not math.isfinite(value):
            remedy = "lower the learning rate or the strength"
            raise ModelError(f"The {name} loss of {detector.key} is {value} by step {row['step']:.0f}; {remedy}.")


def weights_of(detector: "Detector") -> Weights:
    """Return a copy of the parameters of each player: of the networks that the detector is made of, by their names."""
    return {
        name: [parameter.detach().clone() for parameter in player.parameters()]
        for name, player in detector.named_children()
    }


def require_trained(detector: "Detector", before: Weights, steps: int) -> None:
    """Stop where a player's weights are those of before, or where weight decay alone moved them.

    Raises:
        ModelError: the message names the player.
    """
    idle = _without_gradient(detector)
    for name, player in detector.named_children():
        pairs = list(zip(before[name], player.parameters(), strict=True))
        if pairs and all(id(new) in idle or torch.equal(old, new) for old, new in pairs):
            problem = f"The {name} of {detector.key} learned nothing by step {steps}: its gradient was zero or tiny"
            raise ModelError(f"{problem}; take more steps, or raise the strength or the weight of its loss.")


def require_informative(detector: "Detector", loss: str, made: Floats, images: Floats, opposed: bool) -> None:
    """Stop where what a detector makes of images says nothing of them, and training longer would not help.

    That is so if it is hardly nearer to its own image than the mean of all that was made, and the loss has stopped
    falling. An opponent may be ahead by the end of a good training; it wins for ever only if the loss was at no time
    below the error of the mean image.

    Args:
        detector: fitted, with its history.
        loss: the one that compares them, by its name in the history.
        made: what is made of fitted images, (N, C, H, W).
        images: these, of the same shape.
        opposed: whether another player raises the loss.

    Raises:
        ModelError: the message names the loss and the last step.
    """
    trivial = float(images.var(axis=0, ddof=1).mean())  # the error of the mean image
    step = detector.history[-1]["step"]
    if step < HISTORY_ROWS or trivial < ALIKE * images.var():
        return
    quarters = np.array_split([row[loss] for row in detector.history], 4)
    usual = float(np.square(images - made.mean(0)).mean())
    gained = usual - float(np.square(images - made).mean())
    if gained > LEAST_GAIN * usual or _falls(*quarters[-2:]):
        return
    where = f"The {loss} loss of {detector.key} has stopped at {quarters[-1].mean():.3g} by step {step:.0f}"
    if not opposed:
        problem = "what is made of an image is no nearer to it than the mean of all that is made"
        raise ModelError(f"{where}: {problem}; take more steps, or another learning rate.")
    if min(part.mean() for part in quarters) >= trivial:
        problem = "never below the error of the mean image: the perturbation wins"
        raise ModelError(f"{where}, {problem}; lower its strength.")


def _falls(before: NDArray[np.float64], after: NDArray[np.float64]) -> bool:
    """Tell whether losses went down by more than chance would have them."""
    error = math.sqrt(before.var(ddof=1) / len(before) + after.var(ddof=1) / len(after))
    return bool(before.mean() - after.mean() > FALLING * error)


def _without_gradient(detector: "Detector") -> set[int]:
    """Return the ids of the parameters of which Adam, which remembers, saw no gradient above its epsilon."""
    found = set()
    for optimiser in vars(detector).values():
        if isinstance(optimiser, torch.optim.Adam):
            for group in optimiser.param_groups:
                for parameter in group["params"]:
                    state = optimiser.state.get(parameter)
                    if not state or _root_mean_square(state, group["betas"][1]) <= group["eps"]:
                        found.add(id(parameter))
    return found


def _root_mean_square(state: dict[str, Tensor], beta: float) -> float:
    """Return the largest coordinate of Adam's moving average of a parameter's gradient, without the bias to zero."""
    return float((state["exp_avg_sq"].max() / (1 - beta ** state["step"].item())).sqrt())
