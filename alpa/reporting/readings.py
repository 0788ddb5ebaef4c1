"""The section on the readings of the scores of frames: the same scores, and what each way to read them gives."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from alpa.errors import ScoreError
from alpa.evaluation.readings import FILE
from alpa.reporting.document import Column, Picture, Section, Table, present
from alpa.reporting.drawing import INK, LINE, MUTED, colours, horizontal_only, new_figure, styled, to_picture
from alpa.reporting.figures import WIDTH
from alpa.reporting.published import Published
from alpa.reporting.results import Results
from alpa.reporting.tables import NONE, RANKED_MARK, stressed
from alpa.reporting.wording import FAMILY, METHOD, count, listed, name, number, percent

TITLES = {"micro": "Micro", "per_clip": "Per clip", "macro": "Macro"}
MARKERS = {"micro": "o", "per_clip": "s", "macro": "^"}
HEIGHTS = (-0.16, 0.0, 0.16)  # below each other where they are equal


def readings_section(results: Results) -> Section:
    """Explain the readings and show them for each detector.

    Raises:
        ScoreError: there is no reading for a detector.
    """
    rows = _primary(results)
    blocks = present(_picture(results, rows), _table(results, rows), _family_table(results))
    return Section("readings", "Three readings of the same scores", tuple(_paragraphs(results, rows)), blocks)


def published_readings(results: Results, rows: Sequence[Published]) -> Table:
    """Published numbers in the column of their reading and ours in all, best first by what is read per clip."""
    titles = {**TITLES, "unknown": "Unstated", "eer": "EER"}
    found: dict[tuple[str, str], dict[str, float]] = {}
    for row in rows:
        own = found.setdefault((row.method, "published"), {})
        own |= {row.reading: row.mean} | ({} if row.eer is None else {"eer": row.eer})
    ours = _primary(results)
    for _, each in ours[ours["smoothing"] == 0].iterrows():
        found[str(each["detector"]), "this run"] = {key: 100 * each[key] for key in (*TITLES, "eer")}
    order = ("per_clip", "unknown", "micro", "macro")
    ranked = sorted(found.items(), key=lambda item: -next(item[1][key] for key in order if key in item[1]))
    body = tuple(
        (*who, *(NONE if np.isnan(values.get(key, np.nan)) else f"{values[key]:.1f}" for key in titles))
        for who, values in ranked
    )
    columns = (Column("Method", "detector"), Column("From", "text"), *map(Column, titles.values()))
    caption = (
        f"AUROC (%) over the frames of {results.dataset_title}, published numbers and this run, each in the column of "
        "its reading; EER: equal error rate (%). Ours are of raw scores."
    )
    return Table("published", caption, columns, body)


def _primary(results: Results) -> pd.DataFrame:
    """Return the readings of each detector's primary score, the best detector first, raw before smoothed."""
    rows = results.readings[results.readings["is_primary"]]
    for detector in results.detectors:
        if detector not in set(rows["detector"]):
            raise ScoreError(
                f"reports/{results.benchmark}/readings.csv has no row for {detector}; run `dvc repro "
                f"pipeline/dvc.yaml:leaderboard@{results.benchmark}`."
            )
    place = {detector: place for place, detector in enumerate(results.detectors)}
    return rows[rows["detector"].isin(place)].sort_values("detector", key=lambda keys: keys.map(place), kind="stable")


def _paragraphs(results: Results, rows: pd.DataFrame) -> list[str]:
    both = int(rows["n_clips_with_both"].iloc[0])
    found = [
        "Micro: one AUROC over all frames, scores as they are; it tells what one fixed threshold is worth, and it is "
        "the AUROC of the leaderboard.",
        "Per clip: each clip's scores are first mapped to 0 and 1 by their lowest and highest. That is the "
        "literature's habit; it uses the future of a clip, and it calls some frame of every clip most anomalous.",
        f"Macro: the mean AUROC of those clips that have both kinds of frames, {number(both)} of "
        f"{count(results.n_clips, 'clip')}; each clip may have a threshold of its own."
        if both
        else "Macro: the mean AUROC of those clips that have both kinds of frames; there is none here.",
        "EER: the equal error rate of the micro reading, where as many normal frames are flagged as anomalous ones are "
        "missed.",
    ]
    detector = METHOD if METHOD in results.detectors else results.detectors[0]
    raw = rows[(rows["detector"] == detector) & (rows["smoothing"] == 0)].iloc[0]
    known = {title: raw[key] for key, title in TITLES.items() if not np.isnan(raw[key])}
    lowest, highest = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
    found.append(
        f"For {name(detector)} the reading alone moves the number from {percent(known[lowest])} % ({lowest.lower()}) "
        f"to {percent(known[highest])} % ({highest.lower()})."
    )
    if smoothing := _deviations(rows):
        found.append(
            f"Smoothed: scores are first smoothed over time by a Gaussian of {_spoken(smoothing)} frames, which looks "
            "ahead by as much. All numbers in other sections are of raw scores."
        )
    return found


def _deviations(rows: pd.DataFrame) -> list[float]:
    return sorted({float(value) for value in rows["smoothing"] if value})


def _spoken(deviations: Sequence[float]) -> str:
    return listed([f"{value:g}" for value in deviations])


@styled
def _picture(results: Results, rows: pd.DataFrame) -> Picture:
    """A row per detector, a marker per reading of its raw scores."""
    raw = rows[rows["smoothing"] == 0]
    figure = new_figure(WIDTH, 84 + 30 * len(raw))
    axes = figure.add_subplot()
    colour = colours(results.detectors)
    for place, (_, row) in enumerate(raw.iterrows()):
        values = 100 * row[list(TITLES)].astype(float)
        axes.plot([values.min(), values.max()], [place, place], color=LINE, linewidth=2, zorder=1)
        for height, (key, value) in zip(HEIGHTS, values.items(), strict=True):
            axes.plot(value, place + height, MARKERS[str(key)], color=colour[row["detector"]], markersize=6)
    axes.set_yticks(range(len(raw)), list(raw["detector"]), color=INK)
    axes.set_ylim(len(raw) - 0.5, -0.5)
    axes.set_xlabel("AUROC (%)")
    axes.margins(x=0.08)
    horizontal_only(axes)
    handles = [
        Line2D([], [], color=MUTED, marker=MARKERS[key], linestyle="", label=title.lower())
        for key, title in TITLES.items()
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles), handletextpad=0.4)
    return to_picture(
        figure,
        "readings",
        "AUROC of each detector in three readings",
        "Each detector's own scores in three readings: a row's width is what the reading changes, not the detector.",
    )


def _table(results: Results, rows: pd.DataFrame) -> Table:
    caption = (
        f"{results.dataset_title}: AUROC (%) in three readings, each detector under its own score; EER in percent."
    )
    return _laid_out("readings", caption, rows)


def _family_table(results: Results) -> Table | None:
    """Every score of the detectors that share their networks, None if none of them ran."""
    rows = results.readings
    parts = [rows[(rows["detector"] == detector) & (rows["smoothing"] == 0)] for detector in FAMILY]
    found = [part for part in parts if len(part) and part["detector"].iloc[0] in results.detectors]
    if not found:
        return None
    more = f" The smoothed ones are in {FILE}." if _deviations(rows) else ""
    caption = (
        f"{results.dataset_title}: every score of {listed([part['detector'].iloc[0] for part in found])}, raw, in the "
        f"same readings (%). {RANKED_MARK} marks the score that the detector is ranked by.{more}"
    )
    return _laid_out("readings_scores", caption, pd.concat(found), marked=True)


def _laid_out(key: str, caption: str, rows: pd.DataFrame, marked: bool = False) -> Table:
    smoothed = bool(_deviations(rows))
    columns = [Column("Detector", "detector"), Column("Score", "text")]
    columns += [Column("Smoothing", "text")] if smoothed else []
    columns += [*map(Column, TITLES.values()), Column("EER")]
    body = tuple(
        (
            str(row["detector"]),
            (RANKED_MARK if marked and row["is_primary"] else "") + str(row["score"]),
            *([f"{row['smoothing']:g} frames" if row["smoothing"] else "none"] if smoothed else []),
            *(NONE if np.isnan(row[reading]) else percent(row[reading]) for reading in TITLES),
            percent(row["eer"]),
        )
        for _, row in rows.iterrows()
    )
    first = 3 if smoothed else 2
    best = stressed(body, {first + place: max for place in range(len(TITLES))} | {first + len(TITLES): min})
    return Table(key, caption, tuple(columns), body, best)
