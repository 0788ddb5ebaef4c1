"""Made-up studies: trials that are better by pseudo-anomalies the later they come, and worse on test."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution, distribution_to_json

from alpa.evaluation.evidence import Evidence, gather
from alpa.reporting.studies import Studies, read_studies
from alpa.tuning.finished import Finished, StudyRecord

CLASSES = ("4", "<script>alert(1)</script>")
PRUNED = 3
Measures = dict[str, float]


def usual(place: int) -> Measures:
    """Return what a trial is worth: the first, which is untuned, is the best on test and the worst by the objective."""
    return {"permuted": 0.7 + 0.02 * place, "labelled": 0.8, "test": 0.95 - 0.01 * place}


def made_up(
    detector: str,
    objective: str = "pseudo",
    trials: int = 10,
    diverged: int | None = None,
    classes: tuple[str, ...] = CLASSES,
    worth: Callable[[int], Measures] = usual,
    **settings: Any,
) -> tuple[StudyRecord, pd.DataFrame]:
    """Return a study's record and its sweep: trials over strength and weight, the autoencoder's over latent alone."""
    rng = np.random.default_rng(0)
    space: dict[str, BaseDistribution] = {"latent": IntDistribution(2, 16)}
    if detector != "autoencoder":
        space |= {name: FloatDistribution(low, 4.0, log=True) for name, low in (("strength", 0.01), ("weight", 0.25))}
    finished, rows = [], []
    for place in range(trials):
        drawn = {"strength": rng.uniform(0.01, 1), "weight": rng.uniform(0.3, 4), "latent": int(rng.integers(2, 16))}
        values, found = {name: drawn[name] for name in space}, worth(place)
        state = "diverged" if place == diverged else "pruned" if place == PRUNED else "complete"
        value = found["labelled" if objective == "labelled" else "permuted"]
        finished.append(Finished(place, state, 0.0 if place == diverged else value, values, {}))
        measures = {"test": float("nan")} if place == diverged else found
        rows += sweep_rows("trial", place, values.get("strength"), measures, classes)
    if detector != "autoencoder":
        for place, strength in enumerate(np.geomspace(0.01, 1, 8)):
            measures = {"permuted": 0.7, "labelled": 0.8, "test": 0.9 - 0.1 * strength}
            rows += sweep_rows("curve", place, strength, measures, classes)
    about = {
        "objective": objective, "steps": 40, "batch_size": 8, "classes": list(classes), "pruner": "wilcoxon",
        "families": [["permuted"]] * len(classes), "untuned": finished[0].values,
    } | settings  # fmt: skip
    described = {name: distribution_to_json(distribution) for name, distribution in space.items()}
    columns = ["kind", "place", "strength", "target_class", "measure", "auroc"]
    return StudyRecord(detector, described, about, tuple(finished)), pd.DataFrame(rows, columns=columns)


def sweep_rows(
    kind: str, place: int, strength: float | None, measures: Measures, classes: tuple[str, ...]
) -> list[tuple[object, ...]]:
    """Return a setting's rows, the same for each class."""
    return [(kind, place, strength, name, measure, value) for name in classes for measure, value in measures.items()]


def written(folder: Path, evidence: Evidence) -> Path:
    """Write the tables as the tuning stage does; return the folder."""
    folder.mkdir(parents=True)
    for name, table in vars(evidence).items():
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    return folder


def studies_of(folder: Path, *detectors: str, **changes: Any) -> Studies:
    """Return what a report reads of such studies."""
    return joined(folder, {name: made_up(name, **changes) for name in detectors})


def joined(folder: Path, made: dict[str, tuple[StudyRecord, pd.DataFrame]]) -> Studies:
    """Return what a report reads of these studies."""
    found = {name: record for name, (record, _) in made.items()}
    sweeps = {name: sweep for name, (_, sweep) in made.items()}
    studies = read_studies(written(folder / "mnist/tuning", gather(found, sweeps)))
    assert studies is not None
    return studies
