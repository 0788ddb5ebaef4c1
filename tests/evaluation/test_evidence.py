"""Whether an objective was worth following, worked out by hand on made-up studies."""

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
)
from scipy.stats import spearmanr

from alpa.errors import StudyError
from alpa.evaluation.evidence import (
    correlations,
    gather,
    importances,
    pruners,
    read_sweep,
    regret,
    scored_trials,
    study,
)
from alpa.tuning.finished import Finished, StudyRecord

CLASSES = ["NA", 'left, "or" right']  # names that CSV readers trip over
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


def of_kind(table: pd.DataFrame, kind: str) -> pd.DataFrame:
    return table.assign(kind=kind)


def as_read(sweep: pd.DataFrame) -> pd.DataFrame:
    """Return a sweep as its stage writes it and the tuning stage reads it."""
    text = sweep.to_csv(index=False, lineterminator="\n")
    return read_sweep(io.StringIO(text))


def test_a_trial_has_its_values_and_the_mean_of_each_measure() -> None:
    table = scored_trials(record(), swept())
    assert table["trial"].tolist() == [0, 1, 2, 3]
    assert table["strength"].tolist() == [row[0] for row in TRIALS]
    assert table["test"].to_numpy() == pytest.approx([row[4] for row in TRIALS])
    assert table["objective"].to_numpy() == pytest.approx([(row[1] + row[2]) / 2 for row in TRIALS])


def test_the_objective_of_a_labelled_study_is_that_of_labelled_anomalies() -> None:
    table = scored_trials(record(objective="labelled"), swept())
    assert table["objective"].to_numpy() == pytest.approx([row[3] for row in TRIALS])


@pytest.mark.parametrize(("objective", "expected"), [("pseudo", [0.75, 0.8]), ("labelled", [0.9, 0.7])])
def test_the_curve_has_the_objective_of_the_study(objective: str, expected: list[float]) -> None:
    points = of_kind(swept([(0.01, 0.7, 0.8, 0.9, 0.91), (1.0, 0.8, 0.8, 0.7, 0.8)]), "curve")
    found = gather({"alpa": record(objective=objective)}, {"alpa": pd.concat([swept(), points])}).curve
    assert found["strength"].tolist() == [0.01, 1.0]
    assert found["objective"].to_numpy() == pytest.approx(expected)
    assert found["test"].to_numpy() == pytest.approx([0.91, 0.8])


@pytest.mark.parametrize("left", ["no rows", "missing values"])
def test_where_training_data_hold_no_labelled_anomalies_all_else_is_as_with_them(left: str) -> None:
    sweep = pd.concat([swept(), of_kind(swept(), "curve")])
    by_labels = sweep["measure"] == "labelled"
    without = sweep[~by_labels] if left == "no rows" else sweep.assign(auroc=sweep["auroc"].mask(by_labels))
    found, whole = (gather({"alpa": record()}, {"alpa": as_read(table)}) for table in (without, sweep))
    assert found.trials["labelled"].isna().all()
    assert found.curve["labelled"].isna().all()
    assert found.regret["choice"].tolist() == ["untuned", "pseudo", "oracle"]
    assert found.correlations["measure"].tolist() == ["objective", "permuted", "warped"]
    others = {"trials": "labelled", "curve": "labelled"}
    for name, column in others.items():
        one, other = getattr(found, name).drop(columns=column), getattr(whole, name).drop(columns=column)
        pd.testing.assert_frame_equal(one, other, check_like=True)
    for name in ("studies", "pruners", "importances"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(whole, name))


def test_the_families_of_clips_are_measures_and_no_values() -> None:
    renamed = swept().replace({"measure": {"permuted": "faster", "warped": "mover"}})
    found, whole = (correlations(scored_trials(record(), table)) for table in (renamed, swept()))
    assert found["measure"].tolist() == ["objective", "faster", "mover", "labelled"]
    pd.testing.assert_frame_equal(found.drop(columns="measure"), whole.drop(columns="measure"))


def test_the_curve_is_no_trial() -> None:
    points = of_kind(swept([(0.5, 0.99, 0.99, 0.99, 0.99)] * 5), "curve")
    found, alone = (gather({"alpa": record()}, {"alpa": table}) for table in (pd.concat([swept(), points]), swept()))
    for name in ("trials", "regret", "correlations", "pruners", "importances"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(alone, name))


@pytest.mark.parametrize(("objective", "column"), [("pseudo", "objective"), ("labelled", "pseudo")])
def test_each_class_counts_once_however_many_families_it_has(objective: str, column: str) -> None:
    # Class 7 has both families, the other the first alone: mean(mean(0.5, 0.9), 0.6), and not mean(0.55, 0.9).
    sweep = swept([(0.1, 0.5, 0.9, 0.5, 0.5)] * 4)
    one_family = (sweep["target_class"] != CLASSES[0]) & (sweep["measure"] == "warped")
    sweep["auroc"] = sweep["auroc"].round(1).where((sweep["target_class"] == CLASSES[0]) | one_family, 0.6)
    table = scored_trials(record(objective=objective), sweep[~one_family])
    assert table[column].to_numpy() == pytest.approx([0.65] * 4)


def test_regret_is_what_each_choice_loses_on_test_to_the_best_trial() -> None:
    table = regret(record(), scored_trials(record(), swept())).set_index("choice")
    assert table["trial"].to_dict() == {"untuned": 0, "pseudo": 1, "labelled": 2, "oracle": 3}
    assert table["regret"].to_numpy() == pytest.approx([0.06, 0.04, 0.05, 0.0])
    assert table.loc["pseudo", "values"] == "strength 0.2, latent 4"


def test_a_labelled_study_chooses_by_labels_and_pseudo_anomalies_are_asked_after_the_fact() -> None:
    held = record(objective="labelled")
    table = regret(held, scored_trials(held, swept())).set_index("choice")
    assert table["trial"].to_dict() == {"untuned": 0, "pseudo": 1, "labelled": 2, "oracle": 3}
    assert table["objective"].to_numpy() == pytest.approx([0.9, 0.8, 0.95, 0.7]), "that of labelled anomalies"


def test_of_equals_the_first_is_chosen() -> None:
    rows = [TRIALS[1], TRIALS[0], TRIALS[0], TRIALS[1]]
    table = regret(record(rows), scored_trials(record(rows), swept(rows))).set_index("choice")
    assert table["trial"].to_dict() == {"untuned": 1, "pseudo": 0, "labelled": 1, "oracle": 0}
    assert table["regret"].to_numpy() == pytest.approx([0.02, 0, 0.02, 0])


def test_a_pruned_trial_is_not_the_studys_choice_and_may_be_the_best_all_the_same() -> None:
    whole = record()
    held = replace(
        whole, trials=tuple(replace(trial, state="pruned") if trial.trial else trial for trial in whole.trials)
    )
    table = regret(held, scored_trials(held, swept())).set_index("choice")
    assert table["trial"].to_dict() == {"untuned": 0, "pseudo": 0, "labelled": 2, "oracle": 3}


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


def test_correlations_share_ranks_between_ties() -> None:
    rng = np.random.default_rng(3)
    rows = [(place / 20, *(float(value) for value in rng.integers(1, 5, 4) / 5)) for place in range(1, 13)]
    held = record(rows, objective="labelled")
    table = correlations(scored_trials(held, swept(rows))).set_index("measure")["spearman"]
    for place, name in enumerate(("permuted", "warped", "labelled"), start=1):
        expected = spearmanr([row[place] for row in rows], [row[4] for row in rows]).statistic
        assert table[name] == pytest.approx(expected, abs=1e-6)
    pseudo = spearmanr([round(row[1] + row[2], 6) for row in rows], [row[4] for row in rows]).statistic
    assert table[["objective", "pseudo"]].tolist() == pytest.approx([table["labelled"], pseudo], abs=1e-6)
    assert table.min() < 0 < table.max()


def test_two_trials_or_equal_ones_have_no_rank_correlation() -> None:
    two = correlations(scored_trials(record(TRIALS[:2]), swept(TRIALS[:2])))
    assert two["spearman"].isna().all()
    flat = [(row[0], 0.5, *row[2:]) for row in TRIALS]
    table = correlations(scored_trials(record(flat), swept(flat))).set_index("measure")
    assert np.isnan(float(table.loc["permuted", "spearman"]))
    assert not np.isnan(float(table.loc["warped", "spearman"]))
    useless = [(*row[:4], 0.9) for row in TRIALS]
    assert correlations(scored_trials(record(useless), swept(useless)))["spearman"].isna().all()


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


@pytest.mark.parametrize("state", ["diverged", "pruned"])  # pruned: on a class that the study did not come to
def test_a_trial_that_diverges_between_others_moves_none_of_them(state: str) -> None:
    rows = [*TRIALS[:1], (0.9, 0.99, 0.99, 0.99, 0.99), *TRIALS[1:]]
    whole = record(rows)
    trials = [replace(trial, state=state) if trial.trial == 1 else trial for trial in whole.trials]
    table = gather({"alpa": replace(whole, trials=tuple(trials))}, {"alpa": as_read(lost(swept(rows), 1))})
    others = table.trials[table.trials["trial"] != 1]
    assert others[["strength", "permuted", "warped", "labelled", "test"]].to_numpy() == pytest.approx(np.array(TRIALS))
    measures = ["objective", "permuted", "warped", "labelled", "test"]
    assert table.trials.loc[table.trials["trial"] == 1, measures].isna().all(axis=None)
    without = gather({"alpa": record()}, {"alpa": swept()})
    for name in ("correlations", "pruners", "importances"):
        pd.testing.assert_frame_equal(getattr(table, name), getattr(without, name))
    assert table.regret["regret"].tolist() == without.regret["regret"].tolist()


def test_a_sweep_says_the_same_once_it_has_been_a_file() -> None:
    sweep = lost(pd.concat([swept(), of_kind(swept(), "curve")]), 3)
    found, read = (vars(gather({"alpa": record()}, {"alpa": table})) for table in (sweep, as_read(sweep)))
    for name, table in found.items():
        pd.testing.assert_frame_equal(table, read[name])


def test_a_trial_that_was_not_swept_is_an_error_with_the_remedy() -> None:
    with pytest.raises(StudyError, match=r"^Trial 3 of made-up was not swept; run its sweep stage again\.$"):
        scored_trials(record(), swept(TRIALS[:3]))


def test_a_sweep_that_is_nothing_but_its_header_is_an_error_too() -> None:
    with pytest.raises(StudyError, match=r"^Trial 0 of made-up was not swept"):
        scored_trials(record(objective="labelled"), as_read(swept().iloc[:0]))


def test_a_study_tells_its_budget_and_how_its_trials_ended() -> None:
    states = ["complete", "pruned", "pruned", "diverged"]
    whole = record()
    trials = [replace(trial, state=state) for trial, state in zip(whole.trials, states, strict=True)]
    row = study(replace(whole, trials=tuple(trials))).iloc[0].to_dict()
    expected = {"objective": "pseudo", "trials": 4, "complete": 1, "pruned": 2, "diverged": 1, "steps": 40}
    assert {name: row[name] for name in expected} == expected
    assert (row["batch_size"], row["pruner"]) == (8, "wilcoxon")


def test_choices_are_told_as_such() -> None:
    held = replace(record(), space={"bound": distribution_to_json(CategoricalDistribution(("sphere", "box")))})
    assert study(held)["space"].item() == "bound sphere or box"


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


@pytest.mark.parametrize(("objective", "followed"), [("pseudo", "permuted"), ("labelled", "labelled")])
def test_a_pruner_sees_the_studys_objective_and_misses_what_gets_better_late(objective: str, followed: str) -> None:
    names = [str(place) for place in range(8)]
    steady, late = [0.80 + place / 1000 for place in range(8)], [0.70] * 5 + [0.99] * 3
    other = "labelled" if followed == "permuted" else "permuted"
    rows = []
    for place, worth in enumerate((steady, late)):
        for name, value in zip(names, worth, strict=True):
            measured = {followed: value, other: 0.5 + 0.1 * place, "test": 0.9}
            rows += [("trial", place, 0.1, name, measure, auroc) for measure, auroc in measured.items()]
    table = pd.DataFrame(rows, columns=["kind", "place", "strength", "target_class", "measure", "auroc"])
    found = pruners(record(TRIALS[:2], objective=objective, classes=names), table).set_index("pruner")
    assert found.loc["wilcoxon", ["n", "pruned"]].tolist() == [2, 1]
    assert found.loc["wilcoxon", "trained"] == pytest.approx((8 + 4) / 16)
    assert found.loc["wilcoxon", "missed"] == pytest.approx(np.mean(late) - np.mean(steady), abs=1e-6)


def test_importances_sum_to_one_and_need_different_trials() -> None:
    rng = np.random.default_rng(0)
    rows = [(float(strength), float(strength), float(strength), 0.5, 0.5) for strength in rng.uniform(0.02, 0.9, 12)]
    found = importances(record(rows), scored_trials(record(rows), swept(rows))).set_index("parameter")["importance"]
    assert found.sum() == pytest.approx(1, abs=1e-5)
    assert found["strength"] > found["latent"]
    assert importances(record(TRIALS[:2]), scored_trials(record(TRIALS[:2]), swept(TRIALS[:2]))).empty


def test_importances_are_the_same_whenever_they_are_asked_for() -> None:
    rng = np.random.default_rng(0)
    rows = [(float(place), *4 * [float(place) * latent / 20]) for place, latent in rng.uniform(0.1, 0.9, (12, 2))]
    whole = record(rows)
    varied = [replace(trial, values=trial.values | {"latent": 2 + trial.trial}) for trial in whole.trials]
    held = replace(whole, trials=tuple(varied))
    found, again = (importances(held, scored_trials(held, swept(rows))) for _ in range(2))
    pd.testing.assert_frame_equal(found, again)
    assert found["importance"].min() > 0.01


def test_studies_stand_side_by_side_and_a_record_without_trials_is_left_out() -> None:
    found = gather({"a": record(), "none": StudyRecord("none"), "b": record()}, {"a": swept(), "b": swept()})
    for name, table in vars(found).items():
        if name != "curve":
            assert list(dict.fromkeys(table["detector"])) == ["a", "b"], name
        assert table.columns[0] == "detector", name


def test_a_detector_without_a_curve_or_an_importance_leaves_that_of_the_others_as_it_is() -> None:
    two = TRIALS[:2]
    points = of_kind(swept(), "curve")
    sweeps = {"a": swept(two), "b": pd.concat([swept(), points])}
    found = gather({"a": record(two), "b": record()}, sweeps)
    assert list(found.curve["detector"]) == ["b"] * 4
    assert list(found.curve["place"]) == [0, 1, 2, 3]
    assert list(found.importances["detector"]) == ["b", "b"]
    assert found.regret.loc[found.regret["detector"] == "b", "regret"].tolist() == pytest.approx([0.06, 0.04, 0.05, 0])


def test_without_a_study_there_are_empty_tables() -> None:
    assert all(table.empty for table in vars(gather({"a": StudyRecord("a")}, {})).values())
