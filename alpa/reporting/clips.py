"""The sections on the frames of clips: their scores over time, and what the detectors predict."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from alpa.config import VideoConfig
from alpa.data.splits import Split
from alpa.data.video import all_windows, corners, cuboid_rows, cut_cuboids
from alpa.evaluation.metrics import auroc
from alpa.evaluation.scores import ScoreTable
from alpa.evaluation.video import smoothed
from alpa.reporting import samples
from alpa.reporting.document import Section
from alpa.reporting.drawing import colours
from alpa.reporting.gallery import evenly, moved
from alpa.reporting.heat import Map, at_most, frame_heat, overlaid
from alpa.reporting.models import Loaded, distorted, rebuild
from alpa.reporting.results import Results
from alpa.reporting.timelines import Line, Peak, anomalous_ranges, timeline
from alpa.reporting.wording import FAMILY, METHOD, count, listed, name, number, percent, short

MOST_CLIPS = 16
MOST_RANGES = 4  # that a caption lists
THUMBNAIL_PIXELS = 200  # in width
SHOWN = (0.0, 99.5)  # percentiles of the scores of all test frames between which a panel runs
FRAMES_SHOWN = 2  # of each kind, of which predictions are shown


def timelines_section(
    results: Results,
    score_tables: Mapping[str, ScoreTable],
    models: Loaded,
    split: Split,
    video: VideoConfig,
) -> Section:
    """The scores of each test clip over time, with the frames at the peaks and the method's heat map on them."""
    target, seed = results.classes[0], results.seeds[0]
    detectors = _followed(results)
    frames = {detector: score_tables[detector].cells()[target, seed] for detector in detectors}
    main, table = detectors[0], frames[detectors[0]]
    score = results.score_of(main)
    chosen = telling(table, score)
    peaks = {clip: _peaks(table[table["group"] == clip], score) for clip in chosen}
    rows = np.array([row for found in peaks.values() for row in found.values()])
    model = models.get(main)
    heats: list[Map | None] = [*frame_heat(model, score, split, rows, video)] if model else [None] * len(rows)
    heat = dict(zip(rows.tolist(), heats, strict=True))
    limits = {detector: _limits(frames[detector][results.score_of(detector)]) for detector in detectors}
    pictures = []
    for clip in chosen:
        lines = [_line(results, frames[detector], clip, detector, limits[detector], video) for detector in detectors]
        shown = [_peak(split, clip, flag, row, heat[row], limits[main]) for flag, row in peaks[clip].items()]
        is_anomaly = table["is_anomaly"].to_numpy()[table["group"] == clip]
        title = f"Clip {short(split.clips[clip], 40)}"
        caption = _caption(title, is_anomaly, lines[0])
        pictures.append(timeline(f"timeline_{clip + 1:02d}", title, is_anomaly, lines, shown, caption))
    text = _explained(results, detectors, len(chosen), bool(model), video)
    return Section("timelines", "Frame by frame", tuple(text), tuple(pictures))


def telling(table: pd.DataFrame, score: str) -> list[int]:
    """Return the clips to show, in order: all, or those with the lowest and the highest AUROC.

    Where clips with both kinds of frames are fewer than there is room for, others follow in order.
    """
    clips = table.groupby("group")
    both = [int(clip) for clip, rows in clips if rows["is_anomaly"].nunique() > 1]
    if clips.ngroups <= MOST_CLIPS:
        return [int(clip) for clip in clips.groups]
    worth = {clip: auroc(rows["is_anomaly"], rows[score]) for clip, rows in clips if clip in both}
    ranked = sorted(both, key=worth.__getitem__)
    ends = ranked if len(ranked) <= MOST_CLIPS else ranked[: MOST_CLIPS // 2] + ranked[-(MOST_CLIPS // 2) :]
    others = [int(clip) for clip in clips.groups if clip not in both]
    return sorted(ends + others[: MOST_CLIPS - len(ends)])


def predictions_section(
    results: Results,
    score_tables: Mapping[str, ScoreTable],
    models: Loaded,
    split: Split,
    video: VideoConfig,
) -> Section | None:
    """What the detectors make of whole frames, put together of windows, None if no detector reconstructs."""
    target, seed = results.classes[0], results.seeds[0]
    table = score_tables[results.detectors[0]].cells()[target, seed]
    kinds = [table["sample"].to_numpy()[table["is_anomaly"] == flag] for flag in (False, True)]
    rows = [evenly(kind, split.group, FRAMES_SHOWN) for kind in kinds]
    cuboid = cuboid_rows(split.group, video.frames, video.step)[np.concatenate(rows)]
    whole = cut_cuboids(split.images, cuboid)
    windows, _ = all_windows(whole, video.window, video.window)
    rebuilt = rebuild(models, windows)
    if not rebuilt:
        return None
    channels = split.image_shape[0]

    def whole_again(images: NDArray[np.float32]) -> NDArray[np.float32]:
        return joined(images[:, -channels:], len(whole), split.image_shape, video.window)

    predicted = video.form == "prediction"
    wanted, n_normal = whole[:, -channels:], len(rows[0])
    before = whole[:, -2 * channels : -channels] if predicted else None
    made = {detector: whole_again(images) for detector, images in rebuilt.items()}
    pictures = [samples.frames(before, wanted, n_normal, made, predicted)]
    what = "predict" if predicted else "reconstruct"
    shown = f"{count(n_normal, 'normal frame')} and {count(len(rows[1]), 'anomalous one')}"
    text = [
        f"{shown[0].upper()}{shown[1:]}, at even distances in the test clips and not chosen by any score, for every "
        f"detector that can {what} (seed {seed})."
    ]
    if found := distorted(models[METHOD], windows) if METHOD in models else None:
        pair = whole_again(found[0]), whole_again(found[1])
        text.append(moved(pair, n_normal, "frames"))
        pictures.append(samples.distortions(wanted, n_normal, pair, "The same frames", of_frames=True))
    return Section("reconstructions", f"What the detectors {what}", tuple(text), tuple(pictures))


def joined(windows: NDArray[np.float32], n: int, shape: tuple[int, int, int], side: int) -> NDArray[np.float32]:
    """Put windows (n * rows * columns, C, side, side), side by side, together to `n` frames of `shape` (C, H, W)."""
    channels, height, width = shape
    tops, lefts = (corners(length, side, side) for length in (height, width))
    grids = windows.reshape(n, len(tops), len(lefts), channels, side, side)
    frames = np.empty((n, channels, height, width), np.float32)
    for row, top in enumerate(tops):
        for column, left in enumerate(lefts):
            frames[:, :, top : top + side, left : left + side] = grids[:, row, column]
    return frames


def _followed(results: Results) -> list[str]:
    """Return the detectors whose scores are drawn: the method, the best of its relatives, and the leader."""
    relatives = [detector for detector in results.detectors if detector in FAMILY and detector != METHOD]
    wanted = [METHOD, *relatives[:1], results.detectors[0]]
    return [detector for detector in dict.fromkeys(wanted) if detector in results.detectors]


def _peaks(rows: pd.DataFrame, score: str) -> dict[bool, int]:
    """Return the row of the highest of a clip's normal and of its anomalous frames, so far as it has any."""
    parts = {flag: rows[rows["is_anomaly"] == flag] for flag in (False, True)}
    return {flag: int(part["sample"].loc[part[score].idxmax()]) for flag, part in parts.items() if len(part)}


def _limits(scores: pd.Series) -> tuple[float, float]:
    low, high = np.percentile(scores, SHOWN)
    return float(low), float(high) if high > low else float(low) + 1


def _line(
    results: Results,
    table: pd.DataFrame,
    clip: int,
    detector: str,
    limits: tuple[float, float],
    video: VideoConfig,
) -> Line:
    score, rows = results.score_of(detector), table[table["group"] == clip]
    values, is_anomaly = rows[score].to_numpy(np.float64), rows["is_anomaly"].to_numpy()
    drawn = smoothed(values, rows["group"].to_numpy(), video.smoothing) if video.smoothing else None
    own = auroc(is_anomaly, values) if len(np.unique(is_anomaly)) > 1 else None
    return Line(detector, score, colours(results.detectors)[detector], values, drawn, limits, own)


def _peak(split: Split, clip: int, flag: bool, row: int, heat: Map | None, scale: tuple[float, float]) -> Peak:
    picture = at_most(overlaid(split.images[row], heat, scale), THUMBNAIL_PIXELS)
    return Peak(flag, row - int(np.searchsorted(split.group, clip)), picture)


def _caption(title: str, is_anomaly: NDArray[np.bool_], line: Line) -> str:
    ranges = [f"{start + 1:,} to {end:,}" for start, end in anomalous_ranges(is_anomaly)]
    if not ranges:
        return f"{title}: no frame is anomalous, so a good score stays low throughout."
    if is_anomaly.all():
        return f"{title}: every frame is anomalous, so a good score stays high throughout."
    listed_ranges = listed(ranges) if len(ranges) <= MOST_RANGES else f"{number(len(ranges))} ranges"
    assert line.auroc is not None
    told = f"{line.detector} tells them from the others with an AUROC of {percent(line.auroc)} %"
    return f"{title}: frames {listed_ranges} are anomalous; within the clip, {told}."


def _explained(results: Results, detectors: Sequence[str], shown: int, heat: bool, video: VideoConfig) -> list[str]:
    main = name(detectors[0])
    which = (
        f"Of {count(results.n_clips, 'clip')}, the {shown} that tell most are shown: those in which {main} has its "
        "lowest and its highest AUROC, then clips of one kind of frames."
        if shown < results.n_clips
        else "Each test clip with its labelled anomalies shaded."
    )
    drawn = listed([name(detector) for detector in detectors])
    parts = [
        f"{which} Raw scores of {drawn}, each detector at its own scale, which is the same for all clips: from its "
        f"lowest score of any test frame to the {SHOWN[1]:g}th percentile; what is higher leaves the panel."
    ]
    if video.smoothing:
        parts[0] += f" The coloured line is smoothed by a Gaussian of {video.smoothing:g} frames."
    pictures = f"Above each are the frames that {main} scores highest among the normal and among the anomalous ones"
    parts.append(
        f"{pictures}. Where a window raises the score, the frame is coloured: from none at the panel's lower end to "
        "full at its upper end, at each pixel by the highest window that covers it."
        if heat
        else f"{pictures}."
    )
    return parts
