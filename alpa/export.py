"""A model as a file that other programs run: ONNX, or a program of torch.export, with what scores need inside.

Input is `images`, uint8 (N, C, H, W) of the model's size. Outputs are `score`, float32 (N,), `p_value`, float32 (N,),
and, of a detector that reconstructs, `reconstruction`, float32 (N, C, H, W) in [0, 1], and `heat_map`, (N, H, W).
"""

import importlib.util
import json
import logging
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from alpa.data.preparation import LEAST_CONTRAST, Preparation
from alpa.detectors import load_detector
from alpa.detectors.detector import Detector
from alpa.detectors.reconstruction import ReconstructingDetector
from alpa.errors import ConfigError, ModelError
from alpa.files import whole_file
from alpa.model import PEAK, Model
from alpa.reporting.pixels import error_map

TOLERANCE = 1e-4  # by which an exported score may differ, as a share of `scale_of` it
TINY = 1e-12  # where a detector finds all images perfect
ONNX, PROGRAM = ".onnx", ".pt2"
CHECKED = 4  # images by which a new file is compared with the model

Run = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


class _AnyNumber(Preparation):
    """The same preparation, traced for any number of images: `len` of a tensor would be a constant of the program."""

    def _contrasted(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, deviation = torch.zeros_like(pixels[:, :1, :1, :1]), torch.ones_like(pixels[:, :1, :1, :1])
        if self.kind == "gcn":
            mean = pixels.mean((1, 2, 3), keepdim=True)
            deviation = (pixels - mean).abs().mean((1, 2, 3), keepdim=True).clamp(min=LEAST_CONTRAST)
        return (pixels - mean) / deviation, mean, deviation


class Scorer(nn.Module):
    """Pixels to the primary score, its p-value and the reconstruction, without a look at their values on the way."""

    held_out: Tensor

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.detector, self.by = _copied(model.detector), model.by
        self.register_buffer("held_out", torch.from_numpy(model.held_out.copy()))

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return `score` and `p_value`, (N,), and, if the detector reconstructs, `reconstruction` and `heat_map`."""
        detector = self.detector
        prepared = detector.preparation(images)
        scores = detector.score_batch(prepared)
        if detector.combined_parts:
            parts = zip(detector.combined_parts, detector.calibration, strict=True)
            scores["combined"] = sum(((scores[name] - row[0]) / row[1] for name, row in parts), torch.zeros(()))
        outputs: tuple[Tensor, ...] = ()
        if isinstance(detector, ReconstructingDetector):
            made = detector.preparation.undo(detector.reconstruct_batch(prepared), images).clamp(0, 1)
            heat = error_map(images.float() / 255 - made)
            outputs, scores[PEAK] = (made, heat), heat.amax((1, 2))
        score = scores[self.by].float()
        as_high = (self.held_out[None] >= score[:, None]).sum(1)
        return score, (1 + as_high).float() / (self.held_out.shape[0] + 1), *outputs


def export(model: Model, path: Path | str) -> float:
    """Write the model to `path`, whole or not at all, and run that file on a few images.

    Args:
        model: of a detector whose scores torch computes alone; `knn` searches its training images by other means.
        path: ends in .onnx, for ONNX Runtime and the like, or in .pt2, for `torch.export.load`.

    Returns:
        By how much a score of the file differs from the model's at most, as a share of `scale_of` it.

    Raises:
        ConfigError: another ending, or the packages for ONNX are not installed.
        ModelError: a detector that cannot be exported, or whose exported scores differ by more than TOLERANCE.
    """
    path = Path(path)
    if path.suffix not in (ONNX, PROGRAM):
        raise ConfigError(f"{path} ends in neither {ONNX} nor {PROGRAM}; choose one of them.")
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if importlib.util.find_spec(name) is None]
    if path.suffix == ONNX and missing:
        raise ConfigError(f'{missing[0]} is not installed; run pip install "alpa[onnx]", or export a {PROGRAM} file.')
    with whole_file(path) as temporary:
        run = (_to_onnx if path.suffix == ONNX else _to_program)(model, temporary)
        difference = _difference(model, run)
        if difference > TOLERANCE:
            problem = f"A score of the exported {model.detector.key} differs by {difference:.2g} of itself"
            raise ModelError(f"{problem}, more than {TOLERANCE:g}; load the model with alpa.load_model instead.")
    return difference


def scale_of(model: Model, scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what a difference of scores, (N,), is compared with: themselves, or the held-out scores' deviation."""
    return np.maximum(np.maximum(np.abs(scores), model.held_out.std()), TINY)


def _copied(detector: Detector) -> Detector:
    """Return an equal detector without gradients, whose tensors lie in memory as files have them."""
    with tempfile.TemporaryDirectory() as folder:
        detector.save(folder)
        copy = load_detector(folder).to(memory_format=torch.contiguous_format).requires_grad_(False)
    copy.preparation.__class__ = _AnyNumber
    return copy


def _program(model: Model) -> torch.export.ExportedProgram:
    example = torch.from_numpy(_examples(model, 2))
    try:
        with torch.no_grad():
            return torch.export.export(Scorer(model), (example,), dynamic_shapes={"images": {0: torch.export.Dim("N")}})
    except Exception as error:  # whatever the traced code raises where it leaves torch
        key = model.detector.key
        problem = f"{key} cannot be exported ({type(error).__name__} where its scores are traced)"
        raise ModelError(f"{problem}; fit another detector, such as alpa or pca.") from error


def _to_program(model: Model, path: Path) -> Run:
    program = _program(model)
    with path.open("wb") as file:
        torch.export.save(program, file)
    with path.open("rb") as file:
        module = torch.export.load(file).module()
    return lambda images: module(torch.from_numpy(images))[0].numpy()


def _to_onnx(model: Model, path: Path) -> Run:
    import onnx
    import onnxruntime

    names = ["score", "p_value"] + (["reconstruction", "heat_map"] if model.reconstructs else [])
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own code
        exported = torch.onnx.export(
            _program(model), input_names=["images"], output_names=names, dynamo=True, verbose=False
        )
    assert exported is not None
    proto = exported.model_proto
    facts = {"level": model.level, "threshold": model.threshold(), "image_shape": model.image_shape}
    onnx.helper.set_model_props(proto, {name: json.dumps(value) for name, value in (facts | model.facts).items()})
    path.write_bytes(proto.SerializeToString(deterministic=True))
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda images: session.run(["score"], {"images": images})[0]


def _difference(model: Model, run: Run) -> float:
    images = _examples(model, CHECKED)
    scores = model.anomaly_scores(images)
    return float((np.abs(run(images) - scores) / scale_of(model, scores)).max())


def _examples(model: Model, n: int) -> NDArray[np.uint8]:
    """Return images of all kinds of contrast, uint8 (n, C, H, W)."""
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (n, *model.image_shape))
    return (noise // np.arange(1, n + 1).reshape(-1, 1, 1, 1)).astype(np.uint8)
