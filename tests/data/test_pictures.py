"""Picture files to arrays: every kind of picture that is read, by one rule, and what is refused."""

import io
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alpa.data.pictures import MOST_THREADS, decode, in_threads, read_picture, stack
from alpa.errors import ConfigError, DataError

SIZE = 8
FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF", "PPM")
UPRIGHT = np.array([[255, 0], [0, 0], [0, 0], [0, 0]], np.uint8)  # bright at the top left


def encoded(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    content = io.BytesIO()
    image.save(content, format, **options)
    return content.getvalue()


def picture(array: object, dtype: type = np.uint8) -> Image.Image:
    return Image.fromarray(np.array(array, dtype=dtype))


def flat(image: Image.Image, format: str = "PNG", **options: object) -> list[int]:
    """Return the channels of a picture of one colour, and make sure that it stayed one."""
    square = decode(encoded(image, format, **options), "it", SIZE)
    assert square.shape[1:] == (SIZE, SIZE)
    assert (square == square[:, :1, :1]).all()
    return [int(value) for value in square[:, 0, 0]]


def refusal(content: bytes) -> str:
    with pytest.raises(DataError) as caught:
        decode(content, "it", SIZE)
    message = str(caught.value)
    assert message.startswith("it ")
    assert "\n" not in message
    return message


@pytest.mark.parametrize("format", FORMATS)
def test_a_colour_picture_of_every_format_keeps_its_colours(format: str) -> None:
    options = {"lossless": True} if format == "WEBP" else {}
    values = flat(Image.new("RGB", (30, 20), (200, 100, 50)), format, **options)
    np.testing.assert_allclose(values, [200, 100, 50], atol=3)  # JPEG loses a little


@pytest.mark.parametrize("format", ["PNG", "JPEG", "BMP", "TIFF", "PPM"])
def test_a_grey_picture_has_one_channel(format: str) -> None:
    assert flat(Image.new("L", (30, 20), 77), format) == [77]


def test_a_format_is_told_by_the_content_alone(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(encoded(Image.new("L", (3, 3), 5), "PNG"))
    assert (read_picture(tmp_path / "a.jpg", SIZE, 1) == 5).all()


def test_one_bit_becomes_black_or_white() -> None:
    assert flat(Image.new("1", (9, 9), 1)) == [255]
    assert flat(Image.new("1", (9, 9), 0)) == [0]


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
@pytest.mark.parametrize(("value", "expected"), [(0, 0), (256, 0), (257, 1), (30000, 116), (65535, 255)])
def test_grey_of_16_bits_is_divided_by_257(value: int, expected: int, format: str) -> None:
    assert flat(picture(np.full((9, 9), value), np.uint16), format) == [expected]  # 30000 // 257 = 116


def test_a_pgm_of_16_bits_is_divided_by_257() -> None:
    content = b"P5 1 1 65535\n" + (30000).to_bytes(2, "big")
    assert (decode(content, "it", SIZE) == 116).all()


def test_integers_of_32_bits_are_read_within_16_bits_and_refused_outside() -> None:
    assert flat(picture(np.full((9, 9), 65535), np.int32), "TIFF") == [255]
    assert (
        refusal(encoded(picture([[0, 65536]], np.int32), "TIFF"))
        == "it has values from 0 to 65536, not from 0 to 65535"
    )
    assert "from -1 to 0" in refusal(encoded(picture([[0, -1]], np.int32), "TIFF"))


def test_fractional_pixels_are_refused() -> None:
    assert "has pixels of mode F" in refusal(encoded(picture([[0.5]], np.float32), "TIFF"))


def test_palettes_and_cmyk_become_rgb() -> None:
    assert flat(Image.new("RGB", (9, 9), (250, 0, 10)).convert("P", palette=Image.Palette.ADAPTIVE)) == [250, 0, 10]
    cmyk = Image.new("CMYK", (16, 16), (0, 255, 255, 0))  # no red is held back, all green and blue is
    np.testing.assert_allclose(flat(cmyk, "JPEG"), [255, 0, 0], atol=3)


def test_what_lies_hidden_behind_transparency_does_not_show() -> None:
    assert flat(Image.new("RGBA", (9, 9), (200, 100, 50, 0))) == [0, 0, 0]
    assert flat(Image.new("RGBA", (9, 9), (200, 100, 50, 255))) == [200, 100, 50]
    assert flat(Image.new("RGBA", (9, 9), (200, 100, 50, 51))) == [40, 20, 10]  # 51 / 255 = 1 / 5
    assert flat(Image.new("LA", (9, 9), (100, 51))) == [20]


def test_a_transparent_colour_of_a_palette_or_of_grey_becomes_black() -> None:
    palette = Image.new("P", (9, 9), 1)
    palette.putpalette([0, 0, 0, 200, 100, 50])
    assert flat(palette) == [200, 100, 50]
    assert flat(palette, transparency=1) == [0, 0, 0]
    assert flat(Image.new("L", (9, 9), 7), transparency=7) == [0]
    assert flat(picture(np.full((9, 9), 60000), np.uint16), transparency=60000) == [0]


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
@pytest.mark.parametrize("factor", [1, 257])
def test_exif_orientation_is_applied_once(factor: int, format: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: what is stored at the top is the right side
    turned = picture(UPRIGHT.astype(np.uint16) * factor, np.uint16 if factor > 1 else np.uint8)
    square = decode(encoded(turned, format, exif=exif), "it", SIZE)
    upright = decode(encoded(picture(np.rot90(UPRIGHT, -1)), "PNG"), "it", SIZE)
    np.testing.assert_array_equal(square, upright)
    assert upright[0, 0, -1] > 200  # the bright corner is at the top right now


def test_a_jpeg_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    halves = picture(np.repeat([[0], [255]], 16, axis=0).repeat(32, axis=1))
    square = decode(encoded(halves, "JPEG", exif=exif), "it", SIZE)
    assert square[0, 0].min() > 250
    assert square[0, -1].max() < 5


def test_only_the_first_frame_counts() -> None:
    frames = [Image.new("RGB", (9, 9), colour) for colour in ("red", "blue")]
    for format in ("GIF", "PNG", "TIFF"):
        assert flat(frames[0], format, save_all=True, append_images=frames[1:]) == [255, 0, 0]


def test_the_whole_picture_is_resized_and_averaged_not_cut_or_sampled() -> None:
    stripes = np.tile(np.array([0, 255], np.uint8), (4, 400))  # 4 x 800: a sample would see one of the two
    square = decode(encoded(picture(stripes)), "it", SIZE)
    np.testing.assert_allclose(square, 127.5, atol=4)
    ramp = np.tile(np.arange(256, dtype=np.uint8), (3, 1))
    row = decode(encoded(picture(ramp)), "it", SIZE)[0, 0]
    assert (np.diff(row.astype(int)) > 0).all()
    assert row[0] < 32 <= 224 < row[-1]


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (7, 9)])
def test_a_side_of_one_pixel_and_any_aspect_ratio_will_do(shape: tuple[int, int]) -> None:
    assert flat(Image.new("L", shape, 9)) == [9]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_a_truncated_picture_is_refused(share: float, format: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3))
    content = encoded(picture(noise), format)
    assert "is damaged (" in (message := refusal(content[: int(len(content) * share)])) or "is not a PNG" in message


def test_other_files_are_refused() -> None:
    assert refusal(b"") == "it is empty (0 bytes)"
    for content in (b"width,height\n1,2\n", b"%!PS-Adobe-3.0 EPSF-3.0\n", encoded(Image.new("L", (16, 16)), "ICO")):
        assert refusal(content) == "it is not a PNG, JPEG, BMP, TIFF, WebP, GIF, PGM or PPM picture"


def test_a_decompression_bomb_is_refused_by_its_header() -> None:
    assert refusal(b"P5 60000 60000 255\n") == "it is too large: it has more than 178956970 pixels"


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("format", FORMATS)
def test_no_damage_causes_another_error(format: str) -> None:
    random = np.random.default_rng(0)
    whole = encoded(picture(random.integers(0, 256, (20, 30, 3))), format)
    outcomes = set()
    for _ in range(60):
        content = bytearray(whole)
        content[random.integers(min(len(content), 200))] = random.integers(256)
        try:
            outcomes.add(decode(bytes(content), "it", SIZE).shape[1:])
        except DataError as error:
            outcomes.add("\n" in str(error))
    assert outcomes <= {(SIZE, SIZE), False}


def test_one_picture_is_read_as_those_of_a_data_set(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 60))
    (tmp_path / "a.png").write_bytes(encoded(picture(noise)))
    grey = decode((tmp_path / "a.png").read_bytes(), "it", 32)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png", 32, 1), grey)
    np.testing.assert_array_equal(
        read_picture(tmp_path / "a.png", 32, 3), stack([grey, np.zeros((3, 32, 32))], 2, 32)[0]
    )


def test_grey_that_was_saved_in_colour_is_read_as_grey_where_asked(tmp_path: Path) -> None:
    noise = picture(np.random.default_rng(0).integers(0, 256, (40, 60)))
    noise.save(tmp_path / "grey.png")
    noise.convert("RGB").save(tmp_path / "rgb.png")
    grey, rgb = (read_picture(tmp_path / name, 32, 1) for name in ("grey.png", "rgb.png"))
    np.testing.assert_array_equal(grey, rgb)


def test_one_picture_is_refused_with_its_name_and_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"a\.png is empty \(0 bytes\); replace it by a whole picture\.$"):
        read_picture(tmp_path / "a.png", 32, 3)
    with pytest.raises(DataError, match=r"b\.png cannot be read \(No such file or directory\); name"):
        read_picture(tmp_path / "b.png", 32, 3)
    with pytest.raises(ConfigError, match="channels"):
        read_picture(tmp_path / "a.png", 32, 2)  # type: ignore[arg-type]
    for size in (7, 513):
        with pytest.raises(ConfigError, match=f"Image size {size} is out of range; choose 8 to 512"):
            read_picture(tmp_path / "a.png", size, 3)


def test_a_stack_is_grey_until_a_colour_picture_comes() -> None:
    grey, colour = np.full((1, 2, 2), 5, np.uint8), np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    np.testing.assert_array_equal(stack([grey, grey], 2, 2), [grey, grey])
    mixed = stack([grey, colour, grey], 3, 2)
    np.testing.assert_array_equal(mixed, [np.repeat(grey, 3, axis=0), colour, np.repeat(grey, 3, axis=0)])


def test_threads_keep_the_order_and_the_first_error() -> None:
    first = threading.Event()

    def work(number: int) -> int:
        if number == 0:
            first.wait(0.05)  # is not the first to end
        if number in (3, 5):
            raise DataError(str(number))
        return number

    assert list(in_threads(work, [0, 1, 2], "count")) == [0, 1, 2]
    with pytest.raises(DataError, match="3"):
        list(in_threads(work, range(10 * MOST_THREADS), "count"))
