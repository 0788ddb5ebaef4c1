"""The charts of a report, one message each. Every function returns a Picture; AUROC is in percent."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from alpa.reporting.document import Picture
from alpa.reporting.drawing import (
    INK,
    LINE,
    MUTED,
    PAPER,
    colours,
    horizontal_only,
    markers,
    new_figure,
    styled,
    to_picture,
)
from alpa.reporting.results import Results
from alpa.reporting.wording import percent, short

WIDTH = 400  # points; a phone shows it with text that can still be read
TEXT_ON_LIGHT, TEXT_ON_DARK = "#111418", "#fdfdfd"  # in coloured cells, the same on a light and a dark page
BLUES = LinearSegmentedColormap.from_list("blues", ("#eaf2fa", "#9cc3e6", "#3d7fc1", "#0b3c73"))
LUMINANCE = (0.299, 0.587, 0.114)


@styled
def leaderboard(results: Results) -> Picture:
    """Dots with 95 % intervals, best on top."""
    figure = new_figure(WIDTH, 58 + 30 * len(results.detectors))
    axes = figure.add_subplot()
    arrows = _dots(axes, results, results.detectors)
    for place, (_, row) in enumerate(results.primary.iterrows()):
        below = axes.annotate(row["score"], (0, place), (-3.5, -1), axes.get_yaxis_transform(), "offset points")
        below.set(ha="right", va="top", color=MUTED, fontsize=8)
    axes.set_yticks(range(len(results.detectors)), [f"{detector}\n" for detector in results.detectors], color=INK)
    axes.set_xlabel("mean AUROC (%) with 95 % interval")
    over = "test frames" if results.has_clips else "target classes"
    caption = f"Mean AUROC over all {over}, each detector by its own score."
    caption += " An arrow stands for a value below the scale." if arrows else ""
    return to_picture(figure, "leaderboard", _leaderboard_alt(results), caption, kinds=("svg", "png"))


@styled
def leaderboards(all_results: Sequence[Results], detectors: Sequence[str]) -> Picture:
    """The leaderboards of several benchmarks side by side, with the detectors in one order."""
    figure = new_figure(96 + 152 * len(all_results), 58 + 26 * len(detectors))
    grid = figure.subplots(1, len(all_results), squeeze=False, sharey=True)
    arrows = False
    for axes, results in zip(grid[0], all_results, strict=True):
        arrows |= _dots(axes, results, detectors)
        axes.set_title(results.dataset_title)
        axes.set_xlabel("mean AUROC (%)")
    grid[0, 0].set_yticks(range(len(detectors)), list(detectors), color=INK)
    alt = "; ".join(f"{results.dataset_title}: {_leaderboard_alt(results)}" for results in all_results)
    caption = "Mean AUROC with 95 % intervals, each detector by its own score. Each data set has its own scale."
    caption += " An arrow stands for a value below it." if arrows else ""
    return to_picture(figure, "leaderboard", alt, caption, kinds=("svg", "png"))


def _dots(axes: Axes, results: Results, detectors: Sequence[str]) -> bool:
    """Draw each detector's mean and interval in its own line, the first on top; tell whether one is below the scale."""
    colour, marker = colours(detectors), markers(detectors)
    left, right = _start(100 * results.primary["ci_low"]), 100 * results.primary["ci_high"].max()
    arrows = False
    for place, detector in enumerate(detectors):
        if detector not in results.primary.index:
            continue
        low, mean, high = (100 * results.primary.loc[detector, name] for name in ("ci_low", "auroc_mean", "ci_high"))
        if mean < left:
            _beyond(axes, left, place, mean, colour[detector])
            arrows = True
            continue
        axes.plot([low, high], [place, place], color=colour[detector], linewidth=2.4, solid_capstyle="round")
        axes.plot(mean, place, marker[detector], color=colour[detector], markersize=8)
        axes.annotate(f"{mean:.1f}", (high, place), (8, 0), textcoords="offset points", va="center", weight="bold")
    axes.set_xlim(left - 0.06 * (right - left) - 0.1, right + 0.2 * (right - left) + 0.3)
    axes.set_ylim(len(detectors) - 0.5, -0.5)
    axes.locator_params(axis="x", nbins=5)
    horizontal_only(axes)
    return arrows


def _start(values: pd.Series, reach: float = 5) -> float:
    """Return where a scale in percent begins: at the lowest value, or at `reach` times the median's way from 100."""
    return float(max(values.min(), 100 - reach * (100 - values.median())))


def _beyond(axes: Axes, edge: float, place: float, value: float, colour: str) -> None:
    """Mark a value below the scale by an arrow at its edge."""
    axes.plot(edge, place, "<", color=colour, markersize=7, markerfacecolor=PAPER)
    axes.annotate(f"{value:.1f}", (edge, place), (8, 0), textcoords="offset points", va="center", fontsize=9)


def _leaderboard_alt(results: Results) -> str:
    means = results.primary["auroc_mean"]
    return "mean AUROC in percent, " + ", ".join(f"{detector} {percent(mean)}" for detector, mean in means.items())


@styled
def ablation(results: Results) -> Picture | None:
    """One row per score that two detectors share, one dot per detector."""
    table = 100 * results.auroc()
    table = table.loc[:, table.count() > 1]
    if table.empty:
        return None
    table = table.dropna(how="all")[table.median().sort_values(ascending=False).index]
    figure = new_figure(WIDTH, 84 + 40 * len(table.columns))
    axes = figure.add_subplot()
    colour, marker = colours(results.detectors), markers(results.detectors)
    left = min(_start(table[score], reach=3) for score in table)
    for place, score in enumerate(table.columns):
        values = table[score].dropna().clip(lower=left)
        axes.plot([values.min(), values.max()], [place, place], color=LINE, linewidth=2, zorder=1)
        for order, (detector, value) in enumerate(table[score].dropna().items()):
            height = place + 0.12 * (order - (len(values) - 1) / 2)  # beside each other where they are equal
            if value < left:
                _beyond(axes, left, height, value, colour[detector])
            else:
                axes.plot(value, height, marker[detector], color=colour[detector], markersize=7)
    axes.set_yticks(range(len(table.columns)), list(table.columns), color=INK)
    axes.set_ylim(len(table.columns) - 0.5, -0.5)
    axes.set_xlabel("mean AUROC (%)")
    horizontal_only(axes)
    legend(figure, list(table.index))
    return to_picture(
        figure,
        "ablation",
        f"Mean AUROC of each detector under {', '.join(table.columns)}",
        "A row's width is what the training changes under one score; the rows' distance is what the score changes. "
        "An arrow stands for a value below the scale.",
    )


@styled
def per_class(results: Results) -> Picture:
    """A heat map of the AUROC by detector and class."""
    table = 100 * results.by_class
    table["mean"] = 100 * results.primary["auroc_mean"]
    table.columns = [short(str(name)) for name in table.columns]
    rows, columns = table.shape
    longest = max(len(name) for name in table.columns)
    long_names = longest > 4
    tilted = 34 + 3.5 * max(0, longest - 10) if long_names else 0
    figure = new_figure(max(WIDTH, 90 + 38 * columns), 44 + 26 * rows + tilted)
    axes = figure.add_subplot()
    lowest = min(5 * np.floor(_start(table.stack()) / 5), 95.0)
    mesh = axes.pcolormesh(np.arange(columns + 1), np.arange(rows + 1), table, cmap=BLUES, vmin=lowest, vmax=100)
    for row, column in np.ndindex(rows, columns):
        value = table.iloc[row, column]
        light = np.dot(mesh.to_rgba(value)[:3], LUMINANCE) > 0.55
        text = axes.text(column + 0.5, row + 0.5, f"{value:.1f}", ha="center", va="center", fontsize=9)
        text.set_color(TEXT_ON_LIGHT if light else TEXT_ON_DARK)
    axes.axvline(columns - 1, color=PAPER, linewidth=3)
    axes.set_xticks(np.arange(columns) + 0.5, list(table.columns), color=INK, rotation=35 if long_names else 0)
    axes.set_yticks(np.arange(rows) + 0.5, list(table.index), color=INK)
    axes.invert_yaxis()
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    return to_picture(
        figure,
        "per_class",
        "AUROC in percent of each detector for each class",
        f"AUROC (%) by {results.target.lower()}, each detector by its own score; darker is better, the palest "
        f"cells are {lowest:.0f} or below.",
    )


def legend(figure: Figure, detectors: Sequence[str], lines: bool = False) -> None:
    """Name the detectors above a figure's axes."""
    colour, marker = colours(detectors), markers(detectors)
    handles = [
        Line2D(
            [], [], color=colour[key], marker="" if lines else marker[key], linestyle="-" if lines else "", label=key
        )
        for key in detectors
    ]
    columns = -(-len(handles) // -(-len(handles) // 5))  # even rows of at most five
    figure.legend(handles=handles, loc="outside upper left", ncols=columns, handletextpad=0.5, handlelength=1.4)
