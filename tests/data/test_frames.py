"""Frames of clips: order, pixels and bounded memory, and what is refused, from folders and from video files."""

import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alpa.data import frames as module
from alpa.data.clips import Clip
from alpa.data.frames import AHEAD, count_channels, read_frames
from alpa.errors import DataError

SIZE = (4, 6)


def clip_of(path: Path) -> Clip:
    return Clip(path.stem, "train", path, ())


def write_frames(folder: Path, count: int, name: str = "f{}.png", shape: tuple[int, ...] = (8, 12)) -> Clip:
    """Write frames of which the n-th is all n."""
    folder.mkdir()
    for index in range(1, count + 1):
        Image.fromarray(np.full(shape, index, dtype=np.uint8)).save(folder / name.format(index))
    return clip_of(folder)


def write_video(
    path: Path,
    codec: str,
    count: int,
    pixels: str = "yuv420p",
    sound: bool = False,
    noisy: bool = False,
    **options: str,
) -> Clip:
    """Write frames of 96x64 of which the n-th is all red + n, or noise with a moving part; 25 a second."""
    import av

    noise = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    with av.open(path, "w", options=options) as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, pixels
        audio = container.add_stream("pcm_s16le", rate=8000, layout="mono") if sound else None
        for index in range(count):
            image = np.roll(noise, index, axis=1) if noisy else np.full_like(noise, (200, index, 30))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
        if audio is not None:
            samples = av.AudioFrame.from_ndarray(np.zeros((1, 8000 * 5), dtype=np.int16), "s16", "mono")
            samples.sample_rate = 8000
            container.mux(audio.encode(samples))
            container.mux(audio.encode())
    return clip_of(path)


def one_of(path: Path, channels: int, size: tuple[int, int] = (1, 1)) -> np.ndarray:
    """Return the first frame of a clip that repeats the picture."""
    path.with_stem("again").write_bytes(path.read_bytes())
    return next(read_frames(clip_of(path.parent), size, channels))


def refusal(clip: Clip, channels: int = 1) -> str:
    with pytest.raises(DataError) as caught:
        list(read_frames(clip, SIZE, channels))
    message = str(caught.value)
    assert clip.name in message
    assert message.endswith(".")
    assert "\n" not in message
    return message


def test_frames_come_in_natural_order(tmp_path: Path) -> None:
    frames = list(read_frames(write_frames(tmp_path / "door", 50), SIZE, 1))
    assert [frame.shape for frame in frames] == [(1, 4, 6)] * 50
    assert [int(frame[0, 0, 0]) for frame in frames] == list(range(1, 51))
    assert frames[0].dtype == np.uint8


def test_reading_twice_gives_the_same_pixels(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "door.mp4", "mpeg4", 12, noisy=True)
    first, second = (np.stack(list(read_frames(clip, (30, 44), 3))) for _ in range(2))
    assert np.array_equal(first, second)


def test_a_frame_is_resized_as_a_whole_with_antialiasing(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 60), dtype=np.uint8)
    (tmp_path / "door").mkdir()
    Image.fromarray(noise).save(tmp_path / "door/1.png")
    found = one_of(tmp_path / "door/1.png", 1, SIZE)[0]
    assert np.array_equal(found, np.asarray(Image.fromarray(noise).resize((6, 4), Image.Resampling.BILINEAR)))
    assert found.std() < noise.std() / 3, "10x10 pixels are averaged, not one of them taken"


def test_three_channels_of_a_grey_frame_are_equal_and_one_of_colour_is_luma(tmp_path: Path) -> None:
    grey = next(read_frames(write_frames(tmp_path / "grey", 2), SIZE, 3))
    assert grey.shape == (3, 4, 6)
    assert (grey == 1).all()
    (tmp_path / "red").mkdir()
    Image.new("RGB", (3, 3), (200, 0, 0)).save(tmp_path / "red/1.png")
    assert one_of(tmp_path / "red/1.png", 1).tolist() == [[[60]]], "0.299 of red"


def palette() -> Image.Image:
    picture = Image.new("P", (3, 3), 1)
    picture.putpalette([0, 0, 0, 10, 20, 30])
    return picture


@pytest.mark.parametrize(
    ("picture", "name", "channels", "pixel"),
    [
        (Image.new("L", (3, 3), 7), "1.png", 1, [7]),
        (Image.new("1", (3, 3), 1), "1.bmp", 1, [255]),
        (Image.fromarray(np.full((3, 3), 257 * 99 + 256, dtype=np.uint16)), "1.png", 1, [99]),
        (Image.fromarray(np.full((3, 3), 65535, dtype=np.uint16)), "1.tif", 1, [255]),
        (Image.new("LA", (3, 3), (200, 51)), "1.png", 1, [40]),
        (palette(), "1.png", 3, [10, 20, 30]),
        (Image.new("RGB", (3, 3), (1, 2, 3)), "1.tiff", 3, [1, 2, 3]),
        (Image.new("RGBA", (3, 3), (200, 100, 50, 51)), "1.png", 3, [40, 20, 10]),
        (Image.new("RGBA", (3, 3), (200, 100, 50, 0)), "1.png", 3, [0, 0, 0]),
    ],
    ids=lambda value: getattr(value, "mode", None),
)
def test_every_kind_of_pixel_becomes_grey_or_rgb(
    picture: Image.Image, name: str, channels: int, pixel: list[int], tmp_path: Path
) -> None:
    (tmp_path / "door").mkdir()
    picture.save(tmp_path / "door" / name)
    assert one_of(tmp_path / "door" / name, channels).ravel().tolist() == pixel
    assert count_channels([clip_of(tmp_path / "door")]) == channels


def test_a_transparent_colour_of_a_palette_is_black(tmp_path: Path) -> None:
    (tmp_path / "door").mkdir()
    palette().save(tmp_path / "door/1.png", transparency=1)
    assert one_of(tmp_path / "door/1.png", 3).ravel().tolist() == [0, 0, 0]


def test_one_clip_in_colour_makes_three_channels(tmp_path: Path) -> None:
    grey = write_frames(tmp_path / "grey", 2, "{}.jpg")
    colour = write_frames(tmp_path / "colour", 2, "{}.jpg", (8, 12, 3))
    assert count_channels([grey]) == 1
    assert count_channels([grey, colour]) == 3


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("door.mp4", "libx264", "yuv420p"),
        ("door.mp4", "mpeg4", "yuv420p"),
        ("door.m4v", "mpeg4", "yuv420p"),
        ("door.mov", "mjpeg", "yuvj420p"),
        ("door.avi", "mpeg4", "yuv420p"),
        ("door.mkv", "libx264", "yuv420p"),
        ("door.webm", "libvpx-vp9", "yuv420p"),
        ("door.mpg", "mpeg2video", "yuv420p"),
    ],
)
def test_every_frame_of_a_video_file_is_read(name: str, codec: str, pixels: str, tmp_path: Path) -> None:
    clip = write_video(tmp_path / name, codec, 40, pixels)
    frames = np.stack(list(read_frames(clip, SIZE, 3)))
    assert frames.shape == (40, 3, 4, 6)
    assert np.abs(frames.mean(axis=(0, 2, 3)) - [200, 19.5, 30]).max() < 6, "red, green and blue"
    assert np.abs(frames[:, 1].mean(axis=(1, 2)) - np.arange(40)).max() < 8
    assert count_channels([clip]) == 3


def test_a_grey_video_file_has_one_channel(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "door.mkv", "ffv1", 3, "gray")
    assert count_channels([clip]) == 1
    assert [frame.shape for frame in read_frames(clip, SIZE, 1)] == [(1, 4, 6)] * 3
    assert {len(np.unique(frame)) for frame in read_frames(clip, SIZE, 3)} == {1}


def test_frames_are_decoded_a_few_ahead_of_their_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = write_frames(tmp_path / "door", 60)
    started = []
    read = module._read_frame
    monkeypatch.setattr(module, "_read_frame", lambda *arguments: started.append(1) or read(*arguments))
    most = max(len(started) - used for used, _ in enumerate(read_frames(clip, SIZE, 1)))
    assert AHEAD <= most <= AHEAD + 1


def test_a_reader_that_is_left_decodes_no_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    read = module._read_frame
    monkeypatch.setattr(module, "_read_frame", lambda *arguments: started.append(1) or read(*arguments))
    reader = read_frames(write_frames(tmp_path / "door", 60), SIZE, 1)
    next(reader)
    reader.close()
    assert len(started) <= AHEAD + 1


@pytest.mark.parametrize("kind", ["folder", "video"])
def test_memory_does_not_grow_with_the_length_of_a_clip(kind: str, tmp_path: Path) -> None:
    size = (200, 300)  # larger than the frames, so that what is kept shows

    def peak(count: int) -> int:
        path = tmp_path / str(count)
        clip = write_frames(path, count) if kind == "folder" else write_video(path.with_suffix(".mp4"), "mpeg4", count)
        tracemalloc.start()
        assert sum(1 for _ in read_frames(clip, size, 3)) == count
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(3)  # loads what is imported late
    frame = 3 * size[0] * size[1]
    assert peak(200) < peak(40) + 8 * frame


def cut(path: Path, keep: float) -> None:
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("keep", [0, 0.01, 0.5, 0.9])
@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tif"])
def test_a_truncated_frame_is_refused_by_its_name(suffix: str, keep: float, tmp_path: Path) -> None:
    clip = write_frames(tmp_path / "door", 5, f"f{{}}.{suffix}", (40, 60))
    damaged = tmp_path / f"door/f4.{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (40, 60), dtype=np.uint8)
    Image.fromarray(noise).save(damaged)
    cut(damaged, keep)
    message = refusal(clip)
    assert message.startswith(f"{damaged} ")
    assert message.endswith("; get a fresh copy of it or remove it.")


def test_a_text_file_with_a_pictures_name_is_refused(tmp_path: Path) -> None:
    clip = write_frames(tmp_path / "door", 2, "{}.jpg")
    (clip.path / "1.jpg").write_text("no picture")
    assert "1.jpg is not a PNG, JPEG, BMP, TIFF, WebP, GIF, PGM or PPM picture; get" in refusal(clip)
    with pytest.raises(DataError, match=r"1\.jpg is not a PNG"):
        count_channels([clip])


def test_a_header_that_promises_a_huge_picture_is_refused(tmp_path: Path) -> None:
    clip = write_frames(tmp_path / "door", 2)
    content = bytearray((clip.path / "f2.png").read_bytes())
    content[16:24] = struct.pack(">II", 2**30, 2**30)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    (clip.path / "f2.png").write_bytes(bytes(content))
    assert "f2.png is too large" in refusal(clip)


def test_a_file_of_several_pictures_is_no_frame(tmp_path: Path) -> None:
    clip = write_frames(tmp_path / "door", 2)
    pages = [Image.new("L", (12, 8), value) for value in range(3)]
    pages[0].save(clip.path / "f3.tif", save_all=True, append_images=pages[1:])
    assert "f3.tif holds 3 pictures; save each frame in a file of its own" in refusal(clip)


def test_pixels_that_are_not_bytes_are_refused(tmp_path: Path) -> None:
    clip = write_frames(tmp_path / "door", 2)
    Image.fromarray(np.zeros((8, 12), dtype=np.float32)).save(clip.path / "f3.tif")
    assert "f3.tif has pixels of mode F, not integers of at most 16 bits" in refusal(clip)


def test_frames_of_different_sizes_are_refused(tmp_path: Path) -> None:
    clip = write_frames(tmp_path / "door", 3)
    Image.new("L", (9, 8)).save(clip.path / "f10.png")
    assert "door, f10.png is 8x9, f1.png is 8x12; give all its frames one size" in refusal(clip)


@pytest.mark.parametrize(("count", "found"), [(0, "no frames"), (1, "one frame")])
def test_a_clip_of_less_than_two_frames_is_refused(count: int, found: str, tmp_path: Path) -> None:
    complaint = f"has {found}; a clip needs at least two frames."
    assert complaint in refusal(write_frames(tmp_path / "door", count))
    if count:
        assert complaint in refusal(write_video(tmp_path / "door.mp4", "mpeg4", count))
    else:
        with pytest.raises(DataError, match="has no frames"):
            count_channels([clip_of(tmp_path / "door")])


@pytest.mark.parametrize("content", [b"", b"no video", bytes(5000)])
def test_what_is_no_video_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "door.mp4").write_bytes(content)
    complaint = "door.mp4 cannot be read as a whole video (Invalid data found when processing input); get a fresh"
    assert complaint in refusal(clip_of(tmp_path / "door.mp4"))
    with pytest.raises(DataError, match="cannot be read as a whole video"):
        count_channels([clip_of(tmp_path / "door.mp4")])


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.9])
@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("door.mp4", "mpeg4"),
        ("door.avi", "mpeg4"),
        ("door.mkv", "libx264"),
        ("door.webm", "libvpx-vp9"),
        ("fast-door.mp4", "libx264"),
    ],
)
def test_a_video_that_breaks_off_is_refused(name: str, codec: str, keep: float, tmp_path: Path) -> None:
    options = {"movflags": "faststart"} if name.startswith("fast") else {}  # else the index lies at the end
    clip = write_video(tmp_path / name, codec, 75, noisy=True, **options)
    cut(clip.path, keep)
    assert "cannot be read as a whole video (" in refusal(clip)


def test_a_video_with_a_hole_is_refused(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "door.mp4", "libx264", 75, noisy=True, movflags="faststart")
    content = clip.path.read_bytes()
    middle = len(content) // 2
    clip.path.write_bytes(content[:middle] + bytes(4000) + content[middle + 4000 :])
    assert "cannot be read as a whole video (" in refusal(clip)


@pytest.mark.parametrize("name", ["door.mkv", "door.avi", "door.mov"])
def test_sound_that_outlasts_the_pictures_is_no_damage(name: str, tmp_path: Path) -> None:
    clip = write_video(tmp_path / name, "mpeg4", 25, sound=True)
    assert sum(1 for _ in read_frames(clip, SIZE, 3)) == 25


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    import av

    with av.open(tmp_path / "door.mkv", "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 800), dtype=np.int16), "s16", "mono")
        samples.sample_rate = 8000
        container.mux(stream.encode(samples))
    assert "door.mkv cannot be read as a whole video (it holds no video stream)" in refusal(
        clip_of(tmp_path / "door.mkv")
    )


def test_a_tag_in_an_old_encoding_is_no_damage(tmp_path: Path) -> None:
    import av

    with av.open(tmp_path / "door.mkv", "w") as container:
        container.metadata["title"] = "Haustuer"
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 96, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode())
    content = (tmp_path / "door.mkv").read_bytes()
    assert b"Haustuer" in content
    (tmp_path / "door.mkv").write_bytes(content.replace(b"Haustuer", "Haust\u00fcr ".encode("latin-1")))
    assert sum(1 for _ in read_frames(clip_of(tmp_path / "door.mkv"), SIZE, 3)) == 3
