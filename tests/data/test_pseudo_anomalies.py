"""Pseudo-anomalies: each family breaks the one property that it names, the same way every time, and keeps the rest."""

import numpy as np
import pytest

from alpa.data.pseudo_anomalies import FAMILIES, SYMMETRIES

SHAPES = [(5, 1, 32, 32), (4, 3, 8, 8), (2, 1, 32, 32), (2, 3, 8, 8)]


@pytest.fixture(params=list(FAMILIES))
def family(request: pytest.FixtureRequest) -> str:
    """Every family, one after the other."""
    return request.param


def noise(shape: tuple[int, ...] = (6, 1, 32, 32), low: int = 0, high: int = 256) -> np.ndarray:
    """Return images no two pixels of which agree but by chance: no symmetry, no two alike."""
    return np.random.default_rng(7).integers(low, high, shape, dtype=np.uint8)


def stripes(n: int = 8) -> np.ndarray:
    """Return smooth images: horizontal waves of another length and brightness each, uint8 (n, 1, 32, 32)."""
    rows = np.arange(32)[None, None, :, None]
    index = np.arange(n)[:, None, None, None]
    waves = 128 + (60 + 5 * index) * np.sin(2 * np.pi * rows / (8 + index))
    return np.broadcast_to(waves, (n, 1, 32, 32)).astype(np.uint8)


def make(family: str, normals: np.ndarray, seed: int = 0) -> np.ndarray:
    return FAMILIES[family](normals, np.random.default_rng(seed))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_anomalies_are_as_many_images_of_the_same_shape_and_type(family: str, shape: tuple[int, ...]) -> None:
    made = make(family, noise(shape))
    assert made.shape == shape
    assert made.dtype == np.uint8


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_same_images_and_seed_give_the_same_bytes_and_another_seed_others(
    family: str, shape: tuple[int, ...]
) -> None:
    normals = noise(shape)
    first = make(family, normals).tobytes()
    assert make(family, normals.copy()).tobytes() == first
    others = {make(family, normals, seed).tobytes() for seed in range(1, 6)}
    assert (others != {first}) == (shape[0] > 2 or family != "blended"), "of two images there is but one mean"


def test_the_normal_images_are_left_as_they_are(family: str) -> None:
    normals = noise()
    normals.flags.writeable = False  # as those of a split on disk are
    before = normals.tobytes()
    made = make(family, normals)
    assert normals.tobytes() == before
    assert not np.shares_memory(made, normals)


def test_every_image_is_changed(family: str) -> None:
    normals = noise((40, 1, 32, 32))
    made = make(family, normals)
    assert all(not np.array_equal(image, other) for image, other in zip(made, normals, strict=True))


def test_what_an_image_becomes_does_not_depend_on_how_the_images_lie_in_memory(family: str) -> None:
    normals = noise()
    assert np.array_equal(make(family, np.asfortranarray(normals)), make(family, normals))


def test_symmetries_are_families() -> None:
    assert set(FAMILIES) >= SYMMETRIES == {"rotated", "flipped"}


def patches(image: np.ndarray) -> list[bytes]:
    """Return the sixteen patches of an image (C, H, W), sorted."""
    side = image.shape[1] // 4
    corners = [(top, left) for top in range(0, 4 * side, side) for left in range(0, 4 * side, side)]
    return sorted(image[:, top : top + side, left : left + side].tobytes() for top, left in corners)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_permuted_puts_the_same_patches_in_other_places(shape: tuple[int, ...]) -> None:
    normals = noise(shape)
    for image, normal in zip(make("permuted", normals), normals, strict=True):
        assert patches(image) == patches(normal)
        assert np.array_equal(np.sort(image, axis=None), np.sort(normal, axis=None))


def test_permuted_leaves_what_no_patch_covers() -> None:
    normals = noise((3, 1, 10, 11))  # sixteen patches of 2 x 2
    made = make("permuted", normals)
    assert np.array_equal(made[:, :, 8:], normals[:, :, 8:])
    assert np.array_equal(made[:, :, :, 8:], normals[:, :, :, 8:])
    assert [patches(image[:, :8, :8]) for image in made] == [patches(image[:, :8, :8]) for image in normals]


@pytest.mark.parametrize(("shape", "least", "most"), [((40, 1, 32, 32), 8, 16), ((40, 3, 8, 8), 2, 4)])
def test_pasted_shows_another_normal_image_in_a_rectangle_and_nowhere_else(
    shape: tuple[int, ...], least: int, most: int
) -> None:
    normals = noise(shape)
    sides = set()
    for row, image in enumerate(make("pasted", normals)):
        changed = (image != normals[row]).any(axis=0)
        (top, bottom), (left, right) = (np.flatnonzero(changed.any(axis=axis))[[0, -1]] for axis in (1, 0))
        tall, wide = bottom - top + 1, right - left + 1
        assert least <= tall <= most
        assert least <= wide <= most
        sides |= {tall, wide}
        part = image[:, top : bottom + 1, left : right + 1]
        windows = np.lib.stride_tricks.sliding_window_view(normals, (tall, wide), axis=(2, 3))
        owners, *_ = np.nonzero((windows == part[None, :, None, None]).all(axis=(1, 4, 5)))
        assert owners.tolist() != [row]
        assert len(owners) == 1, "the rectangle is one of one other image"
    assert len(sides) > 1


def test_blended_is_the_mean_of_an_image_and_another_one() -> None:
    normals = noise((6, 1, 32, 32))
    partners = set()
    for row, image in enumerate(make("blended", normals)):
        means = (normals[row].astype(int) + normals) // 2
        found = [other for other in range(6) if np.array_equal(means[other], image)]
        assert len(found) == 1
        assert found != [row]
        partners |= {(row, *found)}
    assert len(partners) == 6


def test_the_mean_of_two_bright_images_is_bright() -> None:
    normals = np.stack([np.full((1, 8, 8), value, dtype=np.uint8) for value in (255, 253)])
    assert make("blended", normals).flatten().tolist() == [254] * 128  # (255 + 253) / 2, beyond what a byte adds up to


def test_warped_keeps_a_flat_image_and_bends_a_striped_one() -> None:
    flat = np.full((3, 1, 32, 32), 90, dtype=np.uint8)
    assert np.array_equal(make("warped", flat), flat)
    normals = stripes()
    made = make("warped", normals)
    assert (normals.std(axis=3) == 0).all()
    assert (made.std(axis=3).mean(axis=(1, 2)) > 5).all(), "what ran straight is bent"
    for image, normal in zip(made, normals, strict=True):
        assert normal.min() <= image.min() <= image.max() <= normal.max()


def test_warped_moves_all_channels_alike() -> None:
    one = noise((4, 1, 32, 32))
    made = make("warped", np.concatenate([one, one, 255 - one], axis=1))
    assert np.array_equal(made[:, 0], made[:, 1])
    assert np.abs(made[:, 0].astype(int) + made[:, 2] - 255).max() <= 1, "up to rounding"


def amplitudes(images: np.ndarray) -> np.ndarray:
    return np.abs(np.fft.fft2(images.astype(float)))


@pytest.mark.parametrize("shape", [(6, 1, 32, 32), (6, 3, 8, 8), (2, 1, 9, 9)], ids=str)
def test_scrambled_keeps_the_amplitude_spectrum_and_draws_new_phases(shape: tuple[int, ...]) -> None:
    normals = noise(shape, low=110, high=146)  # so faint that nothing is cut off at black or white
    made = make("scrambled", normals)
    # Rounding moves a pixel by half at most, by a variance of 1/12, which adds up to hw/12 in each coefficient.
    most = 6 * np.sqrt(shape[2] * shape[3] / 12)
    assert np.abs(amplitudes(made) - amplitudes(normals)).max() < most
    spread = normals.astype(float) - normals.mean(axis=(2, 3), keepdims=True)
    found = made.astype(float) - made.mean(axis=(2, 3), keepdims=True)
    likeness = (spread * found).mean(axis=(1, 2, 3)) / (spread.std() * found.std())
    assert (np.abs(likeness) < 0.5).all(), "but it is another image"


def test_scrambled_keeps_the_brightness() -> None:
    normals = noise((4, 1, 32, 32), low=60, high=80)
    assert np.abs(make("scrambled", normals).mean(axis=(1, 2, 3)) - normals.mean(axis=(1, 2, 3))).max() < 0.1


@pytest.mark.parametrize("shape", [(30, 1, 32, 32), (30, 3, 8, 8)], ids=str)
def test_rotated_is_each_of_the_three_turns_at_times(shape: tuple[int, ...]) -> None:
    normals = noise(shape)
    turns = [
        [turn for turn in range(4) if np.array_equal(np.rot90(normal, turn, axes=(1, 2)), image)]
        for image, normal in zip(make("rotated", normals), normals, strict=True)
    ]
    assert sorted({turn for (turn,) in turns}) == [1, 2, 3]


@pytest.mark.parametrize("shape", [(30, 1, 32, 32), (30, 3, 8, 8), (30, 1, 8, 6)], ids=str)
def test_flipped_is_each_of_the_two_mirrors_at_times(shape: tuple[int, ...]) -> None:
    normals = noise(shape)
    mirrors: list[list[str]] = [
        [name for name, mirrored in (("tb", normal[:, ::-1]), ("lr", normal[:, :, ::-1])) if (image == mirrored).all()]
        for image, normal in zip(make("flipped", normals), normals, strict=True)
    ]
    assert sorted({name for (name,) in mirrors}) == ["lr", "tb"]


@pytest.mark.parametrize("family", sorted(SYMMETRIES))
def test_a_turned_or_mirrored_image_that_is_symmetric_stays_as_it_was(family: str) -> None:
    quarter = noise((3, 1, 8, 8))
    halves = np.concatenate([quarter, np.rot90(quarter, -1, axes=(2, 3))], axis=3)
    ring = np.concatenate([halves, np.rot90(halves, 2, axes=(2, 3))], axis=2)
    symmetric = np.minimum(ring, ring[..., ::-1])  # under all turns and both mirrors
    assert np.array_equal(make(family, symmetric), symmetric)


def test_each_family_draws_on_its_own_generator_alone(family: str) -> None:
    before = str(np.random.get_state())
    make(family, noise())
    assert str(np.random.get_state()) == before
