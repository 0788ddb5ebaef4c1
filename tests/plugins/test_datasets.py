"""A data set that another package declares: put into data/raw/, checked, and read from there."""

import re
from pathlib import Path

import numpy as np
import pytest

from alpa.data.datasets import citation_of, classes_of, read_clips, read_images, title_of
from alpa.data.download import fetch, missing
from alpa.data.packaged import Dataset
from alpa.data.raw import TEST, TRAIN, UNDECIDED
from alpa.errors import AlpaError, ConfigError, DataError
from alpa.params import DataConfig
from tests.plugins.installed import ACME, STRIPES, write_acme, write_package

RAW = Path("data/raw/stripes")


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    RAW.parent.mkdir(parents=True)


def written(site: Path, source: str) -> None:
    write_package(site, "acme-alpa", {"acme.stripes": source}, {"alpa.datasets": ACME["alpa.datasets"]})


def test_it_is_put_into_its_raw_folder_and_read_from_there(site: Path) -> None:
    write_acme(site)
    assert missing("stripes", DataConfig()) is None
    fetch("stripes", RAW, DataConfig())
    raw = read_images("stripes", 16)
    assert (raw.dataset, raw.class_names) == ("stripes", ("down", "across"))
    assert (title_of("stripes"), citation_of("stripes")) == ("Stripes", "made up for a test")
    assert classes_of("stripes") == ("down", "across")
    assert raw.images.shape == (120, 1, 16, 16)
    assert np.bincount(raw.part).tolist() == [80, 40]
    assert set(raw.part.tolist()) == {TRAIN, TEST}
    assert np.bincount(raw.labels).tolist() == [60, 60]
    generator = np.random.default_rng(1).integers(0, 60, (80, 16, 16))
    assert raw.images[0, 0, 0, :4].tolist() == (generator[0, 0, :4] + [150, 150, 0, 0]).tolist()
    assert read_images("stripes", 32).images.shape == (120, 1, 32, 32)


def test_it_may_be_of_one_part_and_in_colour(site: Path) -> None:
    colour = "return ((np.stack([noise] * 3, 1).astype(np.uint8), np.repeat([0, 1], n)),)"
    source = STRIPES.replace("return noise.astype(np.uint8), np.repeat([0, 1], n)", colour)
    written(site, source.replace("return tuple(part(n, seed) for n, seed in ((40, 1), (20, 2)))", "return part(40, 1)"))
    fetch("stripes", RAW, DataConfig())
    raw = read_images("stripes", 16)
    assert raw.images.shape == (80, 3, 16, 16)
    assert set(raw.part.tolist()) == {UNDECIDED}


def test_equal_loads_write_equal_bytes_and_a_changed_file_is_noticed(site: Path) -> None:
    write_acme(site)
    fetch("stripes", RAW, DataConfig())
    first = {path.name: path.read_bytes() for path in RAW.iterdir()}
    fetch("stripes", RAW, DataConfig())
    assert {path.name: path.read_bytes() for path in RAW.iterdir()} == first
    content = first["test-images.npy"]
    (RAW / "test-images.npy").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(DataError, match=r"test-images.npy of stripes is not .*; run `python -m pipeline.download str"):
        read_images("stripes", 16)
    (RAW / "manifest.json").write_text("{}")
    with pytest.raises(DataError, match=r"manifest.json is damaged; run `python -m pipeline.download stripes`\."):
        read_images("stripes", 16)


@pytest.mark.parametrize(
    ("part", "other", "sentence"),
    [
        ("astype(np.uint8)", "astype(float)", "holds float64 (80, 16, 16), not uint8 images (N, H, W) or (N, 3, H, W)"),
        ("np.repeat([0, 1], n)", "np.repeat([0, 2], n)", "holds labels 0 to 2, not 0 to 1"),
        ("np.repeat([0, 1], n)", "np.repeat([0, 1], 3)", "holds 80 images in train-images.npy but 6 labels for them"),
        ("((40, 1), (20, 2))", "((40, 1), (20, 2), (9, 3))", "has 3 parts; let it return (train, test), or (all,)."),
        ("noise[:n] += lines", "raise KeyError('x')", "cannot be loaded (KeyError: 'x'); mend the package."),
        (
            "astype(np.uint8)",
            "astype(np.uint8)[:, : n - 8]",
            "different sizes (16x16 to train, 12x16 to test)",
        ),
    ],
)
def test_what_does_not_load_as_it_should_is_refused_in_one_sentence_and_leaves_nothing(
    part: str, other: str, sentence: str, site: Path
) -> None:
    written(site, STRIPES.replace(part, other))
    with pytest.raises(DataError) as caught:
        fetch("stripes", RAW, DataConfig())
    assert "Data set stripes of acme-alpa 1.0" in str(caught.value)
    assert sentence in str(caught.value)
    assert not RAW.exists()


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (("a/b", "c"), "A class is called 'a/b', which cannot name a folder; choose other letters."),
        (("..", "c"), "A class is called '..', which cannot name a folder; choose other letters."),
        ((1, 2), "A class is called 1, which cannot name a folder; choose other letters."),
        (("a", "a"), "The classes are a, a; name two or more, each once."),
        ((), "The classes are none; name two or more, each once."),
    ],
)
def test_class_names_may_name_folders(names: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(DataError) as caught:
        Dataset("Title", "Citation", names, load=lambda: ())
    assert str(caught.value) == sentence


@pytest.mark.parametrize("other", ["load()", "Dataset", "3"])
def test_an_object_of_another_kind_is_refused(other: str, site: Path) -> None:
    written(site, f"{STRIPES}\nSTRIPES = {other}\n")
    with pytest.raises(AlpaError, match=r"(?i)data set stripes (of acme-alpa 1.0 )?is .*\."):
        fetch("stripes", RAW, DataConfig())


def test_a_name_of_alpas_own_is_refused(site: Path) -> None:
    write_package(site, "acme-alpa", {"acme.stripes": STRIPES}, {"alpa.datasets": {"digits": "acme.stripes:STRIPES"}})
    with pytest.raises(ConfigError, match=r"acme-alpa 1\.0 declares the data set digits, which ALPA has itself"):
        title_of("digits")


def test_an_unknown_set_is_answered_with_those_of_other_packages_too(site: Path) -> None:
    write_acme(site)
    with pytest.raises(DataError, match=re.escape("Data set spots is unknown; choose digits, mnist, ")) as caught:
        fetch("spots", RAW, DataConfig())
    assert str(caught.value).endswith(", stripes.")


def test_a_protocol_for_clips_is_refused(site: Path) -> None:
    write_acme(site)
    with pytest.raises(DataError, match="stripes holds still images, and protocol video is for clips; choose another"):
        read_clips("stripes", "video")
