"""Discs, squares and crosses of several sizes and places, with a little noise: drawn, and the same each time."""

import numpy as np

from alpa import Dataset

SIDE = 32
NAMES = ("disc", "square", "cross")
PER_CLASS = {"train": 120, "test": 40}


def load() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return the train and the test part: images, uint8 (N, 32, 32), and labels (N,)."""
    return _part("train", seed=1), _part("test", seed=2)


def _part(part: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    labels = np.repeat(np.arange(len(NAMES)), PER_CLASS[part])
    generator = np.random.default_rng(seed)
    return np.stack([_drawn(NAMES[label], generator) for label in labels]), labels


def _drawn(name: str, generator: np.random.Generator) -> np.ndarray:
    rows, columns = np.mgrid[:SIDE, :SIDE]
    radius = generator.uniform(6, 11)
    down, right = (np.abs(axis - generator.uniform(12, 20)) for axis in (rows, columns))
    inside = {
        "disc": np.hypot(down, right) <= radius,
        "square": np.maximum(down, right) <= 0.85 * radius,
        "cross": (np.minimum(down, right) <= radius / 4) & (np.maximum(down, right) <= radius),
    }[name]
    bright = np.where(inside, generator.uniform(150, 220), 30)
    return np.clip(bright + generator.normal(0, 8, inside.shape), 0, 255).astype(np.uint8)


SHAPES = Dataset(
    title="Shapes",
    citation="Discs, squares and crosses that the package alpa-shapes draws; not published",
    class_names=NAMES,
    load=load,
)
