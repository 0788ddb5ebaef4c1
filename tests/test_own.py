from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alpa.arrays import to_images
from alpa.data.pictures import read_picture
from alpa.errors import DataError
from alpa.own import Normal, find_files, find_normal, read_all, read_each


def put(folder: Path, *names: str, mode: str = "L", grey: int = 100) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new(mode, (20, 10), grey).save(folder / name)


def put_video(path: Path, n: int) -> None:
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(path, "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "gray"
        for number in range(n):
            frame = av.VideoFrame.from_ndarray(np.full((16, 32), 10 * number, np.uint8), format="gray")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.parametrize(
    ("files", "used", "says"),
    [
        (["b.png", "a10.png", "a2.png"], ["a2.png", "a10.png", "b.png"], "Using 3 images of {} as normal."),
        (
            ["train/good/a.png", "test/good/b.png", "test/bent/c.png", "ground_truth/bent/c.png"],
            ["train/good/a.png"],
            "Using 1 images of {} as normal, those in train/good/ alone.",
        ),
        (
            ["normal/a.png", "anomalous/b.png"],
            ["normal/a.png"],
            "Using 1 images of {} as normal, those in normal/ alone.",
        ),
        (["good/a.png", "bad/b.png"], ["good/a.png"], "Using 1 images of {} as normal, those in good/ alone."),
        (["train/a.png", "test/b.png"], ["train/a.png"], "Using 1 images of {} as normal, those in train/ alone."),
    ],
)
def test_of_a_folder_the_normal_training_images_are_used(
    files: list[str], used: list[str], says: str, tmp_path: Path
) -> None:
    put(tmp_path, *files)
    (tmp_path / "notes.txt").touch()
    assert find_normal(tmp_path) == Normal(tuple(tmp_path / name for name in used), says.format(tmp_path))


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (["cats/a.png", "dogs/b.png"], "holds cats/, dogs/, of which none is called normal; name the folder of normal"),
        (
            ["train/0/a.png", "train/1/b.png", "test/0/c.png"],
            "holds train/0/, train/1/, of which none is called",
        ),
        (["normal/notes.txt", "anomalous/b.png"], "normal holds no images; put some there, or name another folder."),
        ([], "holds no images; put some there, or name another folder."),
    ],
)
def test_a_folder_that_does_not_say_what_is_normal_is_refused(files: list[str], sentence: str, tmp_path: Path) -> None:
    put(tmp_path, *(name for name in files if name.endswith("png")))
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(DataError) as refused:
        find_normal(tmp_path)
    assert sentence in str(refused.value)


def test_of_clips_the_training_part_is_used_and_frames_keep_their_clip(tmp_path: Path) -> None:
    put_video(tmp_path / "train/b.mkv", 3)
    put(tmp_path, "train/a/1.png", "train/a/2.png")
    put_video(tmp_path / "test/c.mkv", 2)
    (tmp_path / "labels.csv").write_text("clip,first,last\nc,,\n")
    normal = find_normal(tmp_path)
    assert normal.clips
    assert normal.says == f"Using the 2 training clips of {tmp_path} alone."
    images, groups = read_all(normal, 16)
    assert images.shape == (5, 1, 16, 16)
    assert groups is not None
    assert groups.tolist() == [0, 0, 1, 1, 1]
    assert images[2:, 0, 8, 8].tolist() == [0, 10, 20]


def test_pictures_are_read_as_the_suite_reads_them(tmp_path: Path) -> None:
    put(tmp_path, "a.png", mode="RGB", grey=50)
    put(tmp_path, "b.png", mode="L")
    images, groups = read_all(find_normal(tmp_path), 16)
    assert groups is None
    assert images.shape == (2, 3, 16, 16)
    for channels in (1, 3):
        pairs = list(read_each(find_files([tmp_path]), (channels, 16, 16)))
        assert [shot.path.name for shot, _ in pairs] == ["a.png", "b.png"]
        for shot, pixels in pairs:
            assert np.array_equal(pixels, read_picture(shot.path, 16, channels))  # type: ignore[arg-type]
    (_, wide), *_ = read_each(find_files([tmp_path]), (1, 8, 16))
    assert wide.shape == (1, 8, 16)


def test_files_are_found_in_natural_order_and_masks_and_notes_left_alone(tmp_path: Path) -> None:
    put(tmp_path, "x/10.png", "x/2.png", "y/1.png", "ground_truth/1.png", ".hidden.png")
    (tmp_path / "x/notes.txt").touch()
    assert find_files([tmp_path / "y", tmp_path]) == [
        tmp_path / name for name in ("y/1.png", "x/2.png", "x/10.png", "y/1.png")
    ]


def test_arrays_in_any_order_of_axes_become_planes() -> None:
    random = np.random.default_rng(0)
    grey, colour = (random.integers(0, 256, shape, dtype=np.uint8) for shape in ((4, 16, 24), (4, 16, 24, 3)))
    assert np.array_equal(to_images(grey), grey[:, None])
    assert np.array_equal(to_images(grey[..., None]), grey[:, None])
    assert np.array_equal(to_images(grey[:, None]), grey[:, None])
    assert np.array_equal(to_images(colour), colour.transpose(0, 3, 1, 2))
    assert np.array_equal(to_images(colour.transpose(0, 3, 1, 2)), colour.transpose(0, 3, 1, 2))
    cuboids = random.integers(0, 256, (4, 5, 16, 24), dtype=np.uint8)
    assert np.array_equal(to_images(cuboids), cuboids)


def test_arrays_are_resized_as_pictures_are(tmp_path: Path) -> None:
    colour = np.random.default_rng(0).integers(0, 256, (2, 20, 30, 3), dtype=np.uint8)
    Image.fromarray(colour[1]).save(tmp_path / "x.png")
    assert np.array_equal(to_images(colour, (16, 16))[1], read_picture(tmp_path / "x.png", 16, 3))


@pytest.mark.parametrize(
    ("images", "sentence"),
    [
        (np.zeros((2, 8, 8)), "The images are float64; give uint8, such as"),
        (np.zeros((8, 8), np.uint8), "The images have shape (8, 8); give (N, H, W), (N, H, W, C) or (N, C, H, W)."),
        (np.zeros((2, 3, 8, 3), np.uint8), "The channels of shape (2, 3, 8, 3) may be the second or the last axis"),
        (np.zeros((0, 8, 8), np.uint8), "The images have shape (0, 8, 8), which holds no pixel"),
    ],
)
def test_arrays_that_are_no_images_are_refused(images: np.ndarray, sentence: str) -> None:
    with pytest.raises(DataError) as refused:
        to_images(images)
    assert sentence in str(refused.value)
