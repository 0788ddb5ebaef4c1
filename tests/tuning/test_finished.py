"""The record of a study: which trial is chosen, and a file that tells damage from content."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from alpa.errors import StudyError
from alpa.tuning.finished import Finished, StudyRecord, choose, read_record, record_path, write_record

FIRST = Finished(0, "complete", 0.75, {"strength": 0.1}, {"3": {"permuted": 0.5, "warped": 1.0}})
RECORD = StudyRecord(
    name="toy-alpa",
    space={"strength": '{"name": "FloatDistribution"}'},
    settings={"classes": ["3"], "objective": "pseudo", "shortened": {}, "training": {"steps": 5}},
    trials=(FIRST, replace(FIRST, trial=1, state="diverged", objective=0.0, aurocs={})),
)


def trials(*states_and_worths: tuple[str, float]) -> list[Finished]:
    return [Finished(place, state, worth, {}, {}) for place, (state, worth) in enumerate(states_and_worths)]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (trials(("complete", 0.5)), 0),
        (trials(("complete", 0.5), ("complete", 0.7), ("complete", 0.6)), 1),
        (trials(("complete", 0.7), ("complete", 0.7)), 0),
        (trials(("pruned", 0.9), ("diverged", 0.8), ("complete", 0.1)), 2),
    ],
    ids=["one", "best", "first of equals", "complete alone"],
)
def test_the_complete_trial_that_is_worth_most_is_chosen(found: list[Finished], expected: int) -> None:
    assert choose(found).trial == expected


@pytest.mark.parametrize("found", [[], trials(("pruned", 0.9), ("diverged", 0.0))], ids=["none", "none complete"])
def test_without_a_complete_trial_there_is_nothing_to_choose(found: list[Finished]) -> None:
    with pytest.raises(StudyError, match=r"^No trial of the study is complete, .*; give it more trials\.$"):
        choose(found)


@pytest.mark.parametrize("record", [RECORD, StudyRecord("toy-pca")], ids=["whole", "without a study"])
def test_what_is_written_is_read(record: StudyRecord, tmp_path: Path) -> None:
    write_record(tmp_path / "a.trials.json", record)
    assert read_record(tmp_path / "a.trials.json") == record


def test_equal_records_give_equal_bytes(tmp_path: Path) -> None:
    backwards = replace(RECORD, settings=dict(reversed(RECORD.settings.items())))
    for name, record in (("a", RECORD), ("b", backwards)):
        write_record(tmp_path / name, record)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_record_lies_beside_the_values_that_it_led_to() -> None:
    assert record_path("digits", "alpa") == Path("runs/tuned/digits/alpa.trials.json")


WRITTEN = {"name": "toy", "space": {}, "settings": {}, "trials": []}
TRIAL = {"trial": 0, "state": "complete", "objective": 0.5, "values": {}, "aurocs": {}}


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"\xff\xfe",
        b"{",
        b"null",
        b"5",
        b"[]",
        b'"text"',
        b"{}",
        json.dumps(WRITTEN | {"trials": None}).encode(),
        json.dumps(WRITTEN | {"trials": [None]}).encode(),
        json.dumps(WRITTEN | {"trials": [TRIAL | {"place": 0}]}).encode(),
        json.dumps(WRITTEN | {"trials": [{"trial": 0}]}).encode(),
        json.dumps(WRITTEN | {"extra": 1}).encode(),
        json.dumps({"trials": []}).encode(),
    ],
)
def test_a_missing_or_damaged_record_names_the_command_that_makes_it(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / record_path("digits", "alpa")
    path.parent.mkdir(parents=True)
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StudyError) as error:
        read_record(path)
    remedy = "run `dvc repro -f pipeline/dvc.yaml:tune@digits-alpa`."
    assert str(error.value) == f"{path} is missing or damaged; {remedy}"


def test_a_folder_in_its_place_is_damage_too(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="is missing or damaged"):
        read_record(tmp_path)
