"""Whether a study's objective was worth following: its trials beside what they turned out to be worth on test."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import optuna
import pandas as pd
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    json_to_distribution,
)
from optuna.importance import FanovaImportanceEvaluator, get_param_importances

from alpa.errors import StudyError
from alpa.files import require_file
from alpa.tuning.finished import StudyRecord, choose
from alpa.tuning.journal import quiet
from alpa.tuning.pruners import PRUNERS
from alpa.tuning.study import replay

PSEUDO, LABELLED, TEST = "pseudo", "labelled", "test"
NOT_FAMILIES = (LABELLED, TEST)
FEWEST = 3  # trials with different values, below which nothing is ranked
DECIMALS = 6
SWEPT = {"kind": str, "place": int, "strength": float, "target_class": str, "measure": str, "auroc": float}


@dataclass(frozen=True)
class Evidence:
    """Tables over the detectors with a study; AUROC as fractions, means over the study's classes.

    `studies`: what each study searched, how its trials trained and how they ended. `trials`: every trial with its
    values, its objective (of pruned ones too, measured after the fact), and its worth by each family, on labelled
    anomalies (missing where training data hold none) and on test; and by pseudo-anomalies as a whole, where these are
    not the objective. `curve`: likewise for each strength. `regret`: what each way to choose costs against the oracle.
    `correlations`: of each measure with the test AUROC, and the regret of choosing by it alone. `pruners`: the share of
    classes that each would have trained, and what it would have missed. `importances`: of each searched parameter for
    the objective.
    """

    studies: pd.DataFrame
    trials: pd.DataFrame
    curve: pd.DataFrame
    regret: pd.DataFrame
    correlations: pd.DataFrame
    pruners: pd.DataFrame
    importances: pd.DataFrame


def gather(records: Mapping[str, StudyRecord], sweeps: Mapping[str, pd.DataFrame]) -> Evidence:
    """Put the studies of a benchmark's detectors side by side.

    Args:
        records: by detector; those without trials are left out.
        sweeps: by detector, what the sweep stage wrote.

    Raises:
        StudyError: a trial was not swept, or a record does not fit its sweep.
    """
    held = {name: record for name, record in records.items() if record.trials}
    try:
        return _gathered(held, sweeps)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        names = ", ".join(record.name for record in held.values())
        raise StudyError(
            f"A record or a sweep of {names} is damaged ({reason}); run the tune and sweep stages again."
        ) from error


def _gathered(held: Mapping[str, StudyRecord], sweeps: Mapping[str, pd.DataFrame]) -> Evidence:
    """Return the tables of studies with trials."""
    scored = {name: scored_trials(record, sweeps[name]) for name, record in held.items()}
    return Evidence(
        studies=_joined({name: study(record) for name, record in held.items()}),
        trials=_joined(scored),
        curve=_joined({name: _means(held[name], sweeps[name], "curve") for name in held}),
        regret=_joined({name: regret(held[name], scored[name]) for name in held}),
        correlations=_joined({name: correlations(scored[name]) for name in held}),
        pruners=_joined({name: pruners(held[name], sweeps[name]) for name in held}),
        importances=_joined({name: importances(held[name], scored[name]) for name in held}),
    )


def read_sweep(file: Path | TextIO) -> pd.DataFrame:
    """Read what a sweep stage wrote; names are text, so that a class called NA or 07 stays what it is.

    Raises:
        StudyError: it is missing or damaged.
    """
    missing = {"strength": [""], "auroc": [""]}
    problem = "it has other columns"
    try:
        if isinstance(file, Path):
            require_file(file)
        table = pd.read_csv(file, dtype=SWEPT, keep_default_na=False, na_values=missing)
        if list(table.columns) == list(SWEPT):
            return table
    except (ArithmeticError, ValueError, OSError) as error:
        problem = str(getattr(error, "strerror", None) or error).splitlines()[0].rstrip(".")
    raise StudyError(f"{file} is no table of a sweep ({problem}); run its sweep stage again.")


def study(record: StudyRecord) -> pd.DataFrame:
    """Return a row on what a study was: its objective, its budget, its classes, its space, and its trials' ends."""
    settings, states = record.settings, [trial.state for trial in record.trials]
    row = {
        "objective": settings["objective"],
        "trials": len(states),
        **{state: states.count(state) for state in ("complete", "pruned", "diverged")},
        "steps": settings["steps"],
        "batch_size": settings["batch_size"],
        "classes": json.dumps(settings["classes"]),
        "families": json.dumps(list(dict.fromkeys(name for names in settings["families"] for name in names))),
        "pruner": settings["pruner"],
        "space": "; ".join(f"{name} {_interval(json_to_distribution(text))}" for name, text in record.space.items()),
    }
    return pd.DataFrame([row])


def scored_trials(record: StudyRecord, sweep: pd.DataFrame) -> pd.DataFrame:
    """Return a row per trial: its state, its values, and every measure, all missing where its training diverges."""
    measured = _means(record, sweep, "trial").set_index("place")
    absent = [trial.trial for trial in record.trials if trial.trial not in measured.index]
    if absent:
        raise StudyError(f"Trial {absent[0]} of {record.name} was not swept; run its sweep stage again.")
    known = pd.DataFrame([{"trial": trial.trial, "state": trial.state, **trial.values} for trial in record.trials])
    return known.join(measured.drop(columns="strength"), on="trial")


def regret(record: StudyRecord, scored: pd.DataFrame) -> pd.DataFrame:
    """Return for each way to choose the trial, its values and measures, and what it loses on test to the oracle."""
    rows = scored.set_index("trial")
    untuned = record.settings["untuned"]
    as_set = [
        trial.trial for trial in record.trials if all(untuned[name] == trial.values[name] for name in record.space)
    ]
    by_study = choose(record.trials).trial
    by_labels = record.settings["objective"] == LABELLED
    chosen = {
        "untuned": as_set[0] if as_set else None,
        PSEUDO: rows[PSEUDO].idxmax() if by_labels else by_study,
        LABELLED: by_study if by_labels else _best_by_labels(rows),
        "oracle": rows[TEST].idxmax(),
    }
    found = [(way, trial) for way, trial in chosen.items() if trial is not None]
    table = pd.DataFrame(
        [
            {"choice": way, "trial": trial, "values": _spoken(record, int(trial))}
            | {name: rows.loc[trial, name] for name in ("objective", LABELLED, TEST)}
            for way, trial in found
        ]
    )
    table["regret"] = (rows[TEST].max() - table[TEST]).round(DECIMALS)
    return table


def correlations(scored: pd.DataFrame) -> pd.DataFrame:
    """Return Spearman's rank correlation of each measure with the test AUROC, and what choosing by it alone loses.

    Trials with the same values count once.
    """
    values = [name for name in scored if name not in (*_measures(scored), "trial", "state")]
    distinct = scored.dropna(subset=TEST).drop_duplicates(values)
    return pd.DataFrame(
        [
            {
                "measure": name,
                "n": len(distinct),
                "spearman": _rank_correlation(distinct[name], distinct[TEST]),
                "regret": round(distinct[TEST].max() - distinct[TEST][distinct[name].idxmax()], DECIMALS),
            }
            for name in _measures(scored)
            if name != TEST and distinct[name].notna().all()
        ]
    )


def pruners(record: StudyRecord, sweep: pd.DataFrame) -> pd.DataFrame:
    """Return for each pruner the share of classes that it would have trained and what its choice would have missed."""
    by_labels = record.settings["objective"] == LABELLED
    rows = sweep[(sweep["kind"] == "trial") & (sweep["measure"] != TEST)]  # none of a trial that diverges
    rows = rows[(rows["measure"] == LABELLED) == by_labels]
    recorded = [
        {name: dict(zip(cell["measure"], cell["auroc"], strict=True)) for name, cell in _by_class(trial, record)}
        for _, trial in rows.groupby("place")
    ]
    whole = choose(replay("none", recorded)).objective
    classes = len(record.settings["classes"])
    table = []
    for name in PRUNERS:
        trials = replay(name, recorded)
        seen = sum(len(trial.aurocs) for trial in trials) / (classes * len(trials))
        pruned = sum(trial.state == "pruned" for trial in trials)
        missed = whole - choose(trials).objective
        table.append({"pruner": name, "n": len(trials), "pruned": pruned, "trained": seen, "missed": missed})
    return pd.DataFrame(table).round(DECIMALS)


def importances(record: StudyRecord, scored: pd.DataFrame) -> pd.DataFrame:
    """Return how much of the objective's variance each searched parameter explains, by Optuna's functional ANOVA."""
    space = {name: json_to_distribution(text) for name, text in record.space.items()}
    made = [
        optuna.create_trial(params=trial.values, distributions=space, value=float(objective))
        for trial, objective in zip(record.trials, scored["objective"], strict=True)
        if not pd.isna(objective)
    ]
    with quiet():
        anew = optuna.create_study(direction="maximize")
    anew.add_trials(made)
    if scored["objective"].nunique() < FEWEST:
        return pd.DataFrame({"parameter": [], "importance": []})
    found = get_param_importances(anew, evaluator=FanovaImportanceEvaluator(seed=0))
    return pd.DataFrame({"parameter": list(found), "importance": [round(share, DECIMALS) for share in found.values()]})


def _means(record: StudyRecord, sweep: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Return a row per setting: the means over classes of each measure and of the study's objective."""
    rows = sweep[sweep["kind"] == kind]
    table = rows.groupby(["place", "measure"], sort=False)["auroc"].mean().unstack(sort=False)
    by = {PSEUDO: ~rows["measure"].isin(NOT_FAMILIES), LABELLED: rows["measure"] == LABELLED}
    if LABELLED not in table:
        table[LABELLED] = math.nan
    table["objective"] = _worth(rows[by[record.settings["objective"]]])
    if record.settings["objective"] != PSEUDO:
        table[PSEUDO] = _worth(rows[by[PSEUDO]])
    table["strength"] = rows.groupby("place")["strength"].first()
    return table.reset_index().rename_axis(columns=None).round(DECIMALS)


def _worth(rows: pd.DataFrame) -> pd.Series:
    """Return the mean over classes of the mean over what a class is measured by, which may differ, by place."""
    return rows.groupby(["place", "target_class"])["auroc"].mean().groupby("place").mean()


def _by_class(trial: pd.DataFrame, record: StudyRecord) -> list[tuple[str, pd.DataFrame]]:
    """Return a trial's rows by class, in the order that the study tried them."""
    return [(name, trial[trial["target_class"] == name]) for name in record.settings["classes"]]


def _interval(distribution: BaseDistribution) -> str:
    """Return a distribution as a reader writes it.

    >>> _interval(FloatDistribution(0.01, 1.0, log=True))
    '0.01 to 1, logarithmic'
    """
    if isinstance(distribution, CategoricalDistribution):
        return " or ".join(map(str, distribution.choices))
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    return f"{distribution.low:g} to {distribution.high:g}{', logarithmic' if distribution.log else ''}"


def _best_by_labels(trials: pd.DataFrame) -> Any:
    """Return the trial that labelled anomalies prefer, None where training data have none, as clips and one class."""
    return trials[LABELLED].idxmax() if trials[LABELLED].notna().any() else None


def _families(table: pd.DataFrame) -> list[str]:
    from alpa.data.pseudo_anomalies import FAMILIES
    from alpa.data.video_pseudo_anomalies import VIDEO_FAMILIES

    return [name for name in (*FAMILIES, *VIDEO_FAMILIES) if name in table]


def _measures(table: pd.DataFrame) -> list[str]:
    return ["objective", *([PSEUDO] if PSEUDO in table else []), *_families(table), LABELLED, TEST]


def _rank_correlation(first: pd.Series, second: pd.Series) -> float | None:
    """Return Spearman's correlation; None for too few values or equal ones."""
    ranked = len(first) >= FEWEST and first.nunique() > 1 and second.nunique() > 1
    return round(float(first.corr(second, method="spearman")), DECIMALS) if ranked else None


def _spoken(record: StudyRecord, trial: int) -> str:
    values = next(found.values for found in record.trials if found.trial == trial)
    return ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in values.items()
    )


def _joined(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return tables of several detectors as one, the detector in the first column."""
    named: Sequence[Any] = [table.assign(detector=name) for name, table in tables.items()]
    if not named:
        return pd.DataFrame({"detector": []})
    whole = pd.concat(named, ignore_index=True)
    return whole[["detector", *(name for name in whole if name != "detector")]]
