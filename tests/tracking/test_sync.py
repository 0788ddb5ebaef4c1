"""Result files to MLflow: everything once, whatever happens to the server or to the sender."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from alpa import tracking
from alpa.ledger import Ledger
from alpa.tracking import Outcome, read_trees, sync
from tests.tracking.logged import all_runs, history, keys, named, own_tags

ROOT = Path(__file__).parents[2]


def test_a_cell_is_a_child_of_its_detectors_run_with_all_that_is_known_of_it(tracked):
    tracked.train("alpa", "38")
    tracked.evaluate("alpa", "38")
    tracked.draw("leaderboard.svg")
    assert sync("toy") == Outcome(sent=3, waiting=0)
    runs = all_runs()
    parent, child = named(runs, "alpa"), named(runs, "alpa 3-0")
    assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert "mlflow.parentRunId" not in parent.data.tags
    for run in (parent, child):
        assert run.info.status == "FINISHED"
        assert run.data.params["strength"] == "0.1"
        assert run.data.params["training.steps"] == "20"
        assert (run.info.start_time, run.info.end_time) == (1767323042500, 1767323045000)
        assert own_tags(run) == {
            "commit": "0123abc",
            "device": "cpu",
            "versions.torch": "2.14.1",
            "data_digest.train": "digest of train",
            "data_digest.test": "digest of test",
        }
    assert child.data.params["target_class"] == "3"
    assert history(child, "training/autoencoder") == [(10, 0.5), (20, 0.25)]
    assert history(child, "training/distorter") == [(10, -0.5), (20, -0.75)]
    assert child.data.metrics["seconds"] == 2.5
    assert child.data.metrics["auroc/latent"] == parent.data.metrics["auroc/latent"] == 1.0
    assert child.data.metrics["auroc/feature"] == 0.5
    figure = Path(parent.info.artifact_uri.removeprefix("file://")) / "figures/leaderboard.svg"
    assert figure.read_text() == "<svg>leaderboard.svg</svg>"


def test_without_news_mlflow_is_not_even_imported(tracked):
    tracked.train("pca", "3")
    tracked.evaluate("pca", "3")
    sync()
    heavy = "{'mlflow', 'torch', 'pandas', 'sklearn'}"
    code = f"import sys; from alpa.tracking import sync; print(sync(), {heavy} & sys.modules.keys())"
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {code}"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "Outcome(sent=0, waiting=0) set()"


def test_scores_that_come_later_join_the_runs_that_are_there(tracked):
    tracked.train("alpa", "38")
    sync("toy")
    assert not named(all_runs(), "alpa 3-0").data.metrics.keys() & {"auroc/latent", "auroc/feature"}
    tracked.evaluate("alpa", "38")
    assert sync("toy") == Outcome(sent=3, waiting=0)
    runs = all_runs()
    assert set(keys(runs).values()) == {1}
    assert named(runs, "alpa 3-0").data.metrics["auroc/latent"] == 1.0
    assert history(named(runs, "alpa 3-0"), "training/autoencoder") == [(10, 0.5), (20, 0.25)]


def test_a_new_cell_is_sent_alone_and_joins_its_parent(tracked):
    tracked.train("alpa", "3")
    sync()
    tracked.train("alpa", "8")
    assert sync() == Outcome(sent=2, waiting=0)
    parents = {run.data.tags.get("mlflow.parentRunId") for run in all_runs()}
    assert len(parents - {None}) == 1


def test_a_cell_whose_scores_changed_is_sent_alone_with_its_parent(tracked):
    tracked.train("alpa", "38")
    tracked.evaluate("alpa", "38")
    sync()
    tracked.evaluate("alpa", "38", wrong="8")
    assert sync() == Outcome(sent=2, waiting=0)
    runs = all_runs()
    assert history(named(runs, "alpa 3-0"), "auroc/latent") == [(0, 1.0)]
    assert named(runs, "alpa 8-0").data.metrics["auroc/latent"] == 0.0
    assert named(runs, "alpa").data.metrics["auroc/latent"] == 0.5


def test_a_table_of_the_same_scores_written_anew_is_no_news(tracked):
    tracked.train("alpa", "38")
    tracked.evaluate("alpa", "38")
    sync()
    tracked.evaluate("alpa", "83")
    assert sync() == Outcome(sent=0, waiting=0)


def test_other_settings_make_another_parent(tracked):
    tracked.train("alpa", "3", strength=0.1)
    sync()
    tracked.train("alpa", "3", strength=0.2)
    sync()
    assert sorted(run.data.params["strength"] for run in all_runs() if run.info.run_name == "alpa") == ["0.1", "0.2"]


def test_a_lost_ledger_makes_no_doubles(tracked):
    tracked.train("alpa", "38")
    tracked.evaluate("alpa", "38")
    sync()
    for path in Path(".cache/tracking").glob("*.json"):
        path.unlink()
    assert sync() == Outcome(sent=3, waiting=0)
    runs = all_runs()
    assert set(keys(runs).values()) == {1}
    child = named(runs, "alpa 3-0")
    assert history(child, "training/autoencoder") == [(10, 0.5), (20, 0.25)]
    assert history(child, "auroc/latent") == [(0, 1.0)]


def test_a_deleted_database_is_filled_again(tracked):
    tracked.train("pca", "3")
    sync()
    ledger, runs = Ledger(tracking.tracking_uri()), read_trees()
    assert ledger.count_missing(runs) == 0
    Path("mlflow.db").unlink()
    assert ledger.count_missing(runs) == 2
    ledger.forget_lost()
    Path("mlflow.db").touch()
    assert ledger.count_missing(runs) == 2


def test_an_emptied_database_is_filled_again(tracked, empty_database):
    tracked.train("pca", "3")
    assert sync() == Outcome(sent=2, waiting=0)
    (tracked.folder / "mlflow.db").write_bytes(b"")
    assert Ledger(tracking.tracking_uri()).count_missing(read_trees()) == 2


@pytest.mark.parametrize("damage", [lambda whole: b"no database" * 99, lambda whole: whole[: len(whole) // 2]])
def test_a_damaged_database_costs_one_warning_with_the_remedy(damage, tracked, monkeypatch, capfd):
    whole = (tracked.folder / "mlflow.db").read_bytes()
    path = tracked.folder / "damaged.db"
    path.write_bytes(damage(whole))
    uri = f"sqlite:///{path}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    tracked.train("pca", "3")
    for _ in range(2):
        assert sync() == Outcome(sent=0, waiting=2)
    remedy = "move it away, and `make sync` logs all results anew"
    assert capfd.readouterr().err == f"warning: MLflow at {uri} failed: {path} is damaged; {remedy}.\n"
    assert path.read_bytes() == damage(whole)


def test_a_failure_of_the_future_is_none(tracked):
    failure = tracked.folder / Ledger(tracking.tracking_uri()).failure
    failure.parent.mkdir(parents=True)
    failure.touch()
    assert Ledger(tracking.tracking_uri()).failed_lately()
    for jump in (86_400, -86_400):
        os.utime(failure, (time.time() + jump, time.time() + jump))
        assert not Ledger(tracking.tracking_uri()).failed_lately()


@pytest.mark.parametrize("survivors", [0, 1])
def test_an_interrupted_sync_leaves_no_double_and_the_next_one_completes_it(tracked, monkeypatch, survivors):
    tracked.train("alpa", "38")
    tracked.evaluate("alpa", "38")
    close, closed = tracking._close, []

    def dies(*arguments: object) -> None:
        if len(closed) == survivors:
            raise KeyboardInterrupt
        closed.append(arguments)
        close(*arguments)

    monkeypatch.setattr(tracking, "_close", dies)
    with pytest.raises(KeyboardInterrupt):
        sync()
    assert "RUNNING" in {run.info.status for run in all_runs()}
    monkeypatch.setattr(tracking, "_close", close)
    assert sync() == Outcome(sent=3 - survivors, waiting=0)
    runs = all_runs()
    assert len(runs) == 3
    assert set(keys(runs).values()) == {1}
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert history(named(runs, "alpa 3-0"), "training/autoencoder") == [(10, 0.5), (20, 0.25)]


def test_two_processes_share_a_fresh_database(project):
    project.train("pca", "0123")
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from alpa.tracking import sync; print(sync().sent)"
    command = [sys.executable, "-c", code]
    senders = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [sender.communicate() for sender in senders]
    assert [errors for _, errors in outputs] == ["", ""]
    runs = all_runs()
    assert len(runs) == 5
    assert set(keys(runs).values()) == {1}
