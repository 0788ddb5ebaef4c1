"""One-class support vector machine on pixels: the classical line of one-class classification.

B. Schoelkopf et al., Estimating the Support of a High-Dimensional Distribution, Neural Computation 13, 2001; by
scikit-learn, with a Gaussian kernel, as in the baseline of L. Ruff et al., Deep One-Class Classification, ICML 2018,
checked against the authors' repository, lukasruff/Deep-SVDD (no licence given). Their contrast normalisation is
`training.preparation: gcn`.

Deviation: on all pixels, not on the principal components that keep 95 % of their variance: what those leave out is what
normal images lack and anomalies may have.
Deviation: they choose gamma, and report the better of two nu, by labelled images of the test set. Here gamma is
scikit-learn's `scale`, which follows from the training images, and nu is fixed; a study may choose both.
Deviation: of more images than `samples`, a seeded sample is fitted: the cost grows with the square of their number.
"""

from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from alpa.config import PositiveFloat, PositiveInt, Share, TrainingConfig, settings
from alpa.detectors.shallow import ShallowDetector
from alpa.runtime import Runtime

LEAST_SPREAD = 1e-12  # of the pixels; where all images are equal, any gamma will do


@settings
class OneClassSVMConfig:
    """`nu`: the share of training images that may lie outside. `samples`: at most so many are fitted.

    `gamma`: of the kernel exp(-gamma * d^2), d^2 the squared distance divided by the sum of the pixels' variances.
    """

    nu: Share = 0.1
    gamma: PositiveFloat = 1.0
    samples: PositiveInt = 10000


class OneClassSVM(ShallowDetector):
    """Scored by log(rho / f), with f the weighted sum of similarities to the support vectors and rho its limit.

    That is the decision function in another scale: above 0 outside, and telling apart what is far away too.

    The machine is saved as its support vectors, which are training images, and their coefficients; from these its
    decision function is worked out.
    """

    key = "ocsvm"
    config_class: ClassVar[type] = OneClassSVMConfig
    primary_score = "outside"
    config: OneClassSVMConfig

    def __init__(self, image_shape: tuple[int, ...], config: OneClassSVMConfig, seed: int, predicted: int = 0) -> None:
        super().__init__(image_shape, config, seed, predicted)
        self.register_buffer("support", torch.zeros(0, dtype=torch.uint8))  # (vectors, C, H, W)
        self.register_buffer("coefficients", torch.zeros(0, dtype=torch.float64))  # (vectors,), of sum 1
        self.register_buffer("offset", torch.zeros((), dtype=torch.float64))
        self.register_buffer("width", torch.zeros((), dtype=torch.float64))  # of the kernel: its gamma

    def learn(self, images: Tensor, training: TrainingConfig, runtime: Runtime) -> None:
        from sklearn.svm import OneClassSVM as Machine  # as slow to import as torch, and only fitting needs it

        chosen = self.sample(images)
        pixels = self.pixels(chosen)
        width = self.config.gamma / max(float(pixels.var(axis=0).sum()), LEAST_SPREAD)
        with runtime.limited_threads():  # once more, since sklearn has just brought its own linear algebra
            machine = Machine(nu=self.config.nu, gamma=width)
            machine.random_state = self.seed  # it draws nothing for one class, but would take a seed from the process
            machine.fit(pixels)
        total = machine.dual_coef_.sum()
        self.support = chosen[torch.from_numpy(machine.support_)]
        self.coefficients = torch.from_numpy(machine.dual_coef_[0] / total).to(images.device)
        self.offset = torch.tensor(-machine.intercept_[0] / total, device=images.device)
        self.width = torch.tensor(width, dtype=torch.float64, device=images.device)

    @cached_property
    def vectors(self) -> Tensor:
        """The support vectors, (vectors, pixels), in double precision, since distances are differences of squares."""
        return self.preparation(self.support).flatten(1).double()

    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        pixels = images.flatten(1).double()  # (B, C, H, W) -> (B, pixels)
        products = 2 * pixels @ self.vectors.T
        squares = pixels.square().sum(1, keepdim=True) + self.vectors.square().sum(1) - products
        similarities = self.coefficients.log() - self.width * squares.clamp(min=0)  # (B, vectors), their logarithms
        return {"outside": (self.offset.log() - similarities.logsumexp(1)).float()}
