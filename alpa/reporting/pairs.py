"""The sections that compare detectors in pairs: the method with its peers, and every pair with further tests."""

from itertools import combinations
from typing import Any

import pandas as pd

from alpa.reporting import pair_figures
from alpa.reporting.document import Column, Section, Table, present
from alpa.reporting.results import OWN, Results
from alpa.reporting.wording import (
    METHOD,
    PEERS,
    against,
    compared,
    count,
    name,
    percent,
    points,
    points_interval,
    reading,
    samples,
)

LEVEL = 0.05
NONE = "–"


def comparisons_section(results: Results) -> Section | None:
    """Whether the method helps: its paired differences to its peers, None if there is nothing to compare."""
    table = comparisons(results)
    if table is None:
        return None
    paragraphs = []
    for other, what in PEERS.items():
        if found := against(results, other):
            paragraphs.append(f"Against {name(other)}, {what}: {found}.")
    paragraphs.append(
        f"Differences are paired: both detectors are tested on the same {samples(results)} and resampled together. A "
        "difference counts as shown where its 95 % interval excludes 0. No correction for the number of comparisons is "
        "made."
    )
    blocks = present(pair_figures.comparisons(results), table)
    return Section("comparisons", f"Does {METHOD} help?", tuple(paragraphs), blocks)


def pairs_section(results: Results) -> Section | None:
    """Every pair under the detectors' own scores with further tests, None without pairs or where none were made."""
    if "wilcoxon_p_holm" not in results.comparisons or len(results.detectors) < 2:
        return None
    over = "clips" if results.has_clips else "classes"
    text = [
        "The interval of the paired difference comes first, as everywhere. The tests beside it ask something else: "
        f"Wilcoxon's signed-rank test takes the {over} for a sample of others, each weighing the same"
        + (
            "; DeLong's test takes a class's test images for one, with the trained seeds as they are, and counts in "
            "how many classes the first detector is better or worse."
            if not results.has_clips
            else "; DeLong's is not made, since frames of a clip depend on each other."
        ),
        f"The p-values are corrected by Holm's method for all {len(_rows(results))} pairs"
        + ("" if results.has_clips else ", and DeLong's for all classes too")
        + "; the intervals are not corrected.",
    ]
    n = int(results.primary["n_ranked"].iloc[0])
    several = len(results.detectors) > 2 and n > 1
    picture = pair_figures.critical_difference(results, groups(results), _ranked(results, n)) if several else None
    return Section("pairs", "Every pair", tuple(text), present(every_pair(results), picture))


def groups(results: Results) -> list[list[str]]:
    """Return the largest runs of detectors, in the order of their mean ranks, of which no two are told apart.

    Two are told apart where Wilcoxon's test says so after Holm's correction. A lone detector is no group.
    """
    order = [str(detector) for detector in results.primary["rank_mean"].sort_values(kind="stable").index]
    told = {frozenset((row["detector"], row["other"])) for row in _rows(results) if row["wilcoxon_p_holm"] < LEVEL}
    found: list[list[str]] = []
    for start in range(len(order)):
        end = start + 1
        while end < len(order) and not any(frozenset((order[end], one)) in told for one in order[start:end]):
            end += 1
        if end - start > 1 and not (found and order[end - 1] in found[-1]):
            found.append(order[start:end])
    return found


def every_pair(results: Results) -> Table:
    """A row per pair under the detectors' own scores, the higher detector first."""
    body = []
    for row in _rows(results):
        difference = results.difference(row["detector"], row["other"])
        assert difference is not None
        tests = [NONE if pd.isna(row["wilcoxon_p_holm"]) else p_value(row["wilcoxon_p_holm"]), f"{row['wilcoxon_n']}"]
        if not results.has_clips:
            tests.append(f"{row['delong_better']:.0f} / {row['delong_worse']:.0f}")
        verdict = "yes" if difference.sign else "no"
        numbers = (points(difference.mean), points_interval(difference))
        body.append((row["detector"], row["other"], *numbers, verdict, *tests))
    columns = [Column("Detector", "detector"), Column("Other", "detector"), Column("Difference")]
    columns += [Column("95 % interval"), Column("Shown", "text"), Column("Wilcoxon p"), Column("n")]
    columns += [] if results.has_clips else [Column("DeLong")]
    over = "clips with both kinds of frames" if results.has_clips else "classes"
    caption = (
        f"{results.dataset_title}: paired difference in mean AUROC in points, each detector under its own score, and "
        f"whether its interval excludes 0; Wilcoxon p after Holm's correction, n: {over} in which the two differ"
        + (
            "."
            if results.has_clips
            else f"; DeLong: in how many of {count(len(results.classes), 'class', 'classes')} the first detector is "
            f"better / worse at p < {LEVEL} after Holm's correction, which comparisons.csv has for each."
        )
    )
    return Table("pairs", caption, tuple(columns), tuple(body), sortable=True, filterable=True)


def p_value(value: float) -> str:
    """Return a p-value with three decimals: 0.012, or < 0.001."""
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"


def _rows(results: Results) -> list[dict[str, Any]]:
    """Return the tests of each pair under the detectors' own scores, the higher detector first, in their order."""
    rows = results.comparisons[results.comparisons["score"] == OWN]
    held = {(row["detector"], row["other"]): row for row in rows.to_dict("records")}
    found: list[dict[str, Any]] = []
    for detector, other in combinations(results.detectors, 2):
        if (detector, other) in held:
            found.append(held[detector, other])
        elif row := held.get((other, detector)):
            turned = {"delong_better": row["delong_worse"], "delong_worse": row["delong_better"]}
            found.append(row | turned | {"detector": detector, "other": other})
    return found


def _ranked(results: Results, n: int) -> str:
    """Return the caption of the diagram of mean ranks, which says what so few classes can show."""
    pairs = len(_rows(results))
    over = count(n, "clip") if results.has_clips else count(n, "class", "classes")
    least = min(1.0, pairs * 2.0 ** (1 - n))
    limit = f" With n = {n} and {count(pairs, 'pair')} the corrected p-value cannot fall below {p_value(least)}"
    if least >= LEVEL:
        limit += ", so no two can be told apart: the bars say nothing of whether the detectors are equal."
    elif least >= LEVEL / 10:
        limit += ": of so few, the test finds large and steady differences alone."
    else:
        limit = ""
    return (
        f"Critical-difference diagram: mean rank over {over}, each detector by its own score. A bar joins detectors of "
        f"which Wilcoxon's test, corrected by Holm's method, tells no two apart.{limit}"
    )


def comparisons(results: Results) -> Table | None:
    """The method against its peers under each shared score, None if there is nothing to compare."""
    mean = results.leaderboard.set_index(["detector", "score"])["auroc_mean"]
    body = []
    for other in PEERS:
        for score, difference in compared(results, other):
            pair = [(key, results.score_of(key) if score == OWN else score) for key in (METHOD, other)]
            body.append(
                (
                    other,
                    "each its own" if score == OWN else score,
                    *(percent(mean[column]) for column in pair),
                    points(difference.mean),
                    points_interval(difference),
                    reading(difference),
                )
            )
    columns = [Column("Against", "detector"), Column("Score", "text"), Column(METHOD), Column("other")]
    columns += [Column("Difference"), Column("95 % interval"), Column("Reading", "text")]
    caption = (
        f"{results.dataset_title}, mean AUROC (%) of {METHOD} and of the other, and their paired difference in points."
    )
    return Table("comparisons", caption, tuple(columns), tuple(body), sortable=True) if body else None
