"""The grid of a detector on a benchmark: a cell is one target class and one seed, and is never trained twice."""

import functools
import hashlib
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from alpa.config import TrainingConfig
from alpa.data.stored import Images, digest
from alpa.detectors import build_detector, detector_class, load_detector
from alpa.detectors.detector import Detector, split_validation
from alpa.errors import ModelError
from alpa.evaluation.facts import hardware
from alpa.files import read_text, whole_folder
from alpa.runs import read_json
from alpa.runtime import Runtime
from alpa.training.fingerprint import detector_fingerprint
from alpa.training.workers import Pool, run_in_workers

Files = dict[str, bytes]
DIGESTS = "digests.json"
FACTS = "facts.json"


@dataclass(frozen=True, eq=False)
class Cell:
    """One detector to fit on the normal training images of one target class, with one seed."""

    detector: str
    target_class: str
    seed: int
    config: Any
    training: TrainingConfig
    images: Images = field(repr=False)  # normal images, uint8, (N, C, H, W), in memory or in a file
    groups: np.ndarray | None = field(default=None, repr=False)  # (N,) the clip of each, None for still images
    predicted: int = 0  # how many of the last channels are to be predicted

    @property
    def name(self) -> str:
        """The cell's folder: <class>-<seed>."""
        return f"{self.target_class}-{self.seed}"

    def build(self) -> Detector:
        """Return the untrained detector."""
        return build_detector(self.detector, self.images.shape[1:], self.config, self.seed, self.predicted)

    def split(self) -> tuple[np.ndarray, np.ndarray]:
        """Return which images `fit` learns from and which it holds out, as sorted indices."""
        return split_validation(len(self.images), self.training.validation_fraction, self.seed, self.groups)

    @property
    def asked(self) -> dict[str, Any]:
        """The part of the training settings that decides this detector's numbers."""
        return {name: getattr(self.training, name) for name in detector_class(self.detector).uses}

    @property
    def code(self) -> str:
        """A SHA-256 of the code that decides its numbers."""
        return _code_of(self.detector)

    def key(self, runtime: Runtime) -> str:
        """Return a SHA-256 of all that decides the cell's numbers: code, data, parameters, versions, and runtime."""
        decisive = {
            "code": self.code,
            "detector": self.detector,
            "images": digest(self.images),
            "shape": list(self.images.shape),
            "groups": None if self.groups is None else hashlib.sha256(self.groups.tobytes()).hexdigest(),
            "predicted": self.predicted,
            "seed": self.seed,
            "config": asdict(self.config),
            "training": self.asked,
            "runtime": asdict(runtime),
            "versions": {name: version(name) for name in ("torch", "numpy", "scipy", "scikit-learn")},
        }
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


class CellStore:
    """Finished cells under their keys, outside DVC's outputs, so that a killed stage resumes where it was."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: str) -> Files | None:
        """Return a finished cell's files, or None where there is none or one of its files is damaged."""
        folder = self.folder / key
        try:
            digests = json.loads(read_text(folder / DIGESTS))
            files = {name: (folder / name).read_bytes() for name in digests}
        except (OSError, ValueError, TypeError):
            return None
        return files if files and {name: _digest(content) for name, content in files.items()} == digests else None

    def put(self, key: str, files: Files) -> None:
        """Add a finished cell, whole or not at all."""
        digests = {name: _digest(content) for name, content in files.items()}
        with whole_folder(self.folder / key) as temporary:
            for name, content in (files | {DIGESTS: json.dumps(digests).encode()}).items():
                (temporary / name).write_bytes(content)


def fit_cell(cell: Cell, key: str, runtime: Runtime) -> tuple[Files, float]:
    """Fit one cell in this process; return its files, and the seconds it took.

    These are what `Detector.save` writes, cell.json, and facts.json with the hardware of this machine.

    Raises:
        ModelError: training diverged; the message names the cell.
    """
    started = time.monotonic()
    detector = cell.build()
    try:
        detector.fit(cell.images, cell.training, runtime, cell.groups)
    except ModelError as error:
        raise ModelError(f"{cell.detector}, class {cell.target_class}, seed {cell.seed}: {error}") from None
    with tempfile.TemporaryDirectory() as folder:
        detector.save(Path(folder))
        files = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    fitted, validation = cell.split()
    description = {
        "key": key,
        "detector": cell.detector,
        "target_class": cell.target_class,
        "seed": cell.seed,
        "n_train": len(fitted),
        "n_validation": len(validation),
        "code": cell.code,
        "asked": cell.asked,
        "training": asdict(detector.plan(len(fitted), cell.training)),
    }
    files["cell.json"] = json.dumps(description, indent=1, sort_keys=True).encode()
    files[FACTS] = json.dumps({"hardware": hardware()}).encode()
    return files, time.monotonic() - started


def train_cells(
    cells: Sequence[Cell], runtime: Runtime, store: CellStore, pool: Pool, facts: dict[str, Any], title: str
) -> dict[str, Files]:
    """Train the cells that `store` lacks and return every cell's files by its name, without the facts of its training.

    Args:
        cells: all with the same detector.
        runtime: where and how exactly they run.
        store: gets each cell as it finishes, with `facts` and the time added.
        pool: where they run side by side; it does not change any number.
        facts: what is known of the environment, JSON values.
        title: names the run in the progress bar.
    """
    keys = {cell.name: cell.key(runtime) for cell in cells}
    missing = [cell for cell in cells if store.get(keys[cell.name]) is None]
    calls = [(cell, keys[cell.name], runtime) for cell in missing]
    done = len(cells) - len(missing)
    for index, (files, seconds) in run_in_workers(fit_cell, calls, pool, title, done):
        store.put(keys[missing[index].name], with_facts(files, facts, seconds))
    print(f"{title}: {len(missing)} cells trained, {done} were there already.")
    return {name: _without_facts(store.get(key)) for name, key in keys.items()}


def with_facts(files: Files, facts: dict[str, Any], seconds: float) -> Files:
    """Return a fitted cell's files, whose facts also say when it was trained, how long that took, and what is known."""
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    own = json.loads(files.get(FACTS, b"{}"))  # of where it was fitted, which may be another machine
    known = facts | own | {"seconds": round(seconds, 3), "finished": finished}
    return files | {FACTS: json.dumps(known, indent=1).encode()}


@dataclass(frozen=True)
class SavedCell:
    """A trained cell: its folder, and its files where that folder is out of reach."""

    folder: Path
    files: Files | None = None

    def detached(self) -> "SavedCell":
        """Return it with its files, as it is sent to another machine."""
        return SavedCell(self.folder, {path.name: path.read_bytes() for path in self.folder.iterdir()})

    def load(self, detector: str) -> tuple[Detector, dict[str, Any]]:
        """Return the detector, which must be of this kind, on the CPU, and what cell.json says of it.

        Raises:
            ModelError: a file is missing or damaged, or it is another detector.
        """
        if self.files is None:
            return load_detector(self.folder, expected=detector), read_json(self.folder / "cell.json")
        with tempfile.TemporaryDirectory() as temporary:
            copy = Path(temporary) / self.folder.name
            copy.mkdir()
            for name, content in self.files.items():
                (copy / name).write_bytes(content)
            return SavedCell(copy).load(detector)


@functools.cache
def _code_of(key: str) -> str:
    return detector_fingerprint(key, detector_class(key))


def _without_facts(files: Files | None) -> Files:
    assert files is not None, "the cell was just stored"
    return {name: content for name, content in files.items() if name != FACTS}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
