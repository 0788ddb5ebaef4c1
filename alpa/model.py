"""A fitted detector with all that its use needs: how images are read, p-values, and where heat maps begin to glow.

Conformal p-values (V. Vovk, A. Gammerman, G. Shafer, Algorithmic Learning in a Random World, 2005): some normal images
are held out of all training, and p = (1 + #{held-out score >= s}) / (n + 1) for an image of score s. A new normal
image, drawn as these were, has p <= level with a probability of at most `level`, whatever the detector.
"""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from safetensors.numpy import load_file, save

from alpa.arrays import Pixels, to_images
from alpa.detectors import load_detector
from alpa.detectors.detector import RESTORE_ERRORS, Detector, brief
from alpa.detectors.reconstruction import ReconstructingDetector
from alpa.errors import AlpaError, ConfigError, ModelError
from alpa.files import read_text, require_file, whole_folder, write_json
from alpa.reporting.pixels import error_maps

if TYPE_CHECKING:
    import pandas as pd

    from alpa.reporting.explanation import Explanation

FORMAT = 1  # of a saved model
PEAK = "peak"  # the score that is the highest pixel of an error map
DESCRIPTION, CALIBRATION, DETECTOR = "model.json", "calibration.safetensors", "detector"

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Model:
    """A fitted detector, the scores of held-out normal images, and the level at which images are called anomalous.

    `held_out` are these images' scores, (n,), and `peaks` the highest pixels of their error maps, (n,), empty where the
    detector does not reconstruct. `by` names the score: one of the detector's, or `peak` for the highest pixel of an
    error map. `facts` says how it was fitted. All scores: higher = more anomalous.
    """

    detector: Detector
    held_out: Floats
    peaks: Floats
    level: float
    by: str
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(C, H, W) of the images that the detector sees; all others are resized to it."""
        return self.detector.image_shape

    @property
    def reconstructs(self) -> bool:
        """Whether there are heat maps and explanations, which need a detector that reconstructs images."""
        return isinstance(self.detector, ReconstructingDetector)

    def anomaly_scores(self, images: ArrayLike) -> Floats:
        """Return the scores of images, float32 (N,), higher = more anomalous.

        Args:
            images: uint8, (N, H, W), (N, H, W, C) or (N, C, H, W).

        Raises:
            DataError: they have another type or shape, or other channels than the model.
        """
        return scores_by(self.by, self.detector, self.prepared(images))

    def prepared(self, images: ArrayLike) -> Pixels:
        """Return images, in any order of axes, as the detector takes them: uint8 (N, C, H, W) of its size."""
        return to_images(images, (self.image_shape[1], self.image_shape[2]))

    def p_values(self, scores: ArrayLike) -> NDArray[np.float64]:
        """Return the conformal p-value of each score, (N,): between 1 / (n + 1) and 1, lower = more anomalous."""
        return self._levels[len(self.held_out) - np.searchsorted(self._ascending, np.asarray(scores), side="left")]

    def threshold(self, level: float | None = None) -> float:
        """Return the score above which, and not at which, an image is called anomalous.

        Raises:
            ConfigError: the level is not between 0 and 1, or too few images were held out for it.
        """
        return float(self._ascending[-self._beyond(level)])

    def peak_threshold(self, level: float | None = None) -> float:
        """Return the pixel error above which a heat map marks a pixel: a share of `level` of normal images has any.

        Raises:
            ConfigError: as `threshold`.
            ModelError: the detector does not reconstruct images.
        """
        self.require_maps()
        return float(np.sort(self.peaks)[-self._beyond(level)])

    def score(self, images: Any, level: float | None = None) -> "pd.DataFrame":
        """Score images, one row each, in their order.

        Args:
            images: an array as `anomaly_scores` takes; or a path or a list of paths of pictures, videos, of which every
                frame is scored, and folders of them.
            level: at which to call an image anomalous; the model's own where None.

        Returns:
            `score`, higher = more anomalous, `p_value`, and `is_anomalous`, whether that is at most `level`. Of paths,
            before these, `path` and, if one is a video, `frame`, counted from 1.

        Raises:
            ConfigError: as `threshold`.
            DataError: an image cannot be read, or an array does not fit the model.
        """
        if not _are_paths(images):
            return self._table(self.anomaly_scores(images), level)
        parts = self.score_in_parts([images] if isinstance(images, str | Path) else images, level)
        return joined([table for _, table in parts])

    def score_in_parts(
        self, paths: Sequence[Path | str], level: float | None = None
    ) -> Iterator[tuple[Pixels, "pd.DataFrame"]]:
        """Yield the images (n, C, H, W) of paths and their rows, a few at a time; `joined` makes one table of these."""
        from alpa.own import find_files, in_chunks, read_each

        for some in in_chunks(read_each(find_files(paths), self.image_shape)):
            images = np.stack([pixels for _, pixels in some])
            table = self._table(self.anomaly_scores(images), level)
            table.insert(0, "path", [str(shot.path) for shot, _ in some])
            table.insert(1, "frame", [shot.frame for shot, _ in some])
            yield images, table.astype({"frame": "Int64"})

    def error_maps(self, images: ArrayLike) -> Floats:
        """Return heat maps of images, (N, H, W): the squared error of the reconstruction at and around each pixel.

        Raises:
            DataError: as `anomaly_scores`.
            ModelError: the detector does not reconstruct images.
        """
        self.require_maps()
        return error_maps(self.detector, self.prepared(images))

    def explain(self, image: Any) -> "Explanation":
        """Return what the detector makes of one image, a path or an array (H, W), (H, W, C) or (C, H, W).

        Raises:
            DataError: it cannot be read, or does not fit the model.
            ModelError: the detector does not reconstruct images.
        """
        from alpa.own import read_each
        from alpa.reporting.explanation import explain

        self.require_maps()
        if isinstance(image, str | Path):
            _, image = next(iter(read_each([Path(image)], self.image_shape)))
        return explain(self, self.prepared(np.asarray(image)[None]))

    def save(self, folder: Path | str) -> None:
        """Write the model to a new folder, or in the place of another model, whole or not at all; no pickle.

        Raises:
            ModelError: the folder holds anything else.
        """
        folder = Path(folder)
        require_free(folder)
        with whole_folder(folder) as temporary:
            (temporary / DETECTOR).mkdir()
            self.detector.save(temporary / DETECTOR)
            (temporary / CALIBRATION).write_bytes(save({"held_out": self.held_out, "peaks": self.peaks}))
            write_json(
                temporary / DESCRIPTION, {"format": FORMAT, "level": self.level, "by": self.by, "facts": self.facts}
            )

    def require_maps(self) -> None:
        """Raise ModelError where the detector does not reconstruct images."""
        if not self.reconstructs:
            remedy = "fit another detector, such as alpa or pca"
            raise ModelError(f"{self.detector.key} does not reconstruct images, which heat maps show; {remedy}.")

    def _table(self, scores: Floats, level: float | None) -> "pd.DataFrame":
        import pandas as pd

        threshold, p_values = self.threshold(level), self.p_values(scores)
        return pd.DataFrame({"score": scores, "p_value": p_values, "is_anomalous": scores > np.float32(threshold)})

    def _beyond(self, level: float | None) -> int:
        """Return which of the held-out scores, counted from the highest, is the threshold."""
        level = check_level(self.level if level is None else level)
        beyond = int(np.searchsorted(self._levels, level, side="right"))  # p-values that are at most `level`
        if beyond == 0:
            lowest = f"{len(self.held_out)} images were held out, so that no p-value is below {self._levels[0]:.3g}"
            raise ConfigError(f"level is {level:g}, but {lowest}; choose a higher level, or fit with more images.")
        return beyond

    @cached_property
    def _ascending(self) -> Floats:
        return np.sort(self.held_out)

    @cached_property
    def _levels(self) -> NDArray[np.float64]:
        """The p-values that are possible, in ascending order."""
        return np.arange(1, len(self.held_out) + 2) / (len(self.held_out) + 1)


def load_model(folder: Path | str) -> Model:
    """Load a model that `Model.save` wrote, ready to score on the CPU.

    Raises:
        ModelError: a file is missing or damaged, or of a later version.
    """
    folder = Path(folder)
    try:
        description = json.loads(read_text(folder / DESCRIPTION))
        if description["format"] != FORMAT:
            raise ValueError(f"its format is {description['format']}, not {FORMAT}")
        level, by, facts = check_level(description["level"]), str(description["by"]), dict(description["facts"])
        require_file(folder / CALIBRATION)
        arrays = load_file(folder / CALIBRATION)
        held_out, peaks = _finite(arrays["held_out"]), _finite(arrays["peaks"])
    except (AlpaError, KeyError, *RESTORE_ERRORS) as error:
        raise ModelError(f"{folder} does not hold a whole model ({brief(error)}); make it with alpa fit.") from None
    model = Model(load_detector(folder / DETECTOR), held_out, peaks, level, by, facts)
    if not len(held_out) or model.reconstructs != (len(peaks) == len(held_out)):
        raise ModelError(f"{folder / CALIBRATION} does not belong to this detector; make the model anew with alpa fit.")
    try:
        model.anomaly_scores(np.zeros((1, *model.image_shape), np.uint8))
    except ConfigError as error:
        raise ModelError(f"{folder / DESCRIPTION} does not fit this detector: {error}") from None
    return model


def scores_by(by: str, detector: Detector, images: Pixels) -> Floats:
    """Return a score of images, uint8 (N, C, H, W), by its name: float32 (N,), higher = more anomalous.

    Raises:
        ConfigError: the detector has no such score.
        ModelError: it is `peak`, and the detector does not reconstruct images.
    """
    if by == PEAK:
        return error_maps(detector, images).max((1, 2))
    scores = detector.scores(images)
    if by not in scores:
        raise ConfigError(f"{detector.key} has no score {by}; choose {', '.join(scores)} or {PEAK}.")
    return scores[by]


def require_free(folder: Path) -> None:
    """Raise ModelError unless a model can be saved as this folder without the loss of anything but a model."""
    if folder.is_dir():
        others = {path.name for path in folder.iterdir()} - {DESCRIPTION, CALIBRATION, DETECTOR}
        if others:
            raise ModelError(f"{folder} holds {min(others)}, which a model would replace; name a new folder.")
    elif folder.exists():
        raise ModelError(f"{folder} is a file; name a new folder for the model.")


def check_level(level: Any) -> float:
    """Return a level that is between 0 and 1; raise ConfigError otherwise."""
    if isinstance(level, bool) or not isinstance(level, int | float) or not 0 < level < 1:
        raise ConfigError(f"level is {level!r}; choose a share of normal images between 0 and 1, such as 0.05.")
    return float(level)


def needed(level: float) -> int:
    """Return how many images have to be held out so that a p-value can be as low as `level`.

    >>> needed(0.05), needed(0.01)
    (19, 99)
    """
    n = math.ceil(1 / level) - 1
    return n if 1 / (n + 1) <= level else n + 1  # 1 / level is rounded


def joined(tables: Sequence["pd.DataFrame"]) -> "pd.DataFrame":
    """Return the tables of `Model.score_in_parts` as one, without the column `frame` if none is of a video."""
    import pandas as pd

    table = pd.concat(tables, ignore_index=True)
    return table.drop(columns="frame") if table["frame"].isna().all() else table


def _are_paths(images: Any) -> bool:
    if isinstance(images, str | Path):
        return True
    return isinstance(images, Sequence) and len(images) > 0 and all(isinstance(item, str | Path) for item in images)


def _finite(array: NDArray[Any]) -> Floats:
    if array.dtype != np.float32 or array.ndim != 1 or not np.isfinite(array).all():
        raise ValueError(f"it holds {array.dtype} of shape {array.shape}, or no finite numbers")
    return array
