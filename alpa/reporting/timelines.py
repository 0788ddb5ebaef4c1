"""The figure of one clip: what each detector scores its frames, where it is anomalous, and the frames at the peaks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from alpa.reporting.document import Picture
from alpa.reporting.drawing import FAINT, INK, MUTED, new_figure, styled, to_picture
from alpa.reporting.figures import WIDTH

MOST_POINTS = 800  # of a line; of more frames, each point shows the highest of a few
THUMBNAIL = 165.0  # points that a frame takes at most, in width
TALLEST = 130.0
PANEL = 66.0
MARKS = {False: "○", True: "●"}  # the highest normal and the highest anomalous frame


@dataclass(frozen=True, eq=False)
class Line:
    """A detector's scores of the clip's frames; `smoothed` may be beside them, `limits` are common to all clips."""

    detector: str
    score: str
    colour: str
    values: NDArray[np.float64]
    smoothed: NDArray[np.float64] | None
    limits: tuple[float, float]
    auroc: float | None


@dataclass(frozen=True, eq=False)
class Peak:
    """The frame that scores highest among the normal or the anomalous ones, counted from 0, and its picture."""

    is_anomaly: bool
    frame: int
    picture: NDArray[np.uint8]  # (H, W, 3)


@styled
def timeline(
    key: str, title: str, is_anomaly: NDArray[np.bool_], lines: Sequence[Line], peaks: Sequence[Peak], caption: str
) -> Picture:
    """Draw a clip: its peaks on top, then a panel per detector with the anomalous ranges shaded.

    Args:
        key: the file's name.
        title: the clip's name for a reader.
        is_anomaly: (N,) of each frame.
        lines: the first is the detector whose peaks are shown.
        peaks: those that there are.
        caption: the picture's.
    """
    height, width = peaks[0].picture.shape[:2]
    tall = min(TALLEST, THUMBNAIL * height / width)
    figure = new_figure(WIDTH, tall + 26 + PANEL * len(lines) + 26)
    grid = figure.add_gridspec(1 + len(lines), 2, height_ratios=[tall + 16, *[PANEL] * len(lines)])
    for column, peak in enumerate(peaks):
        _thumbnail(figure.add_subplot(grid[0, column]), peak)
    first: Axes | None = None
    for place, line in enumerate(lines):
        axes = figure.add_subplot(grid[1 + place, :], sharex=first)
        first = first or axes
        _panel(axes, line, is_anomaly)
        if place == 0:
            for peak in peaks:
                face = INK if peak.is_anomaly else "none"
                height_ = min(line.values[peak.frame], line.limits[1])
                axes.plot(peak.frame + 1, height_, "o", color=INK, markerfacecolor=face, markersize=5, clip_on=False)
        if place < len(lines) - 1:
            axes.tick_params(labelbottom=False)
        else:
            axes.set_xlabel("frame")
    ranges = ", ".join(f"{start + 1} to {end}" for start, end in anomalous_ranges(is_anomaly)) or "none"
    alt = f"{title}: scores of {len(is_anomaly)} frames by {', '.join(line.detector for line in lines)}; anomalous: "
    return to_picture(figure, key, alt + ranges, caption, kinds=("png",))


def anomalous_ranges(is_anomaly: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the half-open ranges of anomalous frames, counted from 0.

    >>> anomalous_ranges(np.array([True, False, True, True]))
    [(0, 1), (2, 4)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_anomaly, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def _thumbnail(axes: Axes, peak: Peak) -> None:
    height, width = peak.picture.shape[:2]
    axes.imshow(peak.picture, extent=(0, width, height, 0), interpolation="none")
    axes.set_axis_off()
    kind = "anomalous" if peak.is_anomaly else "normal"
    axes.set_title(f"{MARKS[peak.is_anomaly]} highest {kind} frame: {peak.frame + 1:,}", fontsize=9)


def _panel(axes: Axes, line: Line, is_anomaly: NDArray[np.bool_]) -> None:
    for start, end in anomalous_ranges(is_anomaly):
        axes.axvspan(start + 0.5, end + 0.5, color=FAINT, alpha=0.3, linewidth=0)
    alone = line.smoothed is None
    axes.plot(*thinned(line.values), color=line.colour if alone else MUTED, linewidth=1.3 if alone else 0.7)
    if line.smoothed is not None:
        axes.plot(*thinned(line.smoothed), color=line.colour)
    axes.set_xlim(0.5, len(is_anomaly) + 0.5)
    axes.set_ylim(*line.limits)
    axes.locator_params(axis="y", nbins=3)
    axes.locator_params(axis="x", integer=True)
    axes.set_ylabel("score", fontsize=9)
    axes.set_title(f"{line.detector}, {line.score}", fontsize=9)
    if line.auroc is not None:
        axes.set_title(f"AUROC in the clip {100 * line.auroc:.1f}", fontsize=9, loc="right", color=MUTED)


def thinned(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the frames, counted from 1, and their values; of a long clip the highest of each few frames.

    >>> [part.tolist() for part in thinned(np.array([3.0, 5.0]))]
    [[1.0, 2.0], [3.0, 5.0]]
    """
    parts = np.array_split(np.arange(len(values)), min(len(values), MOST_POINTS))
    chosen = np.array([part[values[part].argmax()] for part in parts])
    return chosen + 1.0, values[chosen]
