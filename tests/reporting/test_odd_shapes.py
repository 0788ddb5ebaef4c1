"""Benchmarks of images of other shapes and names than the usual ones: a user's own folders, joined classes."""

import re
import warnings
from collections.abc import Callable

import numpy as np
import pytest

from alpa.data.raw import TEST, TRAIN, RawImages
from alpa.data.splits import Split, make_splits
from alpa.reporting.benchmark import Inputs, build_page
from alpa.reporting.contact_sheet import most_in_block
from alpa.reporting.document import Page, Picture
from alpa.reporting.page import render_html, render_latex, render_markdown

ODD = ("<script>alert('1')</script>", "größe $x$ 3 Kratzer auf der Oberfläche, außen")


def own_split(side: int, channels: int = 3, class_names: tuple[str, ...] = ODD, per_class: int = 8) -> Split:
    """Return a test split of noisy colours, a colour per class."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(class_names)), per_class)
    colours = rng.uniform(40, 210, (len(class_names), channels, 1, 1))
    images = colours[labels] + rng.normal(0, 20, (len(labels), channels, side, side))
    twice = np.tile(images.clip(0, 255).astype(np.uint8), (2, 1, 1, 1))
    part = np.repeat([TRAIN, TEST], len(labels)).astype(np.int8)
    return make_splits(RawImages("parts", class_names, twice, np.tile(labels, 2), part), "one_vs_rest", 0)[1]


def picture(page: Page, name: str) -> Picture:
    return next(picture for picture in page.pictures if picture.name == name)


@pytest.mark.parametrize("side", [32, 64, 128])
def test_an_own_folder_of_colour_images_makes_a_report(make: Callable[..., Inputs], side: int) -> None:
    few = {"detectors": ("alpa", "autoencoder", "knn"), "seeds": (0,), "dataset": "parts", "benchmark": "parts"}
    inputs = make(class_names=ODD, split=own_split(side), **few)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        page = build_page(inputs)
    html = render_html(page)
    assert html.count("<script") == 1, "the page's own"
    assert "<script" not in re.sub(r"`[^`]*`", "", render_markdown(page).replace("\\`", ""))  # but as code
    assert len(html.encode()) < 4_000_000
    assert r"\$x\$" in render_latex(next(table for table in page.tables if table.name == "per_class"))
    assert "Data: parts. A folder of images or clips that is not published." in html
    shown = {32: 6, 64: 4, 128: 3}[side]
    assert most_in_block(side) == shown
    assert picture(page, "extremes").width < 500


def test_a_sheet_of_many_large_images_stays_small(make: Callable[..., Inputs]) -> None:
    names = tuple("abcdefghij")
    split = own_split(128, class_names=names, per_class=4)
    page = build_page(make(detectors=("alpa", "autoencoder", "denoising"), class_names=names, seeds=(0,), split=split))
    assert len(render_html(page).encode()) < 4_000_000


def test_a_lone_class_has_neither_a_deviation_nor_a_plural(make: Callable[..., Inputs]) -> None:
    page = build_page(make(detectors=("knn",), class_names=("a", "b"), seeds=(0,), targets=("b",)))
    leaderboard = page.tables[0]
    assert "SD classes" not in [column.title for column in leaderboard.columns]
    assert "mean over 1 class and 1 seed, 24 test images" in leaderboard.caption
