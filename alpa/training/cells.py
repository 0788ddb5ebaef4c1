"""The grid of a detector on a benchmark: a cell is one target class and one seed, and is never trained twice."""

import functools
import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky.process_executor import TerminatedWorkerError
from tqdm import tqdm

from alpa.config import TrainingConfig
from alpa.data.stored import Images, digest
from alpa.detectors import build_detector, detector_class
from alpa.detectors.detector import Detector, split_validation
from alpa.errors import ModelError
from alpa.files import whole_folder
from alpa.runtime import Runtime
from alpa.training.fingerprint import code_fingerprint

Files = dict[str, bytes]
ROUNDS = 3
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

    def detached(self) -> "Cell":
        """Return an equal cell with its images in memory, for a process that cannot read their file."""
        return replace(self, images=np.asarray(self.images))

    @property
    def asked(self) -> dict[str, Any]:
        """The part of the training settings that decides this detector's numbers."""
        return {name: getattr(self.training, name) for name in detector_class(self.detector).uses}

    @property
    def code(self) -> str:
        """A SHA-256 of the code that decides its numbers."""
        return _code_of(detector_class(self.detector).__module__)

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
            digests = json.loads((folder / DIGESTS).read_text(encoding="utf-8"))
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
    """Fit one cell in this process; return what `Detector.save` writes with cell.json, and the seconds it took.

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
    return files, time.monotonic() - started


def train_cells(
    cells: Sequence[Cell], runtime: Runtime, store: CellStore, workers: int, facts: dict[str, Any], title: str
) -> dict[str, Files]:
    """Train the cells that `store` lacks and return every cell's files by its name, without the facts of its training.

    Args:
        cells: all with the same detector.
        runtime: where and how exactly they run.
        store: gets each cell as it finishes, with `facts` and the time added.
        workers: how many processes train side by side; it does not change any number.
        facts: what is known of the environment, JSON values.
        title: names the run in the progress bar.
    """
    keys = {cell.name: cell.key(runtime) for cell in cells}
    missing = [cell for cell in cells if store.get(keys[cell.name]) is None]
    calls = [(cell, keys[cell.name], runtime) for cell in missing]
    done = len(cells) - len(missing)
    with tqdm(total=len(cells), initial=done, desc=title, unit="cell", disable=not missing) as progress:
        for index, (files, seconds) in run_in_workers(fit_cell, calls, workers):
            store.put(keys[missing[index].name], files | record(facts, seconds))
            progress.update()
    print(f"{title}: {len(missing)} cells trained, {done} were there already.")
    return {name: _without_facts(store.get(key)) for name, key in keys.items()}


def record(facts: dict[str, Any], seconds: float) -> Files:
    """Return the file that says where and when a cell was trained and how long that took."""
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    return {FACTS: json.dumps(facts | {"seconds": round(seconds, 3), "finished": finished}, indent=1).encode()}


def run_in_workers(
    function: Callable[..., Any], calls: Sequence[tuple[Any, ...]], workers: int
) -> Iterator[tuple[int, Any]]:
    """Call `function` once per tuple of arguments and yield (index, result) as results come.

    What a dead worker left undone is given to new ones, twice at most; any other error ends the run at once.

    Raises:
        ModelError: workers died in every round.
    """
    waiting = dict(enumerate(calls))
    for _ in range(ROUNDS):
        if not waiting:
            return
        try:
            with parallel_config(backend="loky", inner_max_num_threads=1):
                jobs = [delayed(_with_index)(index, function, arguments) for index, arguments in waiting.items()]
                parallel = Parallel(n_jobs=min(workers, len(jobs)), return_as="generator_unordered", max_nbytes=None)
                for index, result in parallel(jobs):
                    del waiting[index]
                    yield index, result
            return
        except TerminatedWorkerError:
            continue
    raise ModelError(f"Worker processes were killed {ROUNDS} times; is memory short? Set runtime.workers to 1.")


def _with_index(index: int, function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[int, Any]:
    return index, function(*arguments)


@functools.cache
def _code_of(module: str) -> str:
    return code_fingerprint([module])


def _without_facts(files: Files | None) -> Files:
    assert files is not None, "the cell was just stored"
    return {name: content for name, content in files.items() if name != FACTS}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
