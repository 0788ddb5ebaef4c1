"""What a folder of the user's own means: the layouts that are understood, and what is refused."""

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from alpa.data.layouts import Place, natural, place_pictures, walk
from alpa.errors import DataError


@pytest.fixture
def top(tmp_path: Path) -> Path:
    folder = tmp_path / "parts"
    folder.mkdir()
    return folder


def fill(top: Path, paths: Iterable[str]) -> None:
    """Make files, which may be empty, since a layout is seen from names alone."""
    for path in paths:
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).touch()


def refusal(top: Path) -> str:
    """Return why a folder is refused, and make sure that it is one sentence."""
    with pytest.raises(DataError) as caught:
        place_pictures(top, walk(top))
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    return message.replace(str(top), "TOP")


def test_mvtec_has_good_first_and_its_masks_left_out(top: Path) -> None:
    fill(top, ["train/good/0.png", "test/good/0.png", "test/cut/0.png", "test/bent/0.png", "ground_truth/cut/0.png"])
    assert place_pictures(top, walk(top)) == (
        [
            Place("test/bent/0.png", "bent", "test"),
            Place("test/cut/0.png", "cut", "test"),
            Place("test/good/0.png", "good", "test"),
            Place("train/good/0.png", "good", "train"),
        ],
        ("good", "bent", "cut"),
    )


def test_a_class_may_be_in_train_or_in_test_alone(top: Path) -> None:
    fill(top, ["train/10/1.png", "train/9/1.png", "test/9/1.png", "test/0/1.png"])
    places, names = place_pictures(top, walk(top))
    assert names == ("9", "10", "0")  # what train holds comes first
    assert [(place.class_name, place.part) for place in places] == [
        ("0", "test"),
        ("9", "test"),
        ("9", "train"),
        ("10", "train"),
    ]


def test_of_a_pair_the_anomalous_pictures_are_for_testing(top: Path) -> None:
    fill(top, ["normal/1.png", "anomalous/1.png", "ground_truth/anomalous/1.png"])
    assert place_pictures(top, walk(top)) == (
        [Place("anomalous/1.png", "anomalous", "test"), Place("normal/1.png", "normal", "undecided")],
        ("normal", "anomalous"),
    )


def test_a_folder_per_class_is_left_to_the_protocol(top: Path) -> None:
    fill(top, ["nut/1.png", "bolt/1.png"])
    assert place_pictures(top, walk(top)) == (
        [Place("bolt/1.png", "bolt", "undecided"), Place("nut/1.png", "nut", "undecided")],
        ("bolt", "nut"),
    )


def test_hidden_entries_are_counted_and_not_entered(top: Path) -> None:
    fill(top, ["a/1.png", "a/.1.png", "a/THUMBS.db", ".git/a/1", "__MACOSX/a/1.png", "desktop.ini"])
    tree = walk(top)
    assert (tree.files, tree.folders, tree.hidden) == (("a/1.png",), ("a",), 5)


def test_paths_are_in_natural_order_folder_by_folder() -> None:
    ordered = ["a/9.png", "a/10.png", "a/x1/2.png", "a/x01.png", "a/x1.png", "a/x2.png", "a b/1.png", "ä/1.png"]
    assert sorted(reversed(ordered), key=natural) == ordered


def test_folders_below_a_class_belong_to_it(top: Path) -> None:
    fill(top, ["a/monday/early/1.png", "a/2.png", "b/train/1.png"])
    places, _ = place_pictures(top, walk(top))
    assert [(place.path, place.class_name) for place in places] == [
        ("a/2.png", "a"),
        ("a/monday/early/1.png", "a"),
        ("b/train/1.png", "b"),
    ]


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        (["train/a"], "TOP holds train/, which is none of the layouts; make it train/<class>/ and test/<class>/, or"),
        (["train/a", "test/a", "old/a"], "TOP holds old/, test/, train/, which is none of the layouts; make it"),
        (["normal", "anomalous", "c"], "TOP holds anomalous/, c/, normal/, which is none of the layouts; make it"),
        (["normal", "abnormal"], "TOP holds abnormal/, normal/; rename abnormal to anomalous."),
        (["good", "anomalies"], "TOP holds anomalies/, good/; rename anomalies to anomalous and good to normal."),
        (["Normal", "anomalous"], "TOP holds Normal/, anomalous/; rename Normal to normal."),
        (["Train/a", "Test/a"], "TOP holds Test/, Train/; rename Test to test and Train to train."),
        (["train/a", "val/a"], "TOP holds train/, val/; rename val to test."),
        (["a"], "TOP holds the class a alone; add pictures of another, to tell it from."),
    ],
)
def test_another_layout_is_refused_with_what_was_found(folders: list[str], expected: str, top: Path) -> None:
    fill(top, [f"{folder}/1.png" for folder in folders])
    assert refusal(top).startswith(expected)


def test_a_slip_is_one_only_beside_its_partner(top: Path) -> None:
    fill(top, ["good/1.png", "abnormal_left/1.png", "normal/1.png"])
    assert place_pictures(top, walk(top))[1] == ("abnormal_left", "good", "normal")


def test_an_empty_folder_is_refused(top: Path) -> None:
    assert refusal(top).startswith("TOP holds no folders with pictures; make it train/<class>/ and test/<class>/, or")


@pytest.mark.parametrize("path", ["train/dent", "test/dent", "train"])
def test_a_class_without_pictures_is_refused(path: str, top: Path) -> None:
    fill(top, ["test/good/1.png"] if path == "train" else ["train/good/1.png", "test/good/1.png"])
    (top / path).mkdir()
    (top / path / "notes.txt").write_text("none yet")
    assert refusal(top) == f"{path} in TOP holds no pictures; put some there, or remove the folder."


@pytest.mark.parametrize("path", ["1.png", "archive.zip", "train/1.png"])
def test_a_file_outside_of_the_classes_is_refused(path: str, top: Path) -> None:
    fill(top, ["train/good/0.png", "test/good/0.png"])
    (top / path).write_bytes(b"content")
    assert refusal(top) == f"{path} in TOP lies in no class's folder; move it into one, or elsewhere."


def test_links_that_lead_back_or_nowhere_are_refused(top: Path) -> None:
    fill(top, ["nut/1.png", "bolt/1.png"])
    (top / "nut/back").symlink_to(top)
    assert refusal(top) == "nut/back in TOP is a link to a folder that holds it; remove the link."
    (top / "nut/back").unlink()
    for target in ("gone.png", "itself.png"):
        (top / "nut/itself.png").symlink_to(target)
        assert refusal(top).startswith("nut/itself.png in TOP cannot be read (")
        assert refusal(top).endswith("); mend or remove the link.")
        (top / "nut/itself.png").unlink()
    fill(top, ["c/1.png"])
    (top / "c/nut").symlink_to(top / "nut")
    (top / "nut/c").symlink_to(top / "c")
    assert "is a link to a folder that holds it" in refusal(top)


def test_a_pipe_is_refused_and_not_waited_for(top: Path) -> None:
    fill(top, ["nut/1.png", "bolt/1.png"])
    os.mkfifo(top / "nut/pipe.png")
    assert refusal(top) == "nut/pipe.png in TOP is neither a file nor a folder; remove it."


def test_a_name_of_other_bytes_than_utf8_is_refused(top: Path) -> None:
    fill(top, ["nut/1.png", "bolt/1.png"])
    try:
        (top / "nut" / os.fsdecode(b"\xff.png")).write_bytes(b"")
    except OSError:
        pytest.skip("this file system takes no such name")
    assert refusal(top) == "'nut/\\udcff.png' in TOP has a name that is not UTF-8; rename it."
