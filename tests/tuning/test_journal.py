"""The journals of studies: another study's and a damaged one are kept as they are."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution

from alpa.errors import StudyError
from alpa.tuning.finished import Aurocs, Finished
from alpa.tuning.journal import copy_studies
from alpa.tuning.study import run_study
from tests.tuning.toy import (
    SPACE,
    TRIALS,
    opened,
    run_toy,
    toy_evaluate,
    toy_plan,
)


def test_another_space_is_refused_and_the_journal_left_as_it_is(path: Path) -> None:
    run_toy(path, 2)
    path.write_bytes(path.read_bytes() + b'{"torn')
    before = path.read_bytes()
    other = SPACE | {"strength": FloatDistribution(0.1, 1.0, log=True)}
    with pytest.raises(StudyError) as error:
        run_toy(path, 3, space=other)
    message = str(error.value)
    assert message.startswith("Study toy was made with another space (bound {")
    assert message.endswith("); restore it in tuning.space, or begin a new study by giving tuning.study a name.")
    assert "\n" not in message
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_parameter_more_or_less_is_another_space(path: Path) -> None:
    run_toy(path, 2)
    for space in ({name: SPACE[name] for name in ("bound", "latent")}, SPACE | {"width": SPACE["latent"]}):
        with pytest.raises(StudyError, match="was made with another space"):
            run_toy(path, 3, space=space)


def test_a_study_that_rests_on_something_else_is_set_aside_and_a_new_one_begins(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_toy(path, 3)
    before = path.read_bytes()
    wide = SPACE | {"strength": FloatDistribution(0.001, 2.0)}  # a new study may have a new space
    assert len(run_toy(path, 2, settings={"data": "other"}, space=wide)) == 2
    [aside] = [file for file in path.parent.iterdir() if file != path]
    assert aside.read_bytes() == before
    assert aside.suffix == ".journal"
    assert capsys.readouterr().out == (
        f"Study toy rests on other data, code or settings; it is kept as {aside}, and a new one begins.\n"
    )
    assert len(opened(path).trials) == 2


def test_no_study_that_was_set_aside_is_ever_overwritten(path: Path) -> None:
    kept = set()
    for trials in (4, 1, 2):
        for data in ("toy", "other"):
            run_toy(path, trials, settings={"data": data})
            kept.add(path.read_bytes())
    assert {file.read_bytes() for file in path.parent.iterdir()} == kept
    assert len(kept) == 6


def test_two_studies_side_by_side_do_not_disturb_each_other(undisturbed: list[Finished], path: Path) -> None:
    other = path.with_name("other.journal")

    def both(values: dict[str, Any]) -> Iterator[tuple[str, Aurocs]]:
        yield from toy_evaluate(values)
        run_toy(other, min(TRIALS, len(opened(path).trials)), seed=1)

    assert run_study(path, toy_plan(), both, TRIALS, minutes=None) == undisturbed
    assert run_toy(other, TRIALS, seed=1) == run_toy(path.with_name("alone.journal"), TRIALS, seed=1)


def _cut_a_line(content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    return b"".join([*lines[:8], lines[8][:30], *lines[9:]])


def _garble_a_line(content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    return b"".join([*lines[:8], b"\x00\xff\n", *lines[9:]])


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"\x00\xff\xfe garbage",
        lambda content: b"\x00\xff\xfe garbage\n",
        lambda content: b"text\n",
        lambda content: b"\n",
        lambda content: b"null\n",
        lambda content: b"[1, 2]\n",
        lambda content: b"5\n",
        lambda content: b"{}\n",
        lambda content: b'{\n "op_code": 0\n}\n',
        lambda content: b'{"op_code": 99, "worker_id": "1"}\n',
        lambda content: content.replace(b'"toy"', b'"other"'),
        lambda content: b"text\n" + content,
        lambda content: content + b"text\n",
        lambda content: content + b"\n",
        lambda content: content + b"\x00\x00\n" + content,
        lambda content: content.replace(b"op_code", b"code"),
        lambda content: content.replace(b"CategoricalDistribution", b"OtherDistribution"),
        _cut_a_line,
        _garble_a_line,
    ],
)
def test_a_damaged_journal_is_kept_aside_and_the_study_begins_anew(
    damage: Callable[[bytes], bytes], undisturbed: list[Finished], path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_toy(path, 2)
    content = damage(path.read_bytes())
    path.write_bytes(content)
    assert run_toy(path, TRIALS) == undisturbed
    message = capsys.readouterr().out
    aside = path.with_name("toy.journal.damaged")
    assert message.startswith(f"{path} is no journal of study toy (")
    assert message.endswith(
        f"); it is kept as {aside}, and the study begins anew with the finished cells of its trials.\n"
    )
    assert message.count("\n") == 1
    assert aside.read_bytes() == content
    assert {file.name for file in path.parent.iterdir()} == {path.name, aside.name}
    assert copy_studies(path.parent, path.with_name("copy"))[1] == 1, "what is damaged is no study to browse"


def test_every_damaged_journal_is_kept(path: Path) -> None:
    for number in range(3):
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"damaged {number}\n")
        run_toy(path, 1)
    names = ("toy.journal.damaged", "toy.journal-1.damaged", "toy.journal-2.damaged")
    assert [path.with_name(name).read_text() for name in names] == [f"damaged {number}\n" for number in range(3)]


def test_a_folder_in_its_place_is_kept_too(path: Path) -> None:
    (path / "inside").mkdir(parents=True)
    assert len(run_toy(path, 1)) == 1
    assert (path.with_name("toy.journal.damaged") / "inside").is_dir()


def test_no_line_gets_lost_unseen(undisturbed: list[Finished], path: Path) -> None:
    run_toy(path, TRIALS)
    lines = path.read_bytes().splitlines(keepends=True)
    for number in range(0, len(lines), 5):
        path.write_bytes(b"".join(lines[:number] + lines[number + 1 :]))
        assert run_toy(path, TRIALS) == undisturbed, f"without line {number}"


def test_what_a_user_adds_is_no_damage(path: Path) -> None:
    run_toy(path, 2)
    opened(path).enqueue_trial({"strength": 0.3, "bound": "box", "latent": 8})
    assert run_toy(path, 3)[2].values == {"strength": 0.3, "bound": "box", "latent": 8}
    assert not path.with_name("toy.journal.damaged").exists()


def test_an_empty_journal_is_a_study_that_was_killed_before_its_first_line(
    undisturbed: list[Finished], path: Path
) -> None:
    path.parent.mkdir()
    path.touch()
    assert run_toy(path, TRIALS) == undisturbed


def test_a_copy_holds_every_study_under_its_files_name_and_the_originals_stay(path: Path, tmp_path: Path) -> None:
    run_toy(path, 3)
    run_toy(path, 2, settings={"data": "other"})  # sets the first aside
    run_toy(path.with_name("second.journal"), 1)
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    storage, number = copy_studies(path.parent, tmp_path / "copy.journal")
    assert number == len(before) == 3
    names = optuna.get_all_study_names(storage)
    copied = {name: len(optuna.load_study(study_name=name, storage=storage).trials) for name in names}
    aside = next(name for name in before if name.count(".") > 1)
    assert copied == {"toy": 2, "second": 1, aside.removesuffix(".journal"): 3}
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == before


def test_there_is_no_copy_of_no_study(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r" holds no study; run `make repro` or `make tune TRIALS=30`\.$"):
        copy_studies(tmp_path / "studies", tmp_path / "copy.journal")


def test_there_is_no_copy_of_a_damaged_study(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    path.write_text("damaged\n")
    with pytest.raises(StudyError, match="is no journal of study toy"):
        copy_studies(path.parent, tmp_path / "copy.journal")
