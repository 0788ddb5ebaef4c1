"""The known leaks of the field as checks: each raises Leak where it finds one, and a test plants what it finds.

They hold for every registered detector and every protocol.
"""

import ast
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alpa.data.splits import Split, with_shared

Pixels = NDArray[np.uint8]  # (N, C, H, W)
Clips = NDArray[np.int64]  # (N,), the clip of each
Score = Callable[[Pixels], dict[str, NDArray[np.float32]]]  # images to each score, (N,)


class Leak(AssertionError):
    """What was learned or scored depends on what it must not know."""


def scored_alone(score: Score, images: Pixels) -> None:
    """An image's scores are the same by itself, among some others and among all.

    Batch statistics at test time fail, and so does whatever is fitted on or scaled over the images to be scored.
    """
    together, n = score(images), len(images)
    for rows in (slice(0, n // 2), slice(n // 2, n), slice(0, 1), slice(n - 1, n)):
        _require_close(score(images[rows]), {name: values[rows] for name, values in together.items()}, "other images")


def clips_scored_alone(
    score: Callable[[Pixels, Clips], dict[str, NDArray[np.float32]]], frames: Pixels, clip: Clips
) -> None:
    """The scores of a clip's frames are the same by itself and among other clips."""
    together = score(frames, clip)
    for name in np.unique(clip):
        own = clip == name
        alone = score(frames[own], np.zeros(own.sum(), np.int64))
        _require_close(alone, {score: values[own] for score, values in together.items()}, "other clips")


def scored_in_any_order(score: Score, images: Pixels) -> None:
    """An image's scores do not depend on which come before it."""
    for order in (np.arange(len(images))[::-1], np.random.default_rng(0).permutation(len(images))):
        expected = {name: values[order] for name, values in score(images).items()}
        _require_close(score(images[order]), expected, "the order of images")


def scored_without_memory(score: Score, images: Pixels) -> None:
    """An image's scores are the same bits after others were scored."""
    before = score(images[:1])
    score(images[::-1])
    for name, values in score(images[:1]).items():
        if values.tobytes() != before[name].tobytes():
            raise Leak(f"{name} depends on the images that were scored before.")


def made_without(make: Callable[[Pixels], bytes], images: Pixels, hidden: NDArray[np.bool_]) -> None:
    """What is made of images is the same bytes whatever the hidden ones among them look like."""
    other = images.copy()
    other[hidden] = 255 - other[hidden]
    if not hidden.any() or hidden.all():
        raise ValueError("The check needs images of both kinds.")
    if make(images) != make(other):
        raise Leak("What was made depends on images that were to stay hidden.")


def in_one_part(train: NDArray[np.int64], test: NDArray[np.int64]) -> None:
    """No row of a data set is for training and for testing."""
    if shared := np.intersect1d(train, test).size:
        raise Leak(f"{shared} rows are in both parts.")


def without_duplicates(train: Split, test: Split) -> None:
    """No test image is, pixel for pixel, a training image."""
    if shared := with_shared(train, test)[1].shared:
        raise Leak(f"{shared} test images are training images too.")


def names_no_test_split(source: str) -> None:
    """No text within the code, its docstrings aside, has the word of the split that it must not know."""
    tree = ast.parse(source)
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    docstrings = [
        ast.get_docstring(node, clean=False)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
    ]
    if named := [text for text in texts if "test" in text and text not in docstrings]:
        raise Leak(f"The code names {named[0]!r}.")


@contextmanager
def opening_nothing_in(folder: Path) -> Iterator[list[Path]]:
    """No file of the folder is opened meanwhile; yields the list that all opened files are put into."""
    opened: list[Path] = []
    _listeners.append(opened)
    try:
        yield opened
    finally:
        _listeners.remove(opened)
    if found := [path for path in opened if folder.resolve() in path.parents]:
        raise Leak(f"{found[0].relative_to(folder.resolve())} of the hidden folder was opened.")


_listeners: list[list[Path]] = []


def _listen(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _listeners and isinstance(arguments[0], str | bytes | Path):
        path = arguments[0].decode() if isinstance(arguments[0], bytes) else arguments[0]
        for opened in _listeners:
            opened.append(Path.cwd() / path)


sys.addaudithook(_listen)  # for the life of the process; it does nothing outside of `opening_nothing_in`


def _require_close(found: dict[str, NDArray], expected: dict[str, NDArray], what: str) -> None:
    """Compare all but the last digits, which depend on how a matrix product is cut up."""
    if list(found) != list(expected):
        raise Leak(f"The names of scores depend on {what}.")
    for name, values in found.items():
        if not np.allclose(values, expected[name], rtol=1e-3, atol=1e-5):
            raise Leak(f"{name} depends on {what}.")
