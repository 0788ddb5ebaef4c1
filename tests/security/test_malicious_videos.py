"""Videos that would have others opened, from a folder or from the network."""

import socket
from pathlib import Path

import numpy as np
import pytest

from alpa.data.videos import decode_video
from tests.security.evil import refusal, write


@pytest.mark.parametrize("form", ["#EXTM3U\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n", "ffconcat version 1.0\nfile {}\n"])
@pytest.mark.parametrize("name", ["clip.mp4", "clip.m3u8.mkv", "clip.avi"])
def test_a_video_that_is_a_list_of_others_is_refused_and_none_of_these_is_opened(
    name: str, form: str, tmp_path: Path, ran: Path
) -> None:
    encode_frames(tmp_path / "other.avi")
    assert len(list(decode_video(tmp_path / "other.avi"))) == 3
    with socket.create_server(("127.0.0.1", 0)) as server:
        for other in (f"http://127.0.0.1:{server.getsockname()[1]}/other.avi", "other.avi"):
            path = write(tmp_path / name, form.format(other))
            assert "cannot be read as a whole video" in refusal(lambda path=path: list(decode_video(path)), ran)
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


def encode_frames(path: Path) -> None:
    """Write a video of three frames."""
    import av

    with av.open(path, "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 32
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8))))
        container.mux(stream.encode())
