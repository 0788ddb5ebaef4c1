"""What a server can do to a download: the content decides, and nothing of another content is used."""

import gzip
import io
import tarfile
from collections.abc import Callable
from email.message import Message
from pathlib import Path

import pytest

from alpa.data import download as fetching
from alpa.data import transfer
from alpa.data.archives import unpack
from alpa.data.sources import SOURCES
from alpa.data.transfer import download
from alpa.errors import DataError
from alpa.params import DataConfig
from tests.security.answers import CHECKSUM, CONTENT, Headers, moved, whole

SECRET = b"a file of this machine"


def refusal(path: Path, address: str) -> str:
    with pytest.raises(DataError) as caught:
        download(path, CHECKSUM, [address])
    assert not path.exists()
    assert SECRET not in b"".join(left.read_bytes() for left in path.parent.iterdir() if left.suffix == ".part")
    return str(caught.value)


def test_a_redirect_is_followed_to_the_right_content(serve: Callable[..., str], tmp_path: Path) -> None:
    address = serve(file=whole(CONTENT))
    serve(old=moved(f"{address}/file"))
    download(tmp_path / "file", CHECKSUM, [f"{address}/old"])
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_redirect_to_other_content_is_refused(serve: Callable[..., str], tmp_path: Path) -> None:
    address = serve(other=whole(b"something else"))
    serve(old=moved(f"{address}/other"))
    assert "not the published file" in refusal(tmp_path / "file", f"{address}/old")
    assert not (tmp_path / "file.part").exists()


def test_a_redirect_to_a_file_of_this_machine_is_not_followed(serve: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(SECRET)
    address = serve(old=moved((tmp_path / "secret").as_uri()))
    assert "not allowed" in refusal(tmp_path / "file", f"{address}/old")


def test_a_redirect_in_a_circle_ends(serve: Callable[..., str], tmp_path: Path) -> None:
    address = serve()
    serve(old=moved(f"{address}/old"))
    assert "infinite loop" in refusal(tmp_path / "file", f"{address}/old")


@pytest.mark.parametrize("length", ["10", "0", "many", "1_0"])
def test_a_length_that_is_none_or_too_short_is_refused(length: str, serve: Callable[..., str], tmp_path: Path) -> None:
    refusal(tmp_path / "file", f"{serve(file=whole(CONTENT, **{'Content-Length': length}))}/file")


def test_a_length_that_is_too_long_breaks_off_and_the_rest_is_asked_for(
    serve: Callable[..., str], tmp_path: Path
) -> None:
    address = serve(file=whole(CONTENT, **{"Content-Length": str(len(CONTENT) + 9)}))
    assert "the connection broke off" in refusal(tmp_path / "file", f"{address}/file")


@pytest.mark.parametrize("says", [True, False])
def test_what_is_longer_than_any_published_file_is_not_stored(
    says: bool, serve: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "MOST_BYTES", 1000)
    monkeypatch.setattr(transfer, "CHUNK", 100)
    answer = whole(CONTENT) if says else lambda _: (200, {}, CONTENT)
    assert "more than 1,000 bytes" in refusal(tmp_path / "file", f"{serve(file=answer)}/file")
    assert not (tmp_path / "file.part").exists()


def test_a_part_is_joined_to_nothing_but_the_rest_that_was_asked_for(serve: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(CONTENT[:100])
    wrong = {"Content-Range": f"bytes 50-{len(CONTENT) - 1}/{len(CONTENT)}", "Content-Length": "10140"}
    address = serve(file=lambda _: (206, wrong, CONTENT[50:-50]))
    assert "another part of the file" in refusal(tmp_path / "file", f"{address}/file")
    assert (tmp_path / "file.part").read_bytes() == CONTENT[:100]


def test_a_rest_of_changed_content_is_dropped_and_the_whole_comes_anew(
    serve: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "file.part").write_bytes(CONTENT[:100])
    asked: list[str] = []

    def answer(headers: Message) -> tuple[int, Headers, bytes]:
        part = headers.get("Range", "")
        asked.append(part)
        if not part:
            return 200, {"Content-Length": str(len(CONTENT))}, CONTENT
        rest = bytes(len(CONTENT) - 100)  # of another version
        return 206, {"Content-Range": f"bytes 100-{len(CONTENT) - 1}/*", "Content-Length": str(len(rest))}, rest

    download(tmp_path / "file", CHECKSUM, [f"{serve(file=answer)}/file"])
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert asked == ["bytes=100-", ""]


def test_a_compressed_file_that_unpacks_to_more_than_any_published_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ALPA_DATA_ROOT", raising=False)
    monkeypatch.setattr(fetching, "MOST_BYTES", 2**20)
    raw = tmp_path / "root/MNIST/raw"
    raw.mkdir(parents=True)
    for name in SOURCES["mnist"].files:
        (raw / f"{name}.gz").write_bytes(gzip.compress(bytes(2**24)))
    with pytest.raises(DataError, match=r"ubyte\.gz holds more than 1,048,576 bytes; get a fresh copy of it\."):
        fetching.fetch("mnist", tmp_path / "raw/mnist", DataConfig(root=str(tmp_path / "root")))
    assert list((tmp_path / "raw").iterdir()) == []


def test_an_archive_that_unpacks_to_much_more_is_not_even_opened(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.tar.gz"
    with tarfile.open(bomb, "w:gz") as archive:
        large = tarfile.TarInfo("set/large")
        large.size = 2**24
        archive.addfile(large, io.BytesIO(bytes(2**24)))
    with pytest.raises(DataError, match="is not the published file"):
        unpack(bomb, CHECKSUM, ["set"], tmp_path / "out")
    assert not (tmp_path / "out").exists()
