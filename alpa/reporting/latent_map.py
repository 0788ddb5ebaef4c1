"""The section on latents: where a detector puts normal and anomalous test samples, seen in two dimensions."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from alpa.data.splits import Split
from alpa.evaluation.scores import ScoreTable
from alpa.reporting.document import Picture, Section
from alpa.reporting.drawing import MUTED, colours, new_figure, styled, to_picture
from alpa.reporting.figures import WIDTH
from alpa.reporting.gallery import some
from alpa.reporting.models import Loaded, latents
from alpa.reporting.results import Results
from alpa.reporting.wording import name

POINTS_SHOWN = 150  # of each kind
PANEL = 150.0
NORMAL = "#80868f"  # a grey that is seen on a light and on a dark page

Floats = NDArray[np.float32]


def latents_section(
    results: Results, score_tables: Mapping[str, ScoreTable], models: Loaded, split: Split
) -> Section | None:
    """Each detector's latents of normal and anomalous test samples, None where no detector has any."""
    chosen, seed = results.hardest, results.seeds[0]
    rows = some(score_tables[results.detectors[0]], chosen, seed, split, POINTS_SHOWN)
    images = split.images[np.concatenate(rows)]
    found = {detector: latents(model, images) for detector, model in models.items()}
    mapped = {detector: flattened(each) for detector, each in found.items() if each is not None and each.shape[1] > 1}
    if not mapped:
        return None
    text = (
        f"Where each detector puts {len(rows[0]):,} normal (grey squares) and {len(rows[1]):,} anomalous (coloured "
        f"dots) test samples of the hardest class, {name(chosen)}, with seed {seed}; none was chosen by a score. A "
        "score need not follow these distances: what overlaps here can be told apart in other dimensions, or by the "
        "reconstruction."
    )
    return Section("latents", "The latent in two dimensions", (text,), (_map(mapped, len(rows[0]), chosen),))


def flattened(latent: Floats) -> tuple[Floats, float]:
    """Return the first two principal components (N, 2) of latents (N, d), and the share of the variance they hold.

    Each axis points to where its largest weight is positive.
    """
    centred = latent - latent.mean(axis=0)
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:2] * np.sign(axes[:2][np.arange(2), np.abs(axes[:2]).argmax(axis=1)])[:, None]
    total = float((sizes**2).sum())
    return centred @ axes.T, float((sizes[:2] ** 2).sum()) / total if total else 0.0


@styled
def _map(mapped: Mapping[str, tuple[Floats, float]], n_normal: int, chosen: str) -> Picture:
    lines = (len(mapped) + 1) // 2
    figure = new_figure(WIDTH, PANEL * lines + 8)
    panels = figure.subplots(lines, 2, squeeze=False).ravel()
    colour = colours(list(mapped))
    for axes, (detector, (places, share)) in zip(panels, mapped.items(), strict=False):
        normal, anomalous = np.split(places, [n_normal])
        axes.plot(*anomalous.T, "o", color=colour[detector], markersize=2.8, markeredgewidth=0, rasterized=True)
        axes.plot(*normal.T, "s", color=NORMAL, markersize=3, markeredgewidth=0, rasterized=True)
        axes.set_title(detector)
        axes.set_title(f"{100 * share:.0f} % of the variance", loc="right", color=MUTED, fontsize=9)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.grid(False)
    for axes in panels[len(mapped) :]:
        axes.set_axis_off()
    return to_picture(
        figure,
        "latents",
        f"Latents of normal and anomalous samples of class {chosen}, by {', '.join(mapped)}",
        "The first two principal components of the latents of the samples shown, each panel in its own units; of their "
        "variance they hold the share named above it.",
        kinds=("png",),
    )
