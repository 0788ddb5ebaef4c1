"""A data set of the user's own: which folders are understood, how they are listed, and how they are read."""

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from alpa.data.folders import (
    Inventory,
    find_folder,
    list_clips,
    list_pictures,
    read_folder,
    read_inventory,
    write_inventory,
)
from alpa.data.raw import TEST, TRAIN, UNDECIDED, RawImages
from alpa.errors import ConfigError, DataError

MVTEC = ("train/good/000.png", "train/good/001.png", "test/good/000.png", "test/cut/000.png", "test/bent/000.png")
PAIR = ("normal/a.png", "normal/b.png", "anomalous/a.png")
CLASSES = ("nut/a.png", "nut/b.png", "bolt/a.png")
AGAIN = "run `python -m pipeline.folder parts`"


@pytest.fixture
def top(tmp_path: Path) -> Path:
    folder = tmp_path / "parts"
    folder.mkdir()
    return folder


def fill(top: Path, paths: Iterable[str], mode: str = "L", extension: str = "PNG") -> None:
    """Write pictures of one colour each, whose value is their number in `paths`."""
    for number, path in enumerate(paths):
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (5 + number % 7, 9), number % 256).convert(mode).save(top / path, extension)


def listed(top: Path) -> Inventory:
    write_inventory(top.parent / "raw", list_pictures("parts", top))
    return read_inventory("parts", top.parent / "raw")


def read(top: Path, size: int = 8) -> RawImages:
    listed(top)
    return read_folder("parts", top.parent / "raw", size)


def refusal(top: Path) -> str:
    """Return why a folder is not listed, and make sure that it is one sentence and that nothing was written."""
    with pytest.raises(DataError) as caught:
        listed(top)
    assert not (top.parent / "raw").exists()
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    assert str(top) in message
    return message.replace(str(top), "TOP")


def test_mvtec_has_good_first_and_its_parts_as_given(top: Path) -> None:
    fill(top, [*MVTEC, "ground_truth/cut/000_mask.png", "ground_truth/readme.zip"])
    inventory = listed(top)
    assert inventory.class_names == ("good", "bent", "cut")
    assert [file.path for file in inventory.files] == sorted(MVTEC)
    raw = read(top)
    assert raw.class_names == ("good", "bent", "cut")
    assert raw.labels.tolist() == [1, 2, 0, 0, 0]
    assert raw.part.tolist() == [TEST, TEST, TEST, TRAIN, TRAIN]
    assert raw.images[:, 0, 0, 0].tolist() == [4, 3, 2, 0, 1]  # the places of their paths in MVTEC


def test_of_a_pair_the_protocol_splits_the_normal_pictures_alone(top: Path) -> None:
    fill(top, PAIR)
    raw = read(top)
    assert raw.class_names == ("normal", "anomalous")
    assert raw.labels.tolist() == [1, 0, 0]
    assert raw.part.tolist() == [TEST, UNDECIDED, UNDECIDED]


def test_a_folder_per_class_is_left_to_the_protocol(top: Path) -> None:
    fill(top, CLASSES)
    raw = read(top)
    assert (raw.dataset, raw.class_names) == ("parts", ("bolt", "nut"))
    assert raw.labels.tolist() == [0, 1, 1]
    assert set(raw.part) == {UNDECIDED}
    assert (raw.images.dtype, raw.labels.dtype, raw.part.dtype) == (np.uint8, np.int64, np.int8)


@pytest.mark.parametrize("name", ["<script>alert(1)<", "with space", "Schraube ä", "部品", "a'b\"c", "1"])
def test_a_class_may_have_any_name(name: str, top: Path) -> None:
    fill(top, [f"{name}/ü 1.png", "z/1.png"])
    raw = read(top)
    assert set(raw.class_names) == {name, "z"}
    assert len(raw.images) == 2


def test_hidden_files_and_text_are_left_alone_and_counted(top: Path) -> None:
    fill(top, CLASSES)
    others = [
        "readme.MD",
        "labels.csv",
        "nut/a.txt",
        "nut/a.json",
        "nut/a.xml",
        "nut/Thumbs.db",
        ".DS_Store",
        "nut/._a.png",
    ]
    for path in others:
        (top / path).write_text("no picture")
    (top / "__MACOSX/nut").mkdir(parents=True)
    inventory = list_pictures("parts", top)
    assert len(inventory.files) == len(CLASSES)
    assert inventory.left_alone == len(others) + 1


def test_equal_folders_give_equal_bytes(top: Path) -> None:
    fill(top, MVTEC)
    contents = []
    for _ in range(3):
        listed(top)
        contents.append((top.parent / "raw/inventory.json").read_bytes())
    assert len(set(contents)) == 1
    assert [path.name for path in (top.parent / "raw").iterdir()] == ["inventory.json"]
    facts = json.loads(contents[0])
    assert (facts["kind"], facts["folder"]) == ("images", top.as_posix())
    assert set(facts["files"][0]) == {"path", "sha256", "class", "part"}


def test_a_relative_path_is_kept_as_given(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(top, CLASSES)
    monkeypatch.chdir(top.parent)
    folder = find_folder("parts", {"parts": "../" + top.parent.name + "/parts/"})
    assert list_pictures("parts", folder).folder == f"../{top.parent.name}/parts"


def test_two_hundred_pictures_of_all_kinds_become_one_array(top: Path) -> None:
    random = np.random.default_rng(0)
    exif = Image.Exif()
    exif[0x0112] = 8
    for number in range(200):
        height, width = random.integers(1, 90, size=2)
        noise = Image.fromarray(random.integers(0, 256, (height, width, 4), dtype=np.uint8))
        wide = Image.fromarray(random.integers(0, 65536, (height, width), dtype=np.uint16))
        kinds = [noise.convert("RGB"), noise.convert("L"), noise.convert("P"), noise, wide, noise.convert("1")]
        kinds += [noise.convert("CMYK"), noise.convert("LA"), noise.convert("RGB")]
        kind = number % len(kinds)
        extension = {6: "jpg", 8: "jpeg"}.get(kind, "png")
        path = top / ("good" if number % 3 else "bad") / f"{number}.{extension}"
        path.parent.mkdir(exist_ok=True)
        kinds[kind].save(path, **({"exif": exif} if kind == 8 else {}))
    raw = read(top, 32)
    assert raw.images.shape == (200, 3, 32, 32)
    grey = [row for row, file in enumerate(listed(top).files) if int(Path(file.path).stem) % 9 in (1, 4, 5, 7)]
    assert (raw.images[grey] == raw.images[grey][:, :1]).all()
    np.testing.assert_array_equal(read(top, 32).images, raw.images)


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("1", 1), ("LA", 1), ("RGB", 3), ("P", 3)])
def test_a_set_is_grey_if_all_of_its_pictures_are(mode: str, channels: int, top: Path) -> None:
    fill(top, CLASSES)
    fill(top, ["nut/c.png"], mode)
    assert read(top).images.shape == (4, channels, 8, 8)


@pytest.mark.parametrize("size", [7, 513])
def test_a_size_out_of_range_is_refused(size: int, top: Path) -> None:
    with pytest.raises(ConfigError, match="choose 8 to 512"):
        read_folder("parts", top, size)


def test_pictures_too_dark_for_their_bits_are_mentioned(top: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(top, CLASSES)
    Image.fromarray(np.full((4, 4), 4095, np.uint16)).save(top / "nut/c.png")
    assert read(top).images.max() == 15  # 4095 // 257
    assert capsys.readouterr().err.startswith("parts: no pixel of its pictures is brighter than 15 of 255; ")


def test_a_changed_a_removed_and_a_truncated_picture_are_noticed(top: Path) -> None:
    fill(top, CLASSES)
    listed(top)
    raw_folder = top.parent / "raw"
    fill(top, ["x/0.png", "x/1.png", "nut/a.png"])
    with pytest.raises(
        DataError, match=r"nut/a.png in .* has changed since it was listed .*; run `python -m .* parts`.$"
    ):
        read_folder("parts", raw_folder, 8)
    (top / "nut/a.png").unlink()
    with pytest.raises(DataError, match=r"nut/a.png in .* cannot be read .*; bring it back, or run `python -m .*`.$"):
        read_folder("parts", raw_folder, 8)
    Image.effect_noise((50, 50), 99).save(top / "nut/a.png")
    (top / "nut/a.png").write_bytes((top / "nut/a.png").read_bytes()[:1000])
    listed(top)
    with pytest.raises(DataError, match=f"nut/a.png in .* is damaged .*; replace or remove it, and {AGAIN}.$"):
        read_folder("parts", raw_folder, 8)


def test_a_missing_and_a_damaged_inventory_are_noticed(top: Path) -> None:
    with pytest.raises(DataError, match=f"inventory.json does not exist; {AGAIN}.$"):
        read_folder("parts", top.parent / "raw", 8)
    fill(top, CLASSES)
    listed(top)
    path = top.parent / "raw/inventory.json"
    whole = path.read_text()
    for damaged in (
        whole[:-9],
        "[]",
        "{}",
        whole.replace('"images"', '"x"'),
        whole.replace('"class": "nut"', '"class": 1'),
    ):
        path.write_text(damaged)
        with pytest.raises(DataError, match=f"inventory.json is damaged; {AGAIN}.$"):
            read_folder("parts", top.parent / "raw", 8)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty (0 bytes)"),
        (b"not a picture", "is not a PNG, JPEG, BMP, TIFF, WebP, GIF, PGM or PPM picture"),
        (b"P5 60000 60000 255\n", "is too large: it has more than 178956970 pixels"),
        (b"Pf 1 1 1.0\n0000", "has pixels of mode F, not integers of at most 16 bits, grey or in colour"),
    ],
)
def test_a_file_that_is_no_picture_is_refused_when_listed(content: bytes, reason: str, top: Path) -> None:
    fill(top, CLASSES)
    (top / "nut/b.jpg").write_bytes(content)
    assert refusal(top) == f"nut/b.jpg in TOP {reason}; replace or remove it."


def test_links_are_followed_out_of_the_folder(top: Path) -> None:
    fill(top.parent, ["elsewhere/1.png", "elsewhere/2.png"])
    fill(top, ["a/1.png"])
    (top / "a/0.png").symlink_to(top.parent / "elsewhere/1.png")
    (top / "b").symlink_to(top.parent / "elsewhere")
    assert [file.path for file in listed(top).files] == ["a/0.png", "a/1.png", "b/1.png", "b/2.png"]
    assert len(read(top).images) == 4


@pytest.mark.parametrize("path", ["nut", "nut/a.png", ""])
def test_what_may_not_be_read_is_named(path: str, top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(top, CLASSES)
    open_file, list_entries, closed = Path.read_bytes, os.listdir, top / path  # root reads whatever the mode is

    def denied(path: Path) -> None:
        if path == closed:
            raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", lambda path: denied(path) or open_file(path))
    monkeypatch.setattr(os, "listdir", lambda path: denied(Path(path)) or list_entries(path))
    assert " cannot be read (Permission denied); give yourself the permission to read it, or " in (
        message := refusal(top)
    )
    assert message.startswith(f"{path} in TOP" if path.endswith("png") else "nut/ in TOP" if path else "TOP")


def test_a_folder_that_is_not_there_is_refused(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(top.parent)
    (top.parent / "parts.zip").write_bytes(b"")
    (top.parent / "data/raw/parts").mkdir(parents=True)
    for value, expected in {
        "gone": "folders.parts is gone, which does not exist; give a folder's path, in full or relative to",
        "parts.zip": "folders.parts is parts.zip, which is not a folder; give the path of one",
        "~/parts": "folders.parts is ~/parts, in which DVC does not expand ~; write the path in full.",
        "data/raw/parts": "folders.parts is data/raw/parts, which DVC may empty since it lies in data/raw/; move it",
    }.items():
        with pytest.raises(DataError) as caught:
            find_folder("parts", {"parts": value})
        assert str(caught.value).startswith(expected)
    assert find_folder("parts", {"parts": "parts"}) == Path("parts")


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(DataError, match=r"Data set nuts is not under folders in params.yaml; choose parts, bolts\.$"):
        find_folder("nuts", {"parts": "a", "bolts": "b"})
    with pytest.raises(DataError, match="add it with its path"):
        find_folder("nuts", {})


def test_clips_are_listed_with_every_file_and_not_decoded(top: Path) -> None:
    for path in ("Test/10/1.tif", "Test/9/1.tif", "Train/1.avi", "labels.txt", ".hidden"):
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text(path)
    write_inventory(top.parent / "raw", list_clips("parts", top))
    inventory = read_inventory("parts", top.parent / "raw")
    assert (inventory.kind, inventory.class_names) == ("clips", ())
    assert [file.path for file in inventory.files] == ["Test/9/1.tif", "Test/10/1.tif", "Train/1.avi", "labels.txt"]
    assert {len(file.sha256) for file in inventory.files} == {64}
    with pytest.raises(DataError, match="parts holds clips"):
        read_folder("parts", top.parent / "raw", 8)


@pytest.mark.parametrize("kind", ["images", "clips"])
def test_the_stage_writes_the_inventory_of_either_kind(
    kind: str, top: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from pipeline import folder as stage

    fill(top, CLASSES)
    (top / "readme.txt").touch()
    clips = ModuleType("alpa.data.clips")
    monkeypatch.setattr(clips, "is_clip_folder", lambda path: kind == "clips", raising=False)
    monkeypatch.setitem(sys.modules, "alpa.data.clips", clips)
    monkeypatch.setattr(stage, "load_params", lambda: SimpleNamespace(folders={"parts": "parts"}))
    monkeypatch.setattr(sys, "argv", ["folder", "parts"])
    monkeypatch.chdir(top.parent)
    stage.main()
    inventory = read_inventory("parts", Path("data/raw/parts"))
    assert (inventory.kind, inventory.folder) == (kind, "parts")
    assert len(inventory.files) == len(CLASSES) + (kind == "clips")
    assert ("parts: 1 hidden" in capsys.readouterr().out) == (kind == "images")
