"""What a trial is worth: how well a detector tells held-out normals from anomalies of the train split's making."""

import tempfile
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from alpa.data.pseudo_anomalies import FAMILIES, SYMMETRIES
from alpa.data.stored import Images
from alpa.data.video_pseudo_anomalies import VIDEO_FAMILIES, NormalWindows
from alpa.detectors import load_detector
from alpa.detectors.detector import Detector
from alpa.errors import ConfigError, DataError
from alpa.runtime import Runtime
from alpa.training.cells import Cell, Files, fit_cell

Pixels = NDArray[np.uint8]  # (N, C, H, W), in memory
Aurocs = dict[str, float]  # by family
MOST_NORMALS = 300  # held-out normals that a trial scores, and as many anomalies of each family
MOST_LABELLED = 900  # images of other classes
LABELLED_PER_NORMAL = 10  # more of them would hardly sharpen the AUROC, which the fewer normals blur
MOST_REFERENCES = 2000  # fitted normals among which a nearest one is looked for
LEAST_STRANGE = 0.6  # AUROC of the distance to the nearest normal, below which a turned or mirrored normal is normal
LABELLED = "labelled"


@dataclass(frozen=True, eq=False)
class Probe:
    """Held-out normals of one class, and anomalies by family; uint8 (N, C, H, W)."""

    normals: Pixels
    anomalies: dict[str, Pixels]

    def aurocs(self, cell: Cell, files: Files, runtime: Runtime) -> Aurocs:
        """Return a fitted cell's AUROC for each family, under the score that its detector is ranked by.

        Raises:
            ModelError: a score is not finite.
        """
        detector = load_fitted(cell, files, runtime)
        parts = [self.normals, *self.anomalies.values()]
        with runtime.limited_threads():
            scores = detector.anomaly_scores(np.concatenate(parts))
        normal, *found = np.split(scores, np.cumsum([len(part) for part in parts[:-1]]))
        return {family: _auroc(normal, scored) for family, scored in zip(self.anomalies, found, strict=True)}


def load_fitted(cell: Cell, files: Files, runtime: Runtime) -> Detector:
    """Return the detector that a finished cell's files hold, on the device."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("model.safetensors", "detector.json"):
            (Path(folder) / name).write_bytes(files[name])
        return load_detector(folder, expected=cell.detector).to(runtime.device)


def run_cell(cell: Cell, key: str, files: Files | None, probe: Probe, runtime: Runtime) -> tuple[Files, float, Aurocs]:
    """Fit a cell unless its files are at hand; return them, the seconds that took, and its AUROC for each family."""
    files, seconds = (files, 0.0) if files else fit_cell(cell, key, runtime)
    return files, seconds, probe.aurocs(cell, files, runtime)


def require_known(families: Sequence[str], known: Collection[str] = FAMILIES) -> None:
    """Raise ConfigError for the first pseudo-anomaly family that is not one."""
    for family in families:
        if family not in known:
            raise ConfigError(f"Pseudo-anomaly family {family} is unknown; choose {', '.join(known)}.")


def pseudo_probe(cell: Cell, families: Sequence[str], seed: int) -> Probe:
    """Make a class's probe from its validation normals, which `fit` does not learn from.

    A symmetry is left out where the distance to the nearest fitted normal cannot tell its images from held-out normals:
    a mirrored 8 is an 8.

    Raises:
        ConfigError: a family is unknown.
        DataError: no family is left.
    """
    require_known(families)
    normals, fitted = _held_out(cell, seed)
    made = {family: FAMILIES[family](normals, _generator(seed, cell, family)) for family in families}
    tree = NearestNeighbors(n_neighbors=1).fit(_flat(fitted))
    usual = _distances(tree, normals)
    for family in SYMMETRIES & set(made):
        if _auroc(usual, _distances(tree, made[family])) < LEAST_STRANGE:
            del made[family]
    if not made:
        names = ", ".join(families)
        raise DataError(f"{names} leaves class {cell.target_class} as it is; name more of {', '.join(FAMILIES)}.")
    return Probe(normals, made)


def video_probe(cell: Cell, source: NormalWindows, families: Sequence[str], seed: int) -> Probe:
    """Make a probe from windows of the clips that `fit` does not learn from.

    Args:
        cell: whose images are the windows of `source`.
        source: the training clips, and where the cell's windows lie.
        families: of video pseudo-anomalies.
        seed: of what is drawn.

    Raises:
        ConfigError: a family is unknown.
    """
    require_known(families, VIDEO_FAMILIES)
    _, validation = cell.split()
    chosen = np.sort(_generator(seed, cell, "normals").permutation(validation)[:MOST_NORMALS])
    held_out = replace(source, windows=source.windows[chosen])
    made = {family: VIDEO_FAMILIES[family](held_out, _generator(seed, cell, family)) for family in families}
    return Probe(np.ascontiguousarray(cell.images[chosen]), made)


def labelled_probe(cell: Cell, others: Images, seed: int) -> Probe:
    """Make a class's probe from its validation normals and images of the train split that are anomalous to it."""
    normals, _ = _held_out(cell, seed)
    most = min(MOST_LABELLED, LABELLED_PER_NORMAL * len(normals))
    chosen = np.sort(_generator(seed, cell, LABELLED).permutation(len(others))[:most])
    return Probe(normals, {LABELLED: np.ascontiguousarray(others[chosen])})


def _held_out(cell: Cell, seed: int) -> tuple[Pixels, Pixels]:
    """Return validation normals and fitted normals of a cell, at most as many as are of use."""
    fitted, validation = cell.split()
    rng = _generator(seed, cell, "normals")
    parts = ((validation, MOST_NORMALS), (fitted, MOST_REFERENCES))
    normals, references = (np.sort(rng.permutation(rows)[:most]) for rows, most in parts)
    return np.ascontiguousarray(cell.images[normals]), np.ascontiguousarray(cell.images[references])


def _generator(seed: int, cell: Cell, purpose: str) -> np.random.Generator:
    """Return a stream of random numbers of its own for each class and purpose."""
    return np.random.default_rng([seed, zlib.crc32(cell.target_class.encode()), zlib.crc32(purpose.encode())])


def _distances(tree: NearestNeighbors, images: Pixels) -> NDArray[np.float64]:
    return np.asarray(tree.kneighbors(_flat(images))[0][:, 0])


def _flat(images: Pixels) -> NDArray[np.float32]:
    return images.reshape(len(images), -1).astype(np.float32)


def _auroc(normal: NDArray, anomalous: NDArray) -> float:
    is_anomaly = np.repeat([False, True], [len(normal), len(anomalous)])
    return float(roc_auc_score(is_anomaly, np.concatenate([normal, anomalous])))
