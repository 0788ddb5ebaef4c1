"""Data sets of a user's own, so small that real stages take seconds: a folder of pictures, and one of clips."""

from pathlib import Path

import numpy as np
from PIL import Image

from tests.pipeline.project import Project

PARTS, DOORS = "parts", "doors"  # their keys in params.yaml
LENGTHS = {"train/hall-1": 9, "train/hall-2": 5, "train/hall-10": 12, "test/gate-1": 7, "test/gate-2": 8}
LABELS = "clip,first,last\ngate-1,4,7\ngate-2,2,2\ngate-2,5,6\n"
ANOMALOUS = [False] * 3 + [True] * 4 + [False, True, False, False, True, True, False, False]  # as LABELS say

# A user's two lines for each. What is searched, and other detectors, take longer than a test may.
LINES = {
    PARTS: "  parts: {<<: *usual, dataset: parts, image_size: 16, training: {steps: 6, batch_size: 8}}\n",
    DOORS: "  doors: {<<: *usual, dataset: doors, protocol: video, image_size: [24, 36], tuning: false}\n",
}
QUICK = {
    "pipeline.detectors": ["alpa", "pca"],
    "tuning": {
        "trials": 2,
        "training": {"steps": 4},
        "families": ["permuted", "warped"],
        "space": {"alpa": {"strength": [0.1, 0.2]}},
    },
    "detectors": {"alpa": {"width": 4, "latent": 2}, "pca": {"components": 4}},
    "video.window": 16,
    "video.stride": 8,
    "video.training_windows": 40,
    "runtime.device": "cpu",
    "runtime.precision": "fp32",
    "runtime.workers": 1,
    "evaluation.bootstrap_samples": 20,
}


def write_parts(folder: Path, normal: int = 30, anomalous: int = 10) -> None:
    """Write pictures of stripes to normal/ and of noise to anomalous/, 20 x 24 pixels."""
    random = np.random.default_rng(0)
    for name, number in (("normal", normal), ("anomalous", anomalous)):
        (folder / name).mkdir(parents=True)
        for place in range(number):
            stripes = 100 + 50 * np.sin(np.arange(24) / 2 + random.uniform(0, 6)) + random.normal(0, 5, (20, 24))
            pixels = stripes if name == "normal" else random.integers(0, 256, (20, 24))
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / name / f"{place:03}.png")


def write_doors(folder: Path) -> None:
    """Write five clips in which a square moves on, and jumps in the frames that labels.csv names; 28 x 40 pixels."""
    marked = iter(ANOMALOUS)
    for name, length in LENGTHS.items():
        (folder / name).mkdir(parents=True)
        random = np.random.default_rng(length)
        for place in range(length):
            jumps = next(marked) if name.startswith("test") else False
            pixels = random.normal(60, 4, (28, 40))
            left = (2 * place + 15 * jumps) % 32
            pixels[10:18, left : left + 8] += 120
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / name / f"{place + 1:03}.png")
    (folder / "labels.csv").write_text(LABELS)


def add_own(project: Project, key: str, folder: Path) -> None:
    """Name a folder in params.yaml and give it a benchmark, as a user does: one line each."""
    path = project.folder / "params.yaml"
    text = path.read_text()
    named = text.replace("folders: {}", f"folders: {{{key}: {folder}}}", 1)
    first = named.index("\ntraining:")  # what follows the benchmarks
    assert named != text
    path.write_text(f"{named[:first]}{LINES[key]}{named[first:]}")


def own_project(code: Project, folder: Path, key: str) -> Project:
    """Return a copy of the project in `folder`/project with one of the data sets, which lies in `folder`/<key>."""
    project = code.copy(folder / "project")
    set_up(project, key, folder / key, folder / key)
    return project


def set_up(project: Project, key: str, folder: Path, named: Path) -> None:
    """Write a data set to a folder, and its quick benchmark to params.yaml, where the folder is called `named`."""
    add_own(project, key, named)
    project.edit(QUICK)
    project.edit({"benchmarks": {key: project.params()["benchmarks"][key]}, "pipeline.default": key})
    project.edit({"pipeline.datasets": ["digits"], "pipeline.paper": []})
    (write_parts if key == PARTS else write_doors)(folder)
