"""The report over all benchmarks of the paper: the same tables, a data set per column."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from alpa.errors import ScoreError
from alpa.evaluation.facts import current_facts
from alpa.reporting import figures
from alpa.reporting.document import Column, Page, Section, Table
from alpa.reporting.results import OWN, Results, read_results
from alpa.reporting.tables import NONE
from alpa.reporting.wording import (
    METHOD,
    PEERS,
    caveat,
    compared,
    extent,
    interval,
    labelled_note,
    leader,
    listed,
    name,
    percent,
    points,
    points_interval,
    reading,
    standing,
)


def build_paper(reports: Path, benchmarks: Sequence[str]) -> Page:
    """Build the report over those of the benchmarks that have results, and name the others.

    Args:
        reports: the folder with a folder per benchmark.
        benchmarks: their keys, in the order of the columns.

    Raises:
        ScoreError: none of them has results, or a result table is damaged.
    """
    found = with_results(reports, benchmarks)
    if not found:
        stage = f"pipeline/dvc.yaml:leaderboard@{benchmarks[0]}" if benchmarks else ""
        wanted = f"run `dvc repro {stage}`" if stage else "name some in pipeline.paper"
        raise ScoreError(f"No benchmark of the paper has results in {reports}; {wanted}.")
    results = [read_results(reports / key) for key in found]
    missing = [name(key) for key in benchmarks if key not in found]
    summary = [_leaders(results)]
    summary += [" ".join(part for part in (leader(each), standing(each), caveat(each)) if part) for each in results]
    if missing:
        summary.append(f"Without results so far: {listed(missing)}.")
    sections = (
        _leaderboards(results),
        _comparisons(results),
        Section("benchmarks", "Benchmarks", (), (_benchmarks(results), _facts(reports, results))),
    )
    title = f"Anomaly detection on {listed([each.dataset_title for each in results])}"
    notes = " ".join(f"{each.dataset_title}: {labelled_note(each.labelled)}" for each in results if each.labelled)
    present = tuple(section.noted(notes) for section in sections if section is not None)
    return Page("All benchmarks", title, tuple(summary), present, tuple(_order(results)))


def with_results(reports: Path, benchmarks: Sequence[str]) -> list[str]:
    """Return those of the benchmarks whose results lie in `reports`, in their order."""
    return [key for key in benchmarks if (reports / key / "leaderboard.csv").is_file()]


def _leaders(results: Sequence[Results]) -> str:
    """Say which detector leads where."""
    titles: dict[str, list[str]] = {}
    for each in results:
        titles.setdefault(each.detectors[0], []).append(each.dataset_title)
    return listed([f"{name(detector)} leads on {listed(where)}" for detector, where in titles.items()]) + "."


def _order(results: Sequence[Results]) -> list[str]:
    """Return all detectors, the best mean over the benchmarks first."""
    means = pd.concat([each.primary["auroc_mean"] for each in results], axis=1).mean(axis=1)
    return [str(detector) for detector in means.sort_values(ascending=False, kind="stable").index]


def _leaderboards(results: Sequence[Results]) -> Section:
    order = _order(results)
    body = tuple((detector, *(_mean(each, detector) for each in results)) for detector in order)
    sizes = "; ".join(f"{each.dataset_title} {_size(each)}" for each in results)
    caption = f"Mean AUROC (%) with its 95 % interval, each detector under its own score; n: {sizes}."
    columns = (Column("Detector", "detector"), *(Column(each.dataset_title) for each in results))
    table = Table("paper", caption, columns, body, sortable=True)
    text = "Rows are ordered by the mean over the data sets, which serves the order alone."
    return Section("leaderboard", "Leaderboard", (text,), (figures.leaderboards(results, order), table))


def _comparisons(results: Sequence[Results]) -> Section | None:
    body = tuple(
        (
            other,
            each.dataset_title,
            "each its own" if score == OWN else score,
            points(difference.mean),
            points_interval(difference),
            reading(difference),
        )
        for other in PEERS
        for each in results
        for score, difference in compared(each, other)
    )
    if not body:
        return None
    columns = [Column("Against", "detector"), Column("Data", "text"), Column("Score", "text"), Column("Difference")]
    columns += [Column("95 % interval"), Column("Reading", "text")]
    caption = f"Paired difference in mean AUROC of {METHOD} to the other, in points."
    table = Table("comparisons", caption, tuple(columns), body, sortable=True, filterable=True)
    return Section("comparisons", f"Does {METHOD} help?", (), (table,))


def _benchmarks(results: Sequence[Results]) -> Table:
    columns = (Column("Benchmark", "text"), Column("Data", "text"), Column("Protocol", "text"), Column("n", "text"))
    body = tuple((each.benchmark, each.dataset_title, each.protocol_title, _size(each)) for each in results)
    return Table("benchmarks", "What each benchmark is; its own report tells more.", columns, body)


def _facts(reports: Path, results: Sequence[Results]) -> Table:
    columns = (Column("Benchmark", "text"), Column("Commit", "text"), Column("Last cell finished (UTC)", "text"))
    facts = {each.benchmark: current_facts(reports / each.benchmark) for each in results}
    body = tuple(
        (key, str(each.get("commit") or NONE), str(each.get("finished") or NONE)) for key, each in facts.items()
    )
    return Table("facts", "Where the numbers come from.", columns, body)


def _mean(results: Results, detector: str) -> str:
    if detector not in results.primary.index:
        return NONE
    row = results.primary.loc[detector]
    return f"{percent(row['auroc_mean'])} ({interval(row['ci_low'], row['ci_high'])})"


def _size(results: Results) -> str:
    classes = len(results.classes)
    times = "" if results.has_clips else f"{classes} {'class' if classes == 1 else 'classes'} × "
    return times + extent(results, count_classes=False)
