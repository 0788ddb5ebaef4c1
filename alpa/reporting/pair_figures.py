"""The charts of compared detectors: paired differences, and mean ranks with those joined that are not told apart."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from alpa.reporting.document import Picture
from alpa.reporting.drawing import (
    FAINT,
    INK,
    MUTED,
    PAPER,
    colours,
    horizontal_only,
    markers,
    new_figure,
    styled,
    to_picture,
)
from alpa.reporting.figures import WIDTH
from alpa.reporting.results import OWN, Difference, Results
from alpa.reporting.wording import METHOD, PEERS, compared

LINE_HEIGHT = 17.0  # points, of a detector's name beside the critical-difference diagram
BAR_HEIGHT = 9.0  # of a bar that joins detectors


@styled
def comparisons(results: Results) -> Picture | None:
    """The paired differences of the method to its peers, around a line at 0."""
    found = [(other, compared(results, other)) for other in PEERS]
    panels = [(other, rows) for other, rows in found if rows]
    if not panels:
        return None
    heights = [len(rows) + 1.2 for _, rows in panels]
    figure = new_figure(WIDTH, 44 + 21 * sum(heights))
    grid = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)
    for axes, (other, rows) in zip(grid[:, 0], panels, strict=True):
        _difference_panel(axes, other, rows)
    grid[-1, 0].set_xlabel(f"difference in AUROC points; right of 0 {METHOD} is better")
    return to_picture(
        figure,
        "comparisons",
        f"Paired AUROC differences of {METHOD} to {', '.join(other for other, _ in panels)}",
        f"{METHOD} minus the other, with 95 % intervals; hollow where the interval includes 0. Each panel has its own "
        "scale.",
    )


def _difference_panel(axes: Axes, other: str, rows: Sequence[tuple[str, Difference]]) -> None:
    colour, marker = colours([other])[other], markers([other])[other]
    axes.axvline(0, color=MUTED, linewidth=1)
    for place, (_, difference) in enumerate(rows):
        ends = [100 * difference.low, 100 * difference.high]
        axes.plot(ends, [place, place], color=colour, linewidth=1.8, solid_capstyle="round")
        face = colour if difference.sign else PAPER
        axes.plot(100 * difference.mean, place, marker, color=colour, markerfacecolor=face, markersize=7)
    axes.set_yticks(range(len(rows)), ["each its own" if score == OWN else score for score, _ in rows], color=INK)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.margins(x=0.12)
    axes.set_title(f"against {other}", color=MUTED)
    horizontal_only(axes)


@styled
def critical_difference(results: Results, groups: Sequence[Sequence[str]], caption: str) -> Picture:
    """Detectors at their mean ranks, the best on the left, and a bar below each group that is not told apart.

    After J. Demsar, Statistical Comparisons of Classifiers over Multiple Data Sets, JMLR 7, 2006.
    """
    ranks = results.primary["rank_mean"].sort_values(kind="stable")
    n, left = len(ranks), (len(ranks) + 1) // 2
    bars, names = 8 + BAR_HEIGHT * len(groups), LINE_HEIGHT * left
    figure = new_figure(WIDTH, 34 + bars + names)
    axes = figure.add_subplot()
    axes.set_xlim(0.6, n + 0.4)
    axes.set_ylim(bars + names, 0)
    colour, marker = colours(results.detectors), markers(results.detectors)
    for place, (detector, rank) in enumerate(ranks.items()):
        on_left = place < left
        row = place if on_left else n - 1 - place
        height, edge = bars + LINE_HEIGHT * (row + 0.5), 0.6 if on_left else n + 0.4
        axes.plot([rank, rank, edge], [0, height, height], color=FAINT, linewidth=1)
        axes.plot(rank, 0, marker[detector], color=colour[detector], markersize=7, clip_on=False, zorder=3)
        axes.annotate(
            f"{detector}  {rank:.2f}" if on_left else f"{rank:.2f}  {detector}",
            (edge, height),
            (-4 if on_left else 4, 0),
            textcoords="offset points",
            ha="right" if on_left else "left",
            va="center",
            color=INK,
            fontsize=9,
        )
    for place, group in enumerate(groups):
        ends = [ranks[group].min() - 0.06, ranks[group].max() + 0.06]
        axes.plot(ends, [8 + BAR_HEIGHT * (place + 0.3)] * 2, color=INK, linewidth=3, solid_capstyle="butt")
    axes.set_xticks(range(1, n + 1))
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("mean rank, 1 is best")
    axes.set_yticks([])
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.spines["top"].set_visible(True)
    axes.grid(False)
    alt = "Mean ranks: " + ", ".join(f"{detector} {rank:.2f}" for detector, rank in ranks.items())
    return to_picture(figure, "critical_difference", alt, caption)
