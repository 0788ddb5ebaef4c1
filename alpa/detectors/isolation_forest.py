"""Isolation forest on pixels: anomalies are few and different, so random cuts set them apart soon.

F. T. Liu, K. M. Ting, Z.-H. Zhou, Isolation Forest, ICDM 2008; by scikit-learn, with the paper's 100 trees of 256
images.

Deviation: the trees draw from `samples` images at most, a seeded sample of the training set.
"""

import math
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from alpa.config import PositiveInt, TrainingConfig, settings
from alpa.detectors.shallow import ShallowDetector
from alpa.runtime import Runtime

EULER = float(np.euler_gamma)


@settings
class IsolationForestConfig:
    """`trees`, each grown on `subsample` training images, drawn from `samples` of them at most."""

    trees: PositiveInt = 100
    subsample: Annotated[int, Field(ge=2, strict=True)] = 256
    samples: PositiveInt = 10000


class IsolationForest(ShallowDetector):
    """Scored by 2^(-mean depth / usual depth): near 1 for what is isolated at once, below 0.5 for what is deep inside.

    The forest is saved as arrays, one entry per node of any tree; a leaf is its own child.
    """

    key = "isolation_forest"
    config_class: ClassVar[type] = IsolationForestConfig
    primary_score = "isolation"
    config: IsolationForestConfig
    roots: Tensor
    pixel: Tensor
    threshold: Tensor
    below: Tensor
    depth: Tensor
    usual_depth: Tensor

    def __init__(
        self, image_shape: tuple[int, ...], config: IsolationForestConfig, seed: int, predicted: int = 0
    ) -> None:
        super().__init__(image_shape, config, seed, predicted)
        self.register_buffer("roots", torch.zeros(0, dtype=torch.int64))  # (trees,)
        self.register_buffer("pixel", torch.zeros(0, dtype=torch.int64))  # (nodes,) which is compared
        self.register_buffer("threshold", torch.zeros(0, dtype=torch.float64))  # (nodes,) above it one goes right
        self.register_buffer("below", torch.zeros(0, dtype=torch.int64))  # (nodes, 2) left and right
        self.register_buffer("depth", torch.zeros(0, dtype=torch.float64))  # (nodes,) of an image that ends there
        self.register_buffer("usual_depth", torch.zeros((), dtype=torch.float64))

    def learn(self, images: Tensor, training: TrainingConfig, runtime: Runtime) -> None:
        from sklearn.ensemble import IsolationForest as Forest  # as slow to import as torch

        with runtime.limited_threads():  # once more, since sklearn has just brought its own linear algebra
            pixels = self.pixels(self.sample(images))
            subsample = min(self.config.subsample, len(pixels))
            forest = Forest(n_estimators=self.config.trees, max_samples=subsample, random_state=self.seed).fit(pixels)
        trees = [_arrays(estimator.tree_) for estimator in forest.estimators_]
        roots = np.cumsum([0, *(len(tree["depth"]) for tree in trees)])[:-1]
        for root, tree in zip(roots, trees, strict=True):
            tree["below"] += root
        fitted = {name: np.concatenate([tree[name] for tree in trees]) for name in trees[0]}
        fitted |= {"roots": roots, "usual_depth": usual_depth(np.array(subsample))}
        for name, values in fitted.items():
            setattr(self, name, torch.from_numpy(np.asarray(values)).to(images.device))

    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        pixels, node = images.flatten(1), self.roots.expand(len(images), -1)  # (B, pixels), (B, trees)
        for _ in range(math.ceil(math.log2(self.config.subsample))):  # no tree is deeper
            right = pixels.gather(1, self.pixel[node]) > self.threshold[node]
            node = self.below[node, right.long()]
        return {"isolation": torch.exp2(-self.depth[node].mean(1) / self.usual_depth).float()}


def usual_depth(images: np.ndarray) -> np.ndarray:
    """Return c(n) of the paper, the mean depth in a tree of n images: 0 for one, 1 for two.

    >>> usual_depth(np.array([1, 2, 256])).round(2).tolist()
    [0.0, 1.0, 10.24]
    """
    many = np.maximum(images, 3)
    depth = 2 * (np.log(many - 1) + EULER) - 2 * (many - 1) / many
    return np.where(images > 2, depth, images - 1.0)


def _arrays(tree: Any) -> dict[str, np.ndarray]:
    """Return a tree's nodes; a leaf's depth is that of its place and what its images would take to be isolated."""
    n, leaf = tree.node_count, tree.children_left < 0
    children = np.stack([tree.children_left, tree.children_right], axis=1)
    depth = np.zeros(n)
    for node in np.flatnonzero(~leaf):  # a child comes after its parent
        depth[children[node]] = depth[node] + 1
    return {
        "pixel": np.where(leaf, 0, tree.feature).astype(np.int64),
        "threshold": np.where(leaf, 0.0, tree.threshold),
        "below": np.where(leaf[:, None], np.arange(n)[:, None], children).astype(np.int64),
        "depth": depth + np.where(leaf, usual_depth(tree.n_node_samples), 0),
    }
