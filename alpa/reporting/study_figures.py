"""The charts of a benchmark's studies: how they went, what mattered, and what their trials were worth on test."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.tri import Triangulation

from alpa.reporting.document import Picture
from alpa.reporting.drawing import FAINT, INK, MUTED, PAPER, colours, markers, new_figure, styled, to_picture
from alpa.reporting.figures import BLUES, WIDTH, legend

COLUMNS = 2
FEWEST_FOR_CONTOURS = 8  # points; fewer make triangles, not a map
STRENGTH, WEIGHT = "strength", "weight"


@styled
def history(trials: pd.DataFrame) -> Picture:
    """Each detector's trials in order, and the best so far."""
    detectors = _detectors(trials)
    figure, panels = _panels(detectors, 132)
    for (detector, rows), axes in zip(_by_detector(trials), panels, strict=False):
        colour = colours(detectors)[detector]
        complete = rows["state"] == "complete"
        axes.step(rows["trial"], 100 * rows["objective"].where(complete).cummax().ffill(), where="post", color=FAINT)
        _points(axes, rows["trial"], 100 * rows["objective"], complete, colour)
        axes.set_title(detector)
        axes.set_xlabel("trial")
        axes.locator_params(axis="x", integer=True)
    _label_left(panels, "objective (%)")
    caption = "The objective of each trial: full where it was run to its end, hollow where it was pruned and measured "
    caption += "after the fact; the line is the best so far."
    return to_picture(figure, "tuning_history", "Objective of each trial by detector", caption)


@styled
def importances(table: pd.DataFrame) -> Picture | None:
    """Bars of each parameter's share in the objective's variance, for detectors with several."""
    several = table[table.groupby("detector")["parameter"].transform("count") > 1]
    if several.empty:
        return None
    detectors = _detectors(several)
    figure, panels = _panels(detectors, 132)
    for (detector, rows), axes in zip(_by_detector(several), panels, strict=False):
        ordered = rows.sort_values("importance")
        axes.barh(ordered["parameter"], 100 * ordered["importance"], color=colours(detectors)[detector], height=0.6)
        axes.set_title(detector)
        axes.set_xlabel("share of variance (%)")
        axes.set_xlim(0, 100)
        axes.grid(False, axis="y")
        axes.tick_params(axis="y", labelcolor=INK, length=0)
    caption = "How much of the objective's variance over the trials each parameter explains (functional ANOVA)."
    return to_picture(figure, "tuning_importance", "Importance of each searched parameter", caption)


@styled
def slices(trials: pd.DataFrame) -> Picture | None:
    """The objective against strength, whatever the other values."""
    rows = trials.dropna(subset=[STRENGTH]) if STRENGTH in trials else trials.iloc[:0]
    if rows.empty:
        return None
    detectors = _detectors(rows)
    figure, panels = _panels(detectors, 150)
    for (detector, own), axes in zip(_by_detector(rows), panels, strict=False):
        complete = own["state"] == "complete"
        _points(axes, own[STRENGTH], 100 * own["objective"], complete, colours(detectors)[detector])
        _strength_axis(axes)
        axes.set_title(detector)
    _label_left(panels, "objective (%)")
    caption = "Each trial's objective at its strength; the other values differ from trial to trial."
    return to_picture(figure, "tuning_slice", "Objective against strength", caption)


@styled
def contours(trials: pd.DataFrame) -> Picture | None:
    """The objective over strength and weight, interpolated between trials."""
    if not {STRENGTH, WEIGHT} <= set(trials):
        return None
    rows = trials.dropna(subset=[STRENGTH, WEIGHT, "objective"]).drop_duplicates(["detector", STRENGTH, WEIGHT])
    rows = rows[rows[STRENGTH] > 0]  # which has no logarithm
    rows = rows[rows.groupby("detector")["trial"].transform("count") >= FEWEST_FOR_CONTOURS]
    spread = rows.groupby("detector")[[STRENGTH, WEIGHT]].transform("nunique")
    rows = rows[(spread > 1).all(axis=1)]  # or they lie in a line
    if rows.empty:
        return None
    detectors = _detectors(rows)
    figure, panels = _panels(detectors, 190)
    for (detector, own), axes in zip(_by_detector(rows), panels, strict=False):
        places = own[STRENGTH].to_numpy(), own[WEIGHT].to_numpy()
        mesh = Triangulation(
            *places, Triangulation(*map(np.log, places)).triangles
        )  # as the eye sees them: in logarithms
        filled = axes.tricontourf(mesh, 100 * own["objective"].to_numpy(), levels=8, cmap=BLUES)
        axes.plot(own[STRENGTH], own[WEIGHT], "o", markersize=3, color=INK, markerfacecolor=PAPER, markeredgewidth=0.8)
        figure.colorbar(filled, ax=axes, label="objective (%)", shrink=0.9)
        _strength_axis(axes)
        axes.set_yscale("log")
        _label_logarithms(axes.yaxis)
        axes.set_ylabel("weight of the perturbed term")
        axes.set_title(detector)
    caption = "The objective over strength and weight, interpolated between the trials (dots)."
    return to_picture(figure, "tuning_contour", "Objective over strength and weight", caption)


@styled
def curve(points: pd.DataFrame, without: float | None) -> Picture | None:
    """Test AUROC and objective against strength, all else untuned; `without` is the test AUROC at no perturbation."""
    if points.empty:
        return None
    detectors = _detectors(points)
    figure = new_figure(WIDTH, 236)
    panels = figure.subplots(1, 2)
    for detector, rows in _by_detector(points):
        for axes, measure in zip(panels, ("test", "objective"), strict=True):
            style: dict[str, Any] = {
                "color": colours(detectors)[detector],
                "marker": markers(detectors)[detector],
                "markersize": 5,
            }
            axes.plot(rows[STRENGTH], 100 * rows[measure], **style)
    if without is not None:
        panels[0].axhline(100 * without, color=FAINT, linewidth=1, linestyle=(0, (2, 2)))
        panels[0].annotate(
            "no perturbation", (0, 100 * without), (2, 3), panels[0].get_yaxis_transform(), "offset points"
        )
        panels[0].texts[-1].set(color=MUTED, fontsize=8)
    for axes, title in zip(panels, ("Test", "Objective"), strict=True):
        _strength_axis(axes)
        axes.set_title(title, color=MUTED, fontsize=9)
    panels[0].set_ylabel("mean AUROC (%)")
    legend(figure, detectors)
    caption = "Strength of the perturbation against the AUROC on test and against the objective, all else untuned. The "
    caption += "curve on test is made after the fact: no value was chosen by it."
    return to_picture(figure, "tuning_strength", "AUROC against the strength of the perturbation", caption)


@styled
def agreement(trials: pd.DataFrame) -> Picture:
    """Each trial's objective against what it was worth on test."""
    detectors = _detectors(trials)
    figure, panels = _panels(detectors, 150)
    for (detector, rows), axes in zip(_by_detector(trials), panels, strict=False):
        complete = rows["state"] == "complete"
        _points(axes, 100 * rows["objective"], 100 * rows["test"], complete, colours(detectors)[detector])
        axes.set_title(detector)
        axes.set_xlabel("objective (%)")
        axes.locator_params(nbins=4)
    _label_left(panels, "test AUROC (%)")
    caption = "What each trial was worth by the objective, and on test. Hollow: pruned, and measured after the fact."
    return to_picture(figure, "tuning_agreement", "Test AUROC of each trial against its objective", caption)


def _points(axes: Axes, across: pd.Series, up: pd.Series, complete: pd.Series, colour: str) -> None:
    """Draw trials, hollow where pruned."""
    shared: dict[str, Any] = {"marker": "o", "linestyle": "none", "markersize": 4.5, "color": colour}
    axes.plot(across[complete], up[complete], **shared)
    axes.plot(across[~complete], up[~complete], markerfacecolor=PAPER, **shared)


def _panels(detectors: Sequence[str], height: int) -> tuple[Figure, list[Axes]]:
    """Return a figure with a panel for each detector, those left over empty."""
    rows = -(-len(detectors) // COLUMNS)
    figure = new_figure(WIDTH, 16 + height * rows)
    panels = list(figure.subplots(rows, COLUMNS, squeeze=False).ravel())
    for axes in panels[len(detectors) :]:
        axes.set_axis_off()
    return figure, panels


def _label_left(panels: Sequence[Axes], label: str) -> None:
    for axes in panels[::COLUMNS]:
        axes.set_ylabel(label)


def _strength_axis(axes: Axes) -> None:
    axes.set_xscale("log")
    _label_logarithms(axes.xaxis)
    axes.set_xlabel("strength")


def _label_logarithms(axis: Axis) -> None:
    """Label powers of ten, and where there are fewer than two of them their double and fivefold."""
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    low, high = sorted(np.log10(axis.get_view_interval()))
    crowded = np.floor(high) - np.ceil(low) >= 1
    axis.set_minor_formatter(lambda value, _: "" if crowded or f"{value:e}"[0] not in "25" else f"{value:g}")


def _detectors(table: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(table["detector"]))


def _by_detector(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    return [(name, table[table["detector"] == name]) for name in _detectors(table)]
