"""Trials to MLflow: each once, below its study's run, beside the detectors' runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from alpa import tracking
from alpa.tracking import Outcome, read_trees, sync
from alpa.trial_runs import read_study_runs
from alpa.tuning.finished import Finished
from tests.tracking.logged import all_runs, history, keys, named, own_tags

ROOT = Path(__file__).parents[2]
AUROCS = {"3": {"rotated": 0.5, "pasted": 1.0}, "8": {"pasted": 0.25}}


def trial(place: int, objective: float, state: str = "complete") -> Finished:
    """A trial; a pruned one saw one class only, one that diverged none."""
    seen = {"complete": 2, "pruned": 1, "diverged": 0}[state]
    return Finished(place, state, objective, {"strength": 0.1 * (place + 1)}, dict(list(AUROCS.items())[:seen]))


def parents_name(runs: list, name: str) -> str:
    names = {run.info.run_id: run.info.run_name for run in runs}
    return names[named(runs, name).data.tags["mlflow.parentRunId"]]


def test_a_trial_is_a_child_of_its_studys_run_with_all_that_is_known_of_it(tracked):
    path = tracked.tune("alpa", trial(0, 0.5), trial(1, 0.75))
    os.utime(path, (7, 7))
    assert sync("toy") == Outcome(sent=3, waiting=0)
    runs = all_runs()
    study, best, other = named(runs, "tune alpa"), named(runs, "alpa trial 1"), named(runs, "alpa trial 0")
    assert [run.data.tags.get("mlflow.parentRunId") for run in (study, best, other)] == [
        None,
        study.info.run_id,
        study.info.run_id,
    ]
    for run in runs:
        assert (run.info.status, run.info.start_time, run.info.end_time) == ("FINISHED", 7000, 7000)
    assert best.data.params == {"strength": "0.2"}
    assert best.data.metrics == {
        "objective": 0.75,
        "auroc/3": 0.75,
        "auroc/8": 0.25,
        "auroc/rotated": 0.5,
        "auroc/pasted": 0.625,
    }
    assert own_tags(best) == {"state": "complete", "chosen": "true"}
    assert own_tags(other) == {"state": "complete", "chosen": "false"}
    assert {"study", "objective", "classes", "steps", "pruner", "space.strength"} <= study.data.params.keys()
    assert study.data.params["objective"] == "pseudo"
    assert study.data.params["training.batch_size"] == "32"
    assert study.data.metrics == {"best_objective": 0.75}
    assert own_tags(study) == {
        "trials": "2",
        "chosen_trial": "1",
        "code": "['abc', 'def']",
        "device": "cpu",
        "threads": "1",
        "versions.torch": "2.14.1",
        "data_digest.train": "digest of train",
    }


def test_no_run_names_the_folder_that_it_was_sent_from(tracked):
    tracked.tune("alpa", trial(0, 0.5))
    sync()
    for run in all_runs():
        assert str(tracked.folder) not in str(run.data.params | run.data.tags)


@pytest.mark.parametrize("state", ["pruned", "diverged"])
def test_a_trial_that_is_not_complete_says_so_and_is_never_chosen(tracked, state):
    tracked.tune("alpa", trial(0, 0.5), trial(1, 0.9, state))
    sync()
    runs = all_runs()
    run = named(runs, "alpa trial 1")
    assert own_tags(run) == {"state": state, "chosen": "false"}
    aurocs = {"auroc/3": 0.75, "auroc/rotated": 0.5, "auroc/pasted": 1.0} if state == "pruned" else {}
    assert run.data.metrics == {"objective": 0.9} | aurocs
    assert named(runs, "tune alpa").data.metrics == {"best_objective": 0.5}


def test_a_study_without_a_complete_trial_has_no_best_one(tracked):
    tracked.tune("alpa", trial(0, 0.5, "pruned"))
    assert sync() == Outcome(sent=2, waiting=0)
    study = named(all_runs(), "tune alpa")
    assert study.data.metrics == {}
    assert "chosen_trial" not in study.data.tags


def test_a_study_sent_twice_appears_once_though_the_ledger_is_lost_and_the_record_written_anew(tracked):
    for seconds in (7, 8):
        os.utime(tracked.tune("alpa", trial(0, 0.5), trial(1, 0.75)), (seconds, seconds))
        assert sync() == Outcome(sent=3, waiting=0)
        assert sync() == Outcome(sent=0, waiting=0)
        for path in Path(".cache/tracking").glob("*.json"):
            path.unlink()
    runs = all_runs()
    assert len(runs) == 3
    assert set(keys(runs).values()) == {1}
    best = named(runs, "alpa trial 1")
    assert history(best, "objective") == [(0, 0.75)]
    assert (best.info.start_time, best.info.end_time) == (7000, 7000)
    assert history(named(runs, "tune alpa"), "best_objective") == [(2, 0.75)]


def test_a_record_that_is_written_anew_with_the_same_trials_is_no_news(tracked):
    for seconds in (7, 8):
        os.utime(tracked.tune("alpa", trial(0, 0.5)), (seconds, seconds))
        sent = sync().sent
    assert sent == 0


@pytest.mark.parametrize(("objective", "sent"), [(0.25, 2), (0.75, 3)])
def test_a_study_that_grew_sends_what_is_new_and_renews_its_own_run(tracked, objective, sent):
    os.utime(tracked.tune("alpa", trial(0, 0.5)), (7, 7))
    sync()
    os.utime(tracked.tune("alpa", trial(0, 0.5), trial(1, objective)), (8, 8))
    assert sync() == Outcome(sent=sent, waiting=0), "the trial that is no longer the chosen one is news too"
    runs = all_runs()
    assert len(runs) == 3
    study, first, second = (named(runs, name) for name in ("tune alpa", "alpa trial 0", "alpa trial 1"))
    chosen = [run.data.tags["chosen"] for run in (first, second)]
    assert chosen == (["true", "false"] if objective < 0.5 else ["false", "true"])
    assert {run.data.tags["mlflow.parentRunId"] for run in (first, second)} == {study.info.run_id}
    assert study.data.tags["trials"] == "2"
    assert study.data.tags["chosen_trial"] == str(int(objective > 0.5))
    assert study.data.metrics["best_objective"] == max(0.5, objective)
    assert history(study, "best_objective") == [(1, 0.5), (2, max(0.5, objective))]
    assert (study.info.start_time, study.info.end_time) == (7000, 8000)
    assert history(first, "objective") == [(0, 0.5)]
    assert (first.info.start_time, first.info.end_time) == (7000, 7000)


def test_a_study_that_rests_on_something_else_is_another_parent(tracked):
    tracked.tune("alpa", trial(0, 0.5), steps=40)
    sync()
    tracked.tune("alpa", trial(0, 0.5), steps=80)
    assert sync() == Outcome(sent=2, waiting=0)
    runs = all_runs()
    assert sorted(run.data.params["steps"] for run in runs if run.info.run_name == "tune alpa") == ["40", "80"]
    assert len({run.data.tags.get("mlflow.parentRunId") for run in runs} - {None}) == 2


def test_cells_and_trials_have_each_their_own_parent_and_the_cells_come_first(tracked, monkeypatch):
    tracked.train("alpa", "3")
    tracked.tune("alpa", trial(0, 0.5))
    tracked.tune("pca", trial(0, 0.5))  # never trained
    tracked.tune("alpa", trial(0, 0.5), benchmark="other")
    close, order = tracking._close, []

    def noting(client, opened, run) -> None:
        order.append(run.name)
        close(client, opened, run)

    monkeypatch.setattr(tracking, "_close", noting)
    assert sync("toy") == Outcome(sent=6, waiting=0)
    assert sync() == Outcome(sent=2, waiting=0)
    assert order == [
        *("alpa 3-0", "alpa"),
        *("alpa trial 0", "tune alpa"),
        *("pca trial 0", "tune pca"),
        *("alpa trial 0", "tune alpa"),
    ]
    assert [(tree.benchmark, tree.name) for tree in read_trees()] == [
        ("toy", "alpa"),
        ("other", "tune alpa"),
        ("toy", "tune alpa"),
        ("toy", "tune pca"),
    ]
    runs = all_runs()
    assert len(runs) == 6
    assert parents_name(runs, "alpa 3-0") == "alpa"
    assert parents_name(runs, "alpa trial 0") == "tune alpa"
    assert parents_name(runs, "pca trial 0") == "tune pca"
    assert sorted(run.info.run_name for run in all_runs("other")) == ["alpa trial 0", "tune alpa"]


def test_a_study_that_was_never_held_sends_nothing_and_imports_nothing(tracked):
    tracked.tune("knn")
    code = "import sys; from alpa.tracking import sync; print(sync(), {'mlflow', 'optuna', 'torch'} & {*sys.modules})"
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {code}"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "Outcome(sent=0, waiting=0) set()"


@pytest.mark.parametrize(
    "damage",
    [
        {"trials": None},
        {"trials": [{"trial": 0}]},
        {"settings": []},
        {"objective": "high"},
        {"objective": None},
        {"values": 3},
        {"aurocs": {"3": 0.5}},
        {"aurocs": {"3": {"rotated": "good"}}},
    ],
)
def test_a_damaged_record_is_left_out_and_keeps_nothing_else_from_being_read(project, damage):
    project.train("alpa", "3")
    project.tune("pca", trial(0, 0.5))
    path = project.tune("alpa", trial(0, 0.5))
    record = json.loads(path.read_text())
    (record if damage.keys() <= record.keys() else record["trials"][0]).update(damage)
    path.write_text(json.dumps(record))
    assert [tree.name for tree in read_trees()] == ["alpa", "tune pca"]


def test_half_a_record_costs_neither_the_other_runs_nor_a_word(tracked, capfd):
    tracked.train("alpa", "3")
    path = tracked.tune("alpa", trial(0, 0.5))
    path.write_text(path.read_text()[:100])
    assert sync() == Outcome(sent=2, waiting=0)
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


def test_an_unfinished_record_beside_the_whole_one_is_no_study(project):
    path = project.tune("alpa", trial(0, 0.5))
    path.rename(path.with_name(f".{path.name}.1.ab.partial"))
    assert read_study_runs("toy") == []


def test_an_interrupted_study_leaves_no_double_and_the_next_sync_completes_it(tracked, monkeypatch):
    tracked.tune("alpa", trial(0, 0.5), trial(1, 0.75))
    close, closed = tracking._close, []

    def dies(*arguments: object) -> None:
        if closed:
            raise KeyboardInterrupt
        closed.append(arguments)
        close(*arguments)

    monkeypatch.setattr(tracking, "_close", dies)
    with pytest.raises(KeyboardInterrupt):
        sync()
    monkeypatch.setattr(tracking, "_close", close)
    assert sync() == Outcome(sent=2, waiting=0)
    runs = all_runs()
    assert len(runs) == 3
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert history(named(runs, "alpa trial 1"), "objective") == [(0, 0.75)]


def test_trials_wait_for_a_server_that_is_away(project, monkeypatch, capfd):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nonsense://somewhere")
    project.tune("alpa", trial(0, 0.5), trial(1, 0.75))
    assert sync() == Outcome(sent=0, waiting=3)
    assert capfd.readouterr().err.count("warning: ") == 1
