"""One file over HTTP: resumed, restarted, or refused, and never taken half."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from alpa.data.transfer import download
from alpa.errors import DataError

CONTENT = bytes(range(256)) * 1000
CHECKSUM = hashlib.sha256(CONTENT).hexdigest()
PATH = "/file"


@pytest.fixture
def address(server: Any) -> str:
    server.content[PATH] = CONTENT
    return f"{server.address}{PATH}"


def refusal(path: Path, *addresses: str) -> str:
    with pytest.raises(DataError) as caught:
        download(path, CHECKSUM, list(addresses))
    assert not path.exists()
    return str(caught.value)


def test_a_file_comes_whole_and_without_its_part(address: str, tmp_path: Path) -> None:
    assert download(tmp_path / "new/file", CHECKSUM, [address]) == address
    assert (tmp_path / "new/file").read_bytes() == CONTENT
    assert not (tmp_path / "new/file.part").exists()


def test_a_connection_that_breaks_is_taken_up_where_it_broke(server: Any, address: str, tmp_path: Path) -> None:
    server.cut = {PATH}
    message = refusal(tmp_path / "file", address)
    assert "the connection broke off after" in message
    # Each try halves the rest: 128,000 bytes, 192,000, 224,000, 240,000 and, with the fifth, 248,000 of 256,000.
    assert [wanted for _, wanted in server.asked] == [
        None,
        *(f"bytes={size}-" for size in (128_000, 192_000, 224_000, 240_000)),
    ]
    assert (tmp_path / "file.part").read_bytes() == CONTENT[:248_000]
    server.cut.clear()
    server.asked.clear()
    download(tmp_path / "file", CHECKSUM, [address])
    assert server.asked == [(PATH, "bytes=248000-")]
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_server_without_ranges_sends_the_file_anew(server: Any, address: str, tmp_path: Path) -> None:
    server.ranges = False
    (tmp_path / "file.part").write_bytes(CONTENT[:1000])
    download(tmp_path / "file", CHECKSUM, [address])
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_wrong_beginning_from_an_earlier_try_is_dropped_and_the_file_comes_anew(
    server: Any, address: str, tmp_path: Path
) -> None:
    (tmp_path / "file.part").write_bytes(b"an older version of the file")
    download(tmp_path / "file", CHECKSUM, [address])
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert [wanted for _, wanted in server.asked] == ["bytes=28-", None]


@pytest.mark.parametrize("left", [CONTENT, CONTENT + b"more"])
def test_a_part_that_is_whole_or_too_long_is_no_dead_end(left: bytes, address: str, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(left)
    download(tmp_path / "file", CHECKSUM, [address])
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_wrong_content_is_removed_and_the_next_address_tried(server: Any, address: str, tmp_path: Path) -> None:
    server.content["/other"] = b"a page that says sorry"
    other = f"{server.address}/other"
    assert download(tmp_path / "file", CHECKSUM, [other, address]) == address
    message = refusal(tmp_path / "second", other)
    assert message.startswith(f"{other}: not the published file, its SHA-256 begins with")
    assert not (tmp_path / "second.part").exists()


def test_a_file_that_is_there_is_not_asked_for_again_unless_it_is_damaged(
    server: Any, address: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    download(tmp_path / "file", CHECKSUM, [address])
    assert server.asked == []
    (tmp_path / "file").write_bytes(CONTENT[:-1])
    download(tmp_path / "file", CHECKSUM, [address])
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_each_address_that_failed_is_named_with_its_reason(server: Any, tmp_path: Path) -> None:
    gone, closed = f"{server.address}/gone", "http://127.0.0.1:9/file"
    message = refusal(tmp_path / "file", gone, closed, "http://[/file")
    assert f"{gone}: HTTP Error 404: Not Found; {closed}: " in message
    assert "refused" in message
    assert "http://[/file: " in message
