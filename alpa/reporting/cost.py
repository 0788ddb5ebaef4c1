"""The section on cost: how long a cell trained, against what it is worth."""

from collections.abc import Mapping
from typing import Any

from alpa.reporting.curves import plain_log
from alpa.reporting.document import Column, Picture, Section, Table
from alpa.reporting.drawing import colours, markers, new_figure, styled, to_picture
from alpa.reporting.figures import WIDTH, legend
from alpa.reporting.provenance import machines
from alpa.reporting.results import Results
from alpa.reporting.wording import percent

NOT_COMPARABLE = "The cells were trained on more than one kind of machine, so these times are not to be compared."


def cost_section(results: Results, facts: Mapping[str, Any]) -> Section | None:
    """Seconds of training per cell against mean AUROC, None where no times are on record."""
    seconds = {
        detector: facts["seconds"][detector] / facts["cells"][detector]
        for detector in results.detectors
        if facts.get("seconds", {}).get(detector) and facts.get("cells", {}).get(detector)
    }
    if not seconds:
        return None
    found = machines(facts)
    where = f"Times are as of one machine, {found[0]}" if len(found) == 1 else "Times are as of this run"
    text = [
        f"{where}, and of cells that trained side by side; another machine has other ones. They leave out tuning, and "
        "scoring, whose time no cell records."
    ]
    if len(found) > 1:
        text.append(NOT_COMPARABLE)
    return Section("cost", "Cost against quality", tuple(text), (_picture(results, seconds), _table(results, seconds)))


def _table(results: Results, seconds: Mapping[str, float]) -> Table:
    rows = tuple(
        (detector, percent(results.primary.loc[detector, "auroc_mean"]), _shown(each))
        for detector, each in seconds.items()
    )
    columns = (Column("Detector", "detector"), Column("AUROC"), Column("Seconds"))
    caption = f"{results.dataset_title}: mean AUROC (%), and the seconds that the training of a cell took on average."
    return Table("cost", caption, columns, rows, sortable=True)


@styled
def _picture(results: Results, seconds: Mapping[str, float]) -> Picture:
    """A point per detector; it is in no file beside the page, since times differ from run to run."""
    figure = new_figure(WIDTH, 250)
    axes = figure.add_subplot()
    colour, marker = colours(results.detectors), markers(results.detectors)
    for detector, each in seconds.items():
        mean = 100 * results.primary.loc[detector, "auroc_mean"]
        axes.plot(each, mean, marker[detector], color=colour[detector], markersize=8)
    axes.set_xscale("log")
    axes.margins(x=0.08, y=0.12)
    plain_log(axes.xaxis, subs=(1,))
    axes.set_xlabel("seconds of training per cell (logarithmic axis)")
    axes.set_ylabel("mean AUROC (%)")
    legend(figure, list(seconds))
    alt = "Seconds of training per cell and mean AUROC: " + ", ".join(
        f"{detector} {_shown(each)} s and {percent(results.primary.loc[detector, 'auroc_mean'])} %"
        for detector, each in seconds.items()
    )
    return to_picture(figure, "cost", alt, "Further up is better, further left is cheaper.", kinds=())


def _shown(seconds: float) -> str:
    """Return seconds with at least two digits that count: 0.012, 5.4, 1,091."""
    return f"{seconds:,.0f}" if seconds >= 100 else f"{seconds:.1f}" if seconds >= 1 else f"{seconds:.2g}"
