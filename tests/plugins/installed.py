"""Packages as pip leaves them: their modules beside a .dist-info folder, in a folder that is put on the search path."""

import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

MEDIAN = '''
from dataclasses import dataclass
from typing import ClassVar

import torch
from alpa import Detector
from alpa.config import PositiveFloat, settings


@settings
class MedianConfig:
    power: PositiveFloat = 1.0


class Median(Detector):
    """The mean over the pixels of |x - median|^power."""

    key = "median"
    config_class: ClassVar[type] = MedianConfig
    primary_score = "distance"
    uses = ("validation_fraction", "preparation")

    def __init__(self, image_shape, config, seed, predicted=0):
        super().__init__(image_shape, config, seed, predicted)
        self.register_buffer("median", torch.zeros(image_shape))

    def learn(self, images, training, runtime):
        # Deviation: this package has its own.
        self.median = self.preparation(images).median(0).values

    def score_batch(self, images):
        return {"distance": ((images - self.median).abs() ** self.config.power).flatten(1).mean(1)}
'''
STRIPES = """
import numpy as np
from alpa import Dataset

DOWN, ACROSS = ("down", "across")


def load():
    return tuple(part(n, seed) for n, seed in ((40, 1), (20, 2)))


def part(n, seed):
    noise = np.random.default_rng(seed).integers(0, 60, (2 * n, 16, 16))
    lines = np.where(np.arange(16) % 4 < 2, 150, 0)
    noise[:n] += lines
    noise[n:] += lines[:, np.newaxis]
    return noise.astype(np.uint8), np.repeat([0, 1], n)


STRIPES = Dataset("Stripes", "made up for a test", (DOWN, ACROSS), load, resize="bilinear")
"""
ACME = {
    "alpa.detectors": {"median": "acme.detectors:Median"},
    "alpa.datasets": {"stripes": "acme.stripes:STRIPES"},
}


def write_package(
    site: Path,
    name: str,
    modules: Mapping[str, str],
    entry_points: Mapping[str, Mapping[str, str]],
    version: str = "1.0",
    requires: tuple[str, ...] = (),
) -> None:
    """Put a package into the folder `site`: its modules by their dotted names, and its metadata."""
    for module, source in modules.items():
        path = site.joinpath(*module.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    for folder in {site.joinpath(*module.split(".")[:-1]) for module in modules} - {site}:
        (folder / "__init__.py").touch()
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(exist_ok=True)
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    (info / "METADATA").write_text("\n".join(lines + [f"Requires-Dist: {text}" for text in requires]) + "\n")
    groups = [
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())
        for group, entries in entry_points.items()
    ]
    (info / "entry_points.txt").write_text("\n".join(groups))


def write_acme(site: Path, median: str = MEDIAN, version: str = "1.0") -> None:
    """Put a package with a detector and a data set into the folder `site`."""
    write_package(site, "acme-alpa", {"acme.detectors": median, "acme.stripes": STRIPES}, ACME, version)


def pip_install(site: Path, projects: Iterable[Path], scratch: Path) -> None:
    """Let pip put projects into the folder `site`, from copies in `scratch` and without a network."""
    copies = [str(shutil.copytree(project, scratch / project.name)) for project in projects]
    options = ["--no-index", "--no-deps", "--no-build-isolation", "--quiet", "--target", str(site)]
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", *options, *copies]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
