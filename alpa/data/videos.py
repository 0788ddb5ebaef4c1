"""Video files, decoded by PyAV frame by frame, and refused if they break off.

FFmpeg ends a file that breaks off as if it were complete, at most with a mark on the last packet or frame. So what was
decoded is compared with the length that the header promises.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from alpa.errors import DataError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

# Containers of frames, by FFmpeg's names: no list of other files or addresses, which it would open.
CONTAINERS = {"format_whitelist": "mov,matroska,avi,mpeg,mpegts,mpegvideo", "protocol_whitelist": "file"}
GREY_FORMATS = ("gray", "mono", "ya")  # how the names of FFmpeg's grey pixel formats begin
LOST_SECONDS = 0.2  # by which a whole video may be shorter than its header says, since muxers round


def is_grey_video(path: Path) -> bool:
    """Return whether the video's pixel format is grey.

    Raises:
        DataError: the file cannot be opened as a video.
    """
    with _open_video(path) as (_, stream):
        return (stream.codec_context.pix_fmt or "").startswith(GREY_FORMATS)


def decode_video(path: Path) -> Iterator["VideoFrame"]:
    """Yield the frames of the first video stream in order of presentation.

    Raises:
        DataError: the file cannot be opened as a video, cannot be decoded to its end, or ends too early.
    """
    with _open_video(path) as (container, stream):
        stream.thread_type = "AUTO"
        end = 0.0
        for packet in container.demux():  # all streams, since sound may outlast the pictures
            if packet.pts is not None:
                end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            if packet.is_corrupt:
                raise DataError(_broken(path, f"it breaks off after {end:.2f} seconds"))
            if packet.stream.index == stream.index:  # stream_index is 0 in every stream's last packet
                for frame in stream.decode(packet):  # the last packet is empty and brings what is left
                    if frame.is_corrupt:
                        raise DataError(_broken(path, f"its frame at {frame.time or 0:.2f} seconds is damaged"))
                    yield frame
        if end < _least_seconds(container, stream):
            raise DataError(_broken(path, f"it ends after {end:.2f} seconds, earlier than its header says"))


def to_picture(frame: "VideoFrame") -> Image.Image:
    """Return a decoded frame in mode L if its pixel format is grey, RGB otherwise, equal on every processor."""
    from av.video.reformatter import Interpolation

    exact = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
    target = "gray" if frame.format.name.startswith(GREY_FORMATS) else "rgb24"
    return Image.fromarray(frame.to_ndarray(format=target, interpolation=int(exact)))


@contextlib.contextmanager
def _open_video(path: Path) -> Iterator[tuple["InputContainer", "VideoStream"]]:
    """Open a video file and its first video stream; what FFmpeg finds wrong, as late as inside, becomes DataError."""
    import av

    try:
        # Tags are of no interest, whatever their encoding.
        with av.open(path, metadata_errors="replace", options=CONTAINERS) as container:
            if not container.streams.video or container.streams.video[0].codec_context is None:
                raise DataError(_broken(path, "it holds no video stream"))
            yield container, container.streams.video[0]
    except av.FFmpegError as error:
        raise DataError(_broken(path, error.strerror or str(error))) from None


def _broken(path: Path, reason: str) -> str:
    return f"{path} cannot be read as a whole video ({reason}); get a fresh copy of it or convert it again."


def _least_seconds(container: "InputContainer", stream: "VideoStream") -> float:
    """Return when a whole file ends at the earliest by what its header promises, 0 where it promises nothing.

    FFmpeg estimates the length of an AVI from the file's size, so there the header's number of frames decides.
    """
    import av

    kind, frame = container.format.name, 1 / float(stream.average_rate or 10)
    if kind == "avi":
        return (stream.frames - 1) * frame
    if "mp4" in kind or "matroska" in kind:
        return (container.duration or 0) / av.time_base - max(LOST_SECONDS, 2 * frame)
    return 0.0
