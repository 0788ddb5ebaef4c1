"""The sections that numbers stand beside: published results, and the facts of the run."""

from collections.abc import Mapping
from typing import Any

from alpa.reporting.document import Section, present
from alpa.reporting.provenance import facts_table
from alpa.reporting.published import published_for, published_table, sources_table
from alpa.reporting.readings import published_readings
from alpa.reporting.results import Results


def published_section(results: Results) -> Section:
    """Published numbers on the same data and protocol, beside ours."""
    rows = published_for(results.dataset, results.protocol, results.classes)
    if not rows:
        text = "No published numbers are on record for this data set, protocol and choice of classes."
        return Section("published", "Published numbers", (text,))
    taken = (
        "The published numbers were taken from the papers or from papers and repositories that quote them, and were "
        "not run again here."
    )
    if results.has_clips:
        text = (
            f"Same data set, AUROC over frames. {taken} Most of them are read per clip, so hold them beside our "
            "numbers of that column; some rest on pretrained parts, as the second table says."
        )
        blocks = (published_readings(results, rows), sources_table(rows))
    else:
        text = f"Same data set, same protocol, no pretrained features. {taken}"
        blocks = (published_table(results, rows), sources_table(rows))
    return Section("published", "Published numbers", (text,), blocks)


def facts_section(facts: Mapping[str, Any]) -> Section:
    """Where the numbers come from, if that is on record."""
    table = facts_table(facts)
    text = "" if table else "No record of the run belongs to these numbers."
    return Section("facts", "Facts", (text,) if text else (), present(table))
