"""UCSD's videos from every origin, and a manifest that they can be checked against."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from alpa.data.download import fetch, missing
from alpa.data.sources import MANIFEST, SOURCES, check_files
from alpa.errors import DataError
from alpa.params import DataConfig
from tests.data.conftest import sha256
from tests.data.published import UCSD_EXTRAS, tar_gz, ucsd_files, write_files

REAL_ROOT = os.environ.get("ALPA_DATA_ROOT")
NAME = "UCSD_Anomaly_Dataset.tar.gz"
PREFIX = "UCSD_Anomaly_Dataset.v1p2/UCSDped2/"
ARCHIVE = tar_gz(ucsd_files(1) | ucsd_files(2) | UCSD_EXTRAS)
OFFICIAL = {name.removeprefix(PREFIX): content for name, content in ucsd_files(2).items()}
COMMUNITY = {
    **{f"training/frames/0{clip}/{frame:03d}.jpg": b"%d%d" % (clip, frame) for clip in (1, 2) for frame in range(3)},
    **{f"testing/frames/0{clip}/{frame:03d}.jpg": b"-%d%d" % (clip, frame) for clip in (1, 2) for frame in range(3)},
    "UCSDped2.m": b"TestVideoFile = {};",
}


@pytest.fixture
def known_archive(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny archive, which passes for the published one."""
    for key in ("ped1", "ped2"):
        monkeypatch.setitem(SOURCES, key, replace(SOURCES[key], downloads={NAME: sha256(ARCHIVE)}))


def content_of(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder, apart from the manifest, which must list them with their checksums."""
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    listed = json.loads(files.pop(MANIFEST))
    assert listed == {"files": {name: sha256(content) for name, content in files.items()}}
    return files


def take(root: Path, key: str = "ped2") -> Path:
    fetch(key, root.parent / f"raw/{key}", DataConfig(root=str(root)))
    assert [path.name for path in (root.parent / "raw").iterdir()] == [key]
    return root.parent / f"raw/{key}"


def refusal(root: Path) -> str:
    with pytest.raises(DataError) as caught:
        take(root)
    assert not (root.parent / "raw").exists() or list((root.parent / "raw").iterdir()) == []
    return str(caught.value)


@pytest.mark.parametrize("place", ["UCSD_Anomaly_Dataset.v1p2/UCSDped2", "UCSDped2", "ped2"])
def test_the_official_tree_is_taken_from_each_of_its_places(place: str, tmp_path: Path) -> None:
    extras = {f"{place}/Train/Train001/._001.tif": b"macOS", f"{place}/Test/notes.txt": b"", f"{place}/.DS_Store": b""}
    write_files(tmp_path / "root", {f"{place}/{name}": content for name, content in OFFICIAL.items()} | extras)
    assert content_of(take(tmp_path / "root")) == OFFICIAL


def test_the_archive_gives_what_the_tree_gives(known_archive: None, tmp_path: Path) -> None:
    write_files(tmp_path / "root", {NAME: ARCHIVE})
    assert content_of(take(tmp_path / "root")) == OFFICIAL


def test_the_communitys_tree_is_kept_as_it_is(tmp_path: Path) -> None:
    write_files(tmp_path / "root/ped2", COMMUNITY)
    assert content_of(take(tmp_path / "root")) == COMMUNITY


@pytest.mark.parametrize("folder", ["/{key}", ""])
def test_both_scenes_come_from_one_download(folder: str, known_archive: None, server: Any, tmp_path: Path) -> None:
    server.content = {f"{folder.format(key='ped1')}/{NAME}": ARCHIVE}
    for key in ("ped1", "ped2"):
        fetch(key, tmp_path / key, DataConfig(mirror=server.address))
        expected = {name.split("/", 2)[2]: content for name, content in ucsd_files(int(key[-1])).items()}
        assert content_of(tmp_path / key) == expected
    assert len([path for path, _ in server.asked if server.content.get(path)]) == 1


def test_equal_trees_give_equal_bytes_and_are_not_copied_again(tmp_path: Path) -> None:
    write_files(tmp_path / "root/ped2", COMMUNITY)
    folder = take(tmp_path / "root")
    manifest = (folder / MANIFEST).read_bytes()
    before = folder.stat().st_ino
    assert take(tmp_path / "root").stat().st_ino == before
    (folder / "UCSDped2.m").write_bytes(b"changed")
    assert take(tmp_path / "root").stat().st_ino != before
    assert (folder / MANIFEST).read_bytes() == manifest


def test_a_file_that_is_missing_changed_or_added_is_named(tmp_path: Path) -> None:
    write_files(tmp_path / "root/ped2", COMMUNITY)
    folder = take(tmp_path / "root")
    check_files("ped2", folder, "remedy")
    frame = folder / "training/frames/01/000.jpg"
    content = frame.read_bytes()
    frame.write_bytes(b"changed")
    with pytest.raises(DataError, match=r"^training/frames/01/000.jpg of ped2 is not the published file .*; remedy\.$"):
        check_files("ped2", folder, "remedy")
    frame.unlink()
    with pytest.raises(DataError, match=r"does not hold training/frames/01/000.jpg; remedy\.$"):
        check_files("ped2", folder, "remedy")
    frame.write_bytes(content)
    (folder / "training/frames/01/003.jpg").write_bytes(b"")
    with pytest.raises(DataError, match=r"holds training/frames/01/003.jpg, which manifest.json does not list; remedy"):
        check_files("ped2", folder, "remedy")


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"files": 1}', b"\xff"])
def test_a_damaged_or_absent_manifest_is_no_sign_of_a_whole_set(content: bytes, tmp_path: Path) -> None:
    write_files(tmp_path / "root/ped2", COMMUNITY)
    folder = take(tmp_path / "root")
    whole = (folder / MANIFEST).read_bytes()
    (folder / MANIFEST).write_bytes(content)
    with pytest.raises(DataError, match=r"manifest.json is damaged; remedy\.$"):
        check_files("ped2", folder, "remedy")
    (folder / MANIFEST).unlink()
    with pytest.raises(DataError, match=r"does not hold manifest.json; remedy\.$"):
        check_files("ped2", folder, "remedy")
    assert (take(tmp_path / "root") / MANIFEST).read_bytes() == whole


def test_a_video_is_missing_until_its_root_or_its_folder_holds_it(tmp_path: Path) -> None:
    config, raw = DataConfig(root=str(tmp_path / "root")), tmp_path / "raw"
    sentence = missing("ped2", config, raw)
    assert sentence is not None
    assert (
        "does not hold ped2, UCSD_Anomaly_Dataset.v1p2/UCSDped2, UCSDped2 or UCSD_Anomaly_Dataset.tar.gz;" in sentence
    )
    write_files(tmp_path / "root/ped2", COMMUNITY)
    assert missing("ped2", config, raw) is None
    assert missing("ped1", config, raw) is not None
    take(tmp_path / "root")
    assert missing("ped2", DataConfig(), raw) is None


def test_a_link_that_leads_out_of_the_set_is_refused(tmp_path: Path) -> None:
    write_files(tmp_path / "root/ped2", COMMUNITY)
    write_files(tmp_path / "elsewhere", {"003.jpg": b"secret"})
    link = tmp_path / "root/ped2/training/frames/01/003.jpg"
    link.symlink_to(tmp_path / "elsewhere/003.jpg")
    assert refusal(tmp_path / "root").startswith(f"{link} is a link that leads out of")
    link.unlink()
    (tmp_path / "root/ped2/training/frames/03").symlink_to(tmp_path / "elsewhere")
    assert "training/frames/03/003.jpg is a link that leads out of" in refusal(tmp_path / "root")


def test_a_root_that_is_a_link_and_links_inside_of_the_set_are_followed(tmp_path: Path) -> None:
    write_files(tmp_path / "disk/ped2", COMMUNITY)
    (tmp_path / "root").mkdir()
    (tmp_path / "root/ped2").symlink_to(tmp_path / "disk/ped2")
    (tmp_path / "disk/ped2/training/frames/01/003.jpg").symlink_to("000.jpg")
    assert content_of(take(tmp_path / "root")) == COMMUNITY | {"training/frames/01/003.jpg": b"10"}
    assert not (tmp_path / "raw/ped2/training/frames/01/003.jpg").is_symlink()


def test_a_broken_link_and_a_pipe_are_refused(tmp_path: Path) -> None:
    write_files(tmp_path / "root/ped2", COMMUNITY)
    path = tmp_path / "root/ped2/training/frames/01/003.jpg"
    path.symlink_to("absent.jpg")
    assert refusal(tmp_path / "root").startswith(f"{path} is not a file; get a fresh copy of")
    path.unlink()
    os.mkfifo(path)
    assert refusal(tmp_path / "root").startswith(f"{path} is not a file; get a fresh copy of")


def test_folders_without_frames_are_refused(tmp_path: Path) -> None:
    for part in ("training/frames/01", "testing/frames/01"):
        (tmp_path / "root/ped2" / part).mkdir(parents=True)
    assert refusal(tmp_path / "root").endswith("ped2 holds no frames; get a fresh copy of it.")


def test_an_archive_without_the_scene_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tar_gz(ucsd_files(1))
    monkeypatch.setitem(SOURCES, "ped2", replace(SOURCES["ped2"], downloads={NAME: sha256(archive)}))
    write_files(tmp_path / "root", {NAME: archive})
    assert refusal(tmp_path / "root").endswith(f"{NAME} does not hold ped2; get a fresh copy of it, or remove it.")


def test_an_archive_that_would_write_elsewhere_changes_nothing(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = tar_gz(ucsd_files(2) | {f"{PREFIX}Train/../../../../evil.tif": b"evil"})
    monkeypatch.setitem(SOURCES, "ped2", replace(SOURCES["ped2"], downloads={NAME: sha256(evil)}))
    server.content[f"/{NAME}"] = evil
    with pytest.raises(DataError, match=r"evil\.tif, which lies outside of the archive's folder, so nothing"):
        fetch("ped2", tmp_path / "raw/ped2", DataConfig(mirror=server.address))
    assert list(tmp_path.rglob("*")) == [tmp_path / "raw"]


@pytest.mark.skipif(REAL_ROOT is None, reason="ALPA_DATA_ROOT is not set")
@pytest.mark.parametrize(("key", "frames"), [("ped1", 14_000), ("ped2", 4_560)])
def test_the_published_videos_have_their_published_number_of_frames(key: str, frames: int, tmp_path: Path) -> None:
    config = DataConfig(root=REAL_ROOT)
    if sentence := missing(key, config, tmp_path):
        pytest.skip(sentence)
    fetch(key, tmp_path / key, config)
    check_files(key, tmp_path / key, "look at the manifest")
    names = json.loads((tmp_path / key / MANIFEST).read_text())["files"]
    assert len([name for name in names if name.endswith((".jpg", ".tif"))]) == frames
