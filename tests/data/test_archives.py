"""What is unpacked from an archive, and that nothing is from one that holds what it should not."""

import contextlib
import hashlib
import tarfile
from pathlib import Path

import pytest

from alpa.data.archives import unpack
from alpa.errors import DataError
from tests.data.published import tar_gz

FILES = {"set/a/1.txt": b"one", "set/b/2.txt": b"two", "other/3.txt": b"three", "set/a/.hidden": b"four"}


def member(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def write(folder: Path, content: bytes) -> tuple[Path, str]:
    """Write an archive and return its path and checksum."""
    path = folder / "set.tar.gz"
    path.write_bytes(content)
    return path, hashlib.sha256(content).hexdigest()


def refusal(path: Path, checksum: str, folder: Path) -> str:
    """Unpack, which must fail before anything is unpacked, and return the message."""
    before = sorted(folder.parent.rglob("*"))
    with pytest.raises(DataError) as caught:
        unpack(path, checksum, ["set"], folder)
    assert sorted(folder.parent.rglob("*")) == before
    message = str(caught.value)
    assert message.startswith(str(path))
    assert message.endswith("get a fresh copy of it, or remove it.")
    return message


def test_only_files_of_the_wanted_part_are_unpacked(tmp_path: Path) -> None:
    unpack(*write(tmp_path, tar_gz(FILES)), ["set/a", "absent"], tmp_path / "out")
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*") if path.is_file()] == [
        "set.tar.gz",
        "out/set/a/1.txt",
    ]


@pytest.mark.parametrize("name", ["../evil", "set/../../evil", "/tmp/evil", "//tmp/evil", "set/a/.."])
def test_a_member_outside_of_the_folder_is_refused(name: str, tmp_path: Path) -> None:
    message = refusal(*write(tmp_path, tar_gz(FILES | {name: b"evil"})), tmp_path / "out")
    assert f"holds {name}, which lies outside of the archive's folder, so nothing of it was unpacked" in message


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
@pytest.mark.parametrize("target", ["/etc/passwd", "../../../../etc/passwd"])
def test_a_link_that_leads_out_is_refused(kind: bytes, target: str, tmp_path: Path) -> None:
    content = tar_gz(FILES, [member("set/link", kind, target)])
    assert "holds set/link, which is a link to outside of the archive's folder" in refusal(
        *write(tmp_path, content), tmp_path / "out"
    )


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_a_link_that_stays_inside_is_left_out(kind: bytes, tmp_path: Path) -> None:
    content = tar_gz(FILES, [member("set/link", kind, "set/a/1.txt")])
    unpack(*write(tmp_path, content), ["set"], tmp_path / "out")
    assert not (tmp_path / "out/set/link").is_symlink()
    assert not (tmp_path / "out/set/link").exists()
    assert (tmp_path / "out/set/b/2.txt").read_bytes() == b"two"


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_nothing_is_written_through_a_link(kind: bytes, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    path = tmp_path / "set.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        tar.addfile(member("set/a", tarfile.DIRTYPE))
        tar.addfile(member("set/b", kind, "set/a" if kind == tarfile.LNKTYPE else "a"))
        tar.addfile(member("set/b/c", kind, "../../elsewhere"))
        tar.addfile(member("set/b/c/2.txt", tarfile.REGTYPE))
    with contextlib.suppress(DataError):
        unpack(path, hashlib.sha256(path.read_bytes()).hexdigest(), ["set"], tmp_path / "out")
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_a_device_is_refused_wherever_it_lies(kind: bytes, tmp_path: Path) -> None:
    content = tar_gz(FILES, [member("elsewhere", kind)])
    message = refusal(*write(tmp_path, content), tmp_path / "out")
    assert "holds elsewhere, which is neither a file nor a folder" in message


def test_an_archive_with_another_checksum_is_not_even_opened(tmp_path: Path) -> None:
    path, _ = write(tmp_path, b"anything")
    assert "is not the published file (its SHA-256 begins with" in refusal(path, "0" * 64, tmp_path / "out")


@pytest.mark.parametrize("kept", [0, 5, 60])
def test_an_archive_that_breaks_off_is_refused(kept: int, tmp_path: Path) -> None:
    assert "is damaged" in refusal(*write(tmp_path, tar_gz(FILES)[:kept]), tmp_path / "out")


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    assert "is damaged" in refusal(*write(tmp_path, b"<html>sorry</html>"), tmp_path / "out")
