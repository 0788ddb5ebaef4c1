"""Whether an objective was worth following, worked out by hand on made-up studies."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from optuna.distributions import FloatDistribution, IntDistribution, distribution_to_json
from scipy.stats import spearmanr

from alpa.errors import StudyError
from alpa.evaluation.evidence import correlations, gather, importances, pruners, regret, scored_trials, study
from alpa.tuning.finished import Finished, StudyRecord

CLASSES = ["7", "left, or right"]
SPACE = {
    "strength": distribution_to_json(FloatDistribution(0.01, 1.0, log=True)),
    "latent": distribution_to_json(IntDistribution(2, 16)),
}
#        strength, permuted, warped, labelled, test
TRIALS = [
    (0.10, 0.70, 0.80, 0.90, 0.91),  # untuned
    (0.20, 0.80, 0.90, 0.80, 0.93),  # best by pseudo-anomalies
    (0.30, 0.60, 0.60, 0.95, 0.92),  # best by labelled ones
    (0.40, 0.50, 0.70, 0.70, 0.97),  # best by test
]


def settings(**changes: Any) -> dict[str, Any]:
    whole = {"objective": "pseudo", "steps": 40, "batch_size": 8, "classes": CLASSES, "pruner": "wilcoxon"}
    families = {"families": [["permuted", "warped"], ["permuted"]], "untuned": {"strength": 0.1, "latent": 4, "x": 1}}
    return whole | families | changes


def record(rows: Sequence[tuple[float, ...]] = TRIALS, **changes: Any) -> StudyRecord:
    by_labels = changes.get("objective") == "labelled"
    finished = [
        Finished(place, "complete", row[3] if by_labels else (row[1] + row[2]) / 2, values(row), {})
        for place, row in enumerate(rows)
    ]
    return StudyRecord("made-up", SPACE, settings(**changes), tuple(finished))


def values(row: tuple[float, ...]) -> dict[str, Any]:
    return {"strength": row[0], "latent": 4}


def swept(rows: Sequence[tuple[float, ...]] = TRIALS) -> pd.DataFrame:
    """Return the rows' measures on two classes, one a little above and one a little below."""
    found = []
    for place, (strength, *measured) in enumerate(rows):
        for name, shift in zip(CLASSES, (0.01, -0.01), strict=True):
            for measure, value in zip(("permuted", "warped", "labelled", "test"), measured, strict=True):
                found.append(("trial", place, strength, name, measure, value + shift))
    return pd.DataFrame(found, columns=["kind", "place", "strength", "target_class", "measure", "auroc"])


def lost(table: pd.DataFrame, place: int) -> pd.DataFrame:
    """Return the table as a sweep writes it where the trial's training diverges."""
    others = table[(table["place"] != place) | (table["measure"] == "test")]
    return others.assign(auroc=others["auroc"].where(others["place"] != place))


def test_a_trial_has_its_values_and_the_mean_of_each_measure() -> None:
    table = scored_trials(record(), swept())
    assert table["trial"].tolist() == [0, 1, 2, 3]
    assert table["strength"].tolist() == [row[0] for row in TRIALS]
    assert table["test"].to_numpy() == pytest.approx([row[4] for row in TRIALS])
    assert table["objective"].to_numpy() == pytest.approx([(row[1] + row[2]) / 2 for row in TRIALS])


def test_the_objective_of_a_labelled_study_is_that_of_labelled_anomalies() -> None:
    table = scored_trials(record(objective="labelled"), swept())
    assert table["objective"].to_numpy() == pytest.approx([row[3] for row in TRIALS])


def test_regret_is_what_each_choice_loses_on_test_to_the_best_trial() -> None:
    table = regret(record(), scored_trials(record(), swept())).set_index("choice")
    assert table["trial"].to_dict() == {"untuned": 0, "pseudo": 1, "labelled": 2, "oracle": 3}
    assert table["regret"].to_numpy() == pytest.approx([0.06, 0.04, 0.05, 0.0])
    assert table.loc["pseudo", "values"] == "strength 0.2, latent 4"


def test_a_labelled_study_chooses_by_labels_and_pseudo_anomalies_are_asked_after_the_fact() -> None:
    held = record(objective="labelled")
    table = regret(held, scored_trials(held, swept())).set_index("choice")
    assert table["trial"].to_dict() == {"untuned": 0, "pseudo": 1, "labelled": 2, "oracle": 3}


def test_without_a_trial_of_the_untuned_values_nothing_is_said_of_them() -> None:
    held = record(untuned={"strength": 0.1, "latent": 9})
    assert list(regret(held, scored_trials(held, swept()))["choice"]) == ["pseudo", "labelled", "oracle"]


def test_correlations_are_spearmans_over_trials_with_different_values() -> None:
    doubled = [*TRIALS, TRIALS[0], TRIALS[0]]
    table = correlations(scored_trials(record(doubled), swept(doubled))).set_index("measure")
    assert table.index.tolist() == ["objective", "permuted", "warped", "labelled"]
    assert set(table["n"]) == {4}
    for place, name in enumerate(("permuted", "warped", "labelled"), start=1):
        expected = spearmanr([row[place] for row in TRIALS], [row[4] for row in TRIALS]).statistic
        assert table.loc[name, "spearman"] == pytest.approx(expected, abs=1e-6)
    assert table["regret"].to_dict() == pytest.approx(
        {"objective": 0.04, "permuted": 0.04, "warped": 0.04, "labelled": 0.05}
    )


def test_two_trials_or_equal_ones_have_no_rank_correlation() -> None:
    two = correlations(scored_trials(record(TRIALS[:2]), swept(TRIALS[:2])))
    assert two["spearman"].isna().all()
    flat = [(row[0], 0.5, *row[2:]) for row in TRIALS]
    table = correlations(scored_trials(record(flat), swept(flat))).set_index("measure")
    assert np.isnan(float(table.loc["permuted", "spearman"]))
    assert not np.isnan(float(table.loc["warped", "spearman"]))


def test_a_trial_that_diverges_is_missing_from_what_is_computed_and_not_from_the_table() -> None:
    whole = record()
    trials = (*whole.trials[:3], replace(whole.trials[3], state="diverged", objective=0.0))
    held = replace(whole, trials=trials)
    found = gather({"alpa": held}, {"alpa": lost(swept(), 3)})
    assert found.trials["state"].tolist() == ["complete"] * 3 + ["diverged"]
    assert np.isnan(found.trials["test"].iloc[3])
    assert found.regret.set_index("choice")["trial"].to_dict() == {
        "untuned": 0, "pseudo": 1, "labelled": 2, "oracle": 1,
    }  # fmt: skip
    assert set(found.correlations["n"]) == {3}
    assert set(found.pruners["n"]) == {3}
    assert found.studies["diverged"].item() == 1


def test_a_trial_that_was_not_swept_is_an_error_with_the_remedy() -> None:
    with pytest.raises(StudyError, match=r"^Trial 3 of made-up was not swept; run its sweep stage again\.$"):
        scored_trials(record(), swept(TRIALS[:3]))


def test_names_of_classes_survive_whatever_they_hold() -> None:
    row = study(record())
    assert json.loads(row["classes"].item()) == CLASSES
    assert json.loads(row["families"].item()) == ["permuted", "warped"]
    assert row["space"].item() == "strength 0.01 to 1, logarithmic; latent 2 to 16"


def test_a_pruner_is_replayed_on_whole_trials() -> None:
    names = [str(place) for place in range(6)]
    sweeps, trials = [], []
    for place, value in enumerate((0.9, 0.5, 0.95)):
        for step, name in enumerate(names):
            sweeps += [("trial", place, 0.1, name, measure, value + step / 1000) for measure in ("permuted", "test")]
        trials.append(Finished(place, "complete", value, {}, {}))
    table = pd.DataFrame(sweeps, columns=["kind", "place", "strength", "target_class", "measure", "auroc"])
    held = StudyRecord("made-up", {}, settings(classes=names), tuple(trials))
    found = pruners(held, table).set_index("pruner")
    assert found.loc["none", ["pruned", "trained", "missed"]].tolist() == [0, 1, 0]
    assert found.loc["wilcoxon", "pruned"] == 1, "of the trial that is worse on every class"
    assert found.loc["wilcoxon", "trained"] == pytest.approx(16 / 18), "it cannot fire before the fourth class"
    assert found.loc["wilcoxon", "missed"] == 0


def test_importances_sum_to_one_and_need_different_trials() -> None:
    rng = np.random.default_rng(0)
    rows = [(float(strength), float(strength), float(strength), 0.5, 0.5) for strength in rng.uniform(0.02, 0.9, 12)]
    found = importances(record(rows), scored_trials(record(rows), swept(rows))).set_index("parameter")["importance"]
    assert found.sum() == pytest.approx(1, abs=1e-5)
    assert found["strength"] > found["latent"]
    assert importances(record(TRIALS[:2]), scored_trials(record(TRIALS[:2]), swept(TRIALS[:2]))).empty


def test_studies_stand_side_by_side_and_a_record_without_trials_is_left_out() -> None:
    found = gather({"a": record(), "none": StudyRecord("none"), "b": record()}, {"a": swept(), "b": swept()})
    for name, table in vars(found).items():
        if name != "curve":
            assert list(dict.fromkeys(table["detector"])) == ["a", "b"], name
        assert table.columns[0] == "detector", name


def test_without_a_study_there_are_empty_tables() -> None:
    assert all(table.empty for table in vars(gather({"a": StudyRecord("a")}, {})).values())
