"""Charts of what lies behind the AUROC: ROC curves, score distributions and training losses."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import LogLocator, NullLocator
from sklearn import config_context
from sklearn.metrics import roc_auc_score, roc_curve

from alpa.evaluation.scores import ScoreTable
from alpa.reporting.document import Picture
from alpa.reporting.drawing import FAINT, INK, MUTED, POINTS, colours, new_figure, styled, to_picture
from alpa.reporting.figures import WIDTH, legend
from alpa.reporting.results import Results
from alpa.reporting.wording import percent, short

GRID = 201  # false-positive rates at which ROC curves are averaged
BINS = 48
LONGEST_TITLE, LONGEST_NAME = 36, 26  # characters above a column
HARD = " Classes are hard or easy by the median over the detectors."
SHOWN = (0.2, 99.0)  # percentiles of the scores between which a histogram is drawn

# Where a detector names parts of a player's loss beside the whole, the players' own losses.
PLAYERS = dict.fromkeys(("ganomaly", "ganomaly_tuned"), ("generator", "discriminator"))
FAR_APART = 100  # times: so far apart are losses that leave the middle of their panel free

Tables = Mapping[str, ScoreTable]


@styled
def roc(results: Results, tables: Tables) -> Picture:
    """The mean ROC curve of each detector, whole and where false alarms are few."""
    fewest = int(results.cells["n_normal"].min())
    figure = new_figure(WIDTH, 268)
    whole, few = figure.subplots(1, 2)
    grids = (np.linspace(0, 1, GRID), np.geomspace(1 / fewest, 1, GRID))
    colour = colours(results.detectors)
    for detector in reversed(results.detectors):
        cells = tables[detector].cells()
        ranked = [cells[target, seed] for target in results.classes for seed in results.seeds]
        means = _mean_rocs(ranked, results.score_of(detector), grids)
        for axes, grid, mean in zip((whole, few), grids, means, strict=True):
            axes.plot(100 * grid, 100 * mean, color=colour[detector])
    whole.plot([0, 100], [0, 100], color=FAINT, linewidth=1, linestyle=(0, (2, 2)))
    few.set_xscale("log")
    plain_log(few.xaxis, subs=(1,))
    for axes, title in ((whole, "All thresholds"), (few, "Few false alarms (logarithmic axis)")):
        axes.set_xlabel("normal flagged (%)")
        axes.set_ylim(0, 101)
        axes.set_xlim(100 * (0 if axes is whole else 1 / fewest), 101)
        axes.set_title(title, color=MUTED, fontsize=9)
    whole.set_ylabel("anomalies flagged (%)")
    legend(figure, results.detectors, lines=True)
    return to_picture(
        figure,
        "roc",
        "Mean ROC curve of each detector",
        "The share of anomalies found against the share of normal samples flagged with them, mean over all cells.",
    )


@styled
def histograms(results: Results, tables: Tables) -> Picture:
    """Score distributions of normal and anomalous samples: a row per detector, the hardest and easiest class."""
    chosen = {results.hardest: ", the hardest", results.easiest: ", the easiest"}
    if len(chosen) == 1:
        chosen = {results.hardest: ""}
    titles = [_title(results, target, kind) for target, kind in chosen.items()]
    lines = 1 + max(title.count("\n") for title in titles)
    rows, top, below = len(results.detectors), 10 + 14 * lines, 34
    figure = new_figure(WIDTH, top + below + 74 * rows)
    figure.set_layout_engine("none")  # so many alike panels are laid out by hand in half the time
    high = figure.get_figheight() * POINTS
    left = 14 + 6.2 * max(map(len, results.detectors))
    margins = {"left": left / WIDTH, "right": 1 - 8 / WIDTH, "top": 1 - top / high, "bottom": below / high}
    grid = figure.subplots(rows, len(chosen), squeeze=False, gridspec_kw=margins | {"hspace": 0.45, "wspace": 0.12})
    colour, seed = colours(results.detectors), results.seeds[0]
    for row, detector in zip(grid, results.detectors, strict=True):
        cells = tables[detector].cells()
        for axes, target in zip(row, chosen, strict=True):
            _histogram(axes, cells[target, seed], results.score_of(detector), colour[detector])
        row[0].set_ylabel(detector, rotation=0, ha="right", va="center", color=INK)
    for place, title in enumerate(titles):
        grid[0, place].set_title(title, pad=8)
    middle = (margins["left"] + margins["right"]) / 2
    figure.text(middle, 4 / high, "score (higher: more anomalous)", ha="center", va="bottom", color=MUTED)
    return to_picture(
        figure,
        "histograms",
        "Histograms of the scores of normal and anomalous test samples",
        f"Scores of normal (grey) and anomalous (coloured) test samples with seed {seed}, each at its own scale; the "
        f"number is the cell's AUROC (%).{'' if results.has_clips else HARD}",
    )


@styled
def training(histories: Mapping[str, pd.DataFrame], chosen: str, seed: int) -> Picture | None:
    """The losses of every detector that was trained by steps, a panel each.

    Args:
        histories: per detector its history.csv: the column `step`, then one per loss.
        chosen: the class of the cells shown.
        seed: their seed.
    """
    shown = {detector: history for detector, history in histories.items() if len(history) > 1}
    if not shown:
        return None
    figure = new_figure(WIDTH, 20 + 150 * ((len(shown) + 1) // 2))
    panels = figure.subplots((len(shown) + 1) // 2, 2, squeeze=False).ravel()
    colour = colours(list(shown))
    dashes = ("-", (0, (4, 1.5)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)), (0, (2, 2)), (0, (8, 2)))
    for axes, (detector, history) in zip(panels, shown.items(), strict=False):
        known = [name for name in history if name != "step"]
        losses = history[[name for name in known if name in PLAYERS.get(detector, known)] or known]
        for place, name in enumerate(losses):
            line = colour[detector] if place == 0 else MUTED
            axes.plot(history["step"], losses[name], color=line, linestyle=dashes[place % len(dashes)], label=name)
        far_apart = losses.max(axis=None) > FAR_APART * losses.min(axis=None) > 0
        if (losses > 0).all(axis=None):
            axes.set_yscale("log")
            plain_log(axes.yaxis, subs=(1,) if far_apart else (1, 2, 5))
        axes.set_title(detector)
        axes.legend(handlelength=2.2, borderaxespad=0, loc="center right" if far_apart else "upper right")
        axes.set_xlabel("step")
    for axes in panels[len(shown) :]:
        axes.set_axis_off()
    return to_picture(
        figure,
        "training",
        f"Training losses of {', '.join(shown)}",
        f"Losses during training for class {chosen}, seed {seed}, under the names the detectors give them.",
    )


def _title(results: Results, target: str, kind: str) -> str:
    """Return what a column of histograms shows, in two lines if its class has a long name."""
    if results.has_clips:
        return "All test frames"
    title = f"{results.target} {target}{kind}"
    return title if len(title) <= LONGEST_TITLE else f"{results.target}{kind}:\n{short(target, LONGEST_NAME)}"


def plain_log(axis: Axis, subs: Sequence[int] = (1, 2, 5)) -> None:
    """Label a logarithmic axis with plain numbers: so many multiples of the powers of ten, and no ticks between."""
    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(lambda value, _: f"{value:g}")


def _mean_rocs(cells: Sequence[pd.DataFrame], score: str, grids: Sequence[np.ndarray]) -> np.ndarray:
    """Return the true-positive rate at the false-positive rates of each grid, mean over cells."""
    curves = []
    with config_context(assume_finite=True, skip_parameter_validation=True):  # both were checked as they were read
        for cell in cells:
            false_positives, true_positives, _ = roc_curve(cell["is_anomaly"].to_numpy(), cell[score].to_numpy())
            curves.append([np.interp(grid, false_positives, true_positives) for grid in grids])
    return np.mean(curves, axis=0)


def _histogram(axes: Axes, cell: pd.DataFrame, score: str, colour: str) -> None:
    """Draw the two distributions, each with area 1, without what lies beyond the shown percentiles."""
    values, is_anomaly = cell[score].to_numpy(), cell["is_anomaly"].to_numpy()
    low, high = np.percentile(values, SHOWN)
    edges = np.linspace(low, high, BINS + 1).tolist()
    axes.hist(values[~is_anomaly], edges, density=True, color=FAINT, alpha=0.75, histtype="stepfilled")
    axes.hist(values[is_anomaly], edges, density=True, color=colour, histtype="step", linewidth=1.4)
    auroc = roc_auc_score(is_anomaly, values)
    axes.annotate(percent(auroc), (1, 1), (-2, -2), "axes fraction", "offset points", ha="right", va="top", color=INK)
    axes.set_yticks([])
    axes.set_xlim(edges[0], edges[-1])
    axes.locator_params(axis="x", nbins=4)
    axes.spines["left"].set_visible(False)
    axes.grid(False)
