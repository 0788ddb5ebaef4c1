"""The charts of studies: what is drawn, hollow or full, where nothing can be drawn, and what a caption must say."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from alpa.reporting import study_figures
from alpa.reporting.document import Picture
from alpa.reporting.drawing import PAPER, colours
from alpa.reporting.study_figures import agreement, contours, curve, history, importances, slices

STATES = ["complete", "complete", "pruned", "complete", "diverged", "complete"]
OBJECTIVES = [0.7, 0.8, 0.9, 0.75, np.nan, 0.85]


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that were drawn, which are not rendered."""
    found: list[Figure] = []

    def keep(figure: Figure, name: str, alt: str, caption: str) -> Picture:
        found.append(figure)
        return Picture(name, alt, caption, 1, "<svg></svg>", {f"{name}.svg": b""})

    monkeypatch.setattr(study_figures, "to_picture", keep)
    return found


def trials(detector: str = "alpa", **columns: Any) -> pd.DataFrame:
    """Return six trials: the third was pruned, the fifth diverged."""
    whole = {
        "detector": detector,
        "trial": range(6),
        "state": STATES,
        "objective": OBJECTIVES,
        "test": OBJECTIVES[::-1],
    }
    return pd.DataFrame(whole | columns)


def many(strength: np.ndarray, weight: np.ndarray | float, **columns: Any) -> pd.DataFrame:
    """Return whole trials over strength and weight, the better the stronger."""
    n = len(strength)
    whole = {"detector": "alpa", "trial": range(n), "state": "complete", "objective": 0.5 + strength / 4}
    return pd.DataFrame(whole | {"strength": strength, "weight": weight} | columns)


def points(figure: Figure, hollow: bool, panel: int = 0) -> list[tuple[float, float]]:
    """Return what is drawn as full or as hollow dots in a panel."""
    lines = [line for line in figure.axes[panel].lines if line.get_marker() == "o"]
    chosen = [line for line in lines if (line.get_markerfacecolor() == PAPER) == hollow]
    places = np.concatenate([np.column_stack(line.get_data()) for line in chosen]).astype(float)
    return [(x, y) for x, y in places.round(6).tolist() if not np.isnan(x + y)]


def test_the_history_has_pruned_trials_hollow_and_a_line_of_the_best_complete_one(figures: list[Figure]) -> None:
    picture = history(trials())
    assert points(figures[0], hollow=False) == [(0, 70), (1, 80), (3, 75), (5, 85)]
    assert points(figures[0], hollow=True) == [(2, 90)]
    assert figures[0].axes[0].lines[0].get_ydata() == pytest.approx([70, 80, 80, 80, 80, 85])
    assert "hollow where it was pruned and measured after the fact" in picture.caption


def test_each_detector_has_a_panel_in_its_colour_and_those_left_over_are_empty(figures: list[Figure]) -> None:
    names = ["alpa", "denoising", "<script>"]
    history(pd.concat([trials(name) for name in names], ignore_index=True))
    panels = figures[0].axes
    assert [axes.get_title(loc="left") for axes in panels] == [*names, ""]
    assert [axes.axison for axes in panels] == [True, True, True, False]
    for place, name in enumerate(names):
        assert panels[place].lines[1].get_color() == colours(names)[name]


def test_the_agreement_sets_the_objective_against_the_test(figures: list[Figure]) -> None:
    picture = agreement(trials())
    assert points(figures[0], hollow=False) == [(70, 85), (75, 90), (85, 70)]
    assert points(figures[0], hollow=True) == [(90, 75)]
    labels = figures[0].axes[0].get_xlabel(), figures[0].axes[0].get_ylabel()
    assert labels == ("objective (%)", "test AUROC (%)")
    assert "Hollow: pruned, and measured after the fact." in picture.caption


def test_slices_leave_out_detectors_without_a_strength(figures: list[Figure]) -> None:
    strengths = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    both = pd.concat([trials("autoencoder"), trials(strength=strengths)], ignore_index=True)
    picture = slices(both)
    assert picture is not None
    assert [axes.get_title(loc="left") for axes in figures[0].axes] == ["alpa", ""]
    assert points(figures[0], hollow=False) == [(0.1, 70), (0.2, 80), (0.4, 75), (0.6, 85)]
    assert "the other values differ from trial to trial" in picture.caption
    assert slices(trials("autoencoder")) is None
    assert slices(trials(strength=np.nan)) is None


def test_importances_are_shares_of_detectors_with_several_parameters(figures: list[Figure]) -> None:
    rows = [("alpa", "strength", 0.75), ("alpa", "weight", 0.25), ("autoencoder", "latent", 1.0)]
    picture = importances(pd.DataFrame(rows, columns=["detector", "parameter", "importance"]))
    assert picture is not None
    axes = figures[0].axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["weight", "strength"]
    assert [bar.get_width() for bar in axes.containers[0]] == pytest.approx([25, 75])
    assert [axes.get_title(loc="left") for axes in figures[0].axes] == ["alpa", ""]


@pytest.mark.parametrize("rows", [[], [("autoencoder", "latent", 1.0)]], ids=len)
def test_without_several_parameters_there_are_no_importances(rows: list[tuple[str, str, float]]) -> None:
    assert importances(pd.DataFrame(rows, columns=["detector", "parameter", "importance"])) is None


def curve_points() -> pd.DataFrame:
    strength = np.geomspace(0.01, 1, 5)
    found = {"strength": strength, "test": 0.9 - strength / 10, "objective": 0.8 + strength / 10}
    return pd.concat([pd.DataFrame({"detector": name} | found) for name in ("alpa", "denoising")], ignore_index=True)


def test_the_curve_says_that_no_value_was_chosen_by_it(figures: list[Figure]) -> None:
    picture = curve(curve_points(), without=0.87)
    assert picture is not None
    assert "The curve on test is made after the fact: no value was chosen by it." in picture.caption
    test, objective = figures[0].axes
    assert [axes.get_title(loc="left") for axes in (test, objective)] == ["Test", "Objective"]
    assert test.lines[0].get_ydata() == pytest.approx(100 * curve_points()["test"][:5])
    assert objective.lines[1].get_ydata() == pytest.approx(100 * curve_points()["objective"][5:])
    assert [text.get_text() for text in figures[0].legends[0].get_texts()] == ["alpa", "denoising"]


@pytest.mark.parametrize("without", [0.87, None])
def test_the_line_at_no_perturbation_is_there_where_it_is_known(figures: list[Figure], without: float | None) -> None:
    curve(curve_points(), without)
    test, objective = figures[0].axes
    assert [text.get_text() for text in test.texts] == (["no perturbation"] if without else [])
    assert len(test.lines) == (3 if without else 2)
    assert not without or test.lines[-1].get_ydata() == pytest.approx([87, 87])
    assert len(objective.lines) == 2


def test_without_points_there_is_no_curve() -> None:
    assert curve(pd.DataFrame({"detector": [], "place": [], "strength": []}), 0.9) is None


def spread(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return np.geomspace(0.01, 1, n), rng.uniform(0.3, 4, n)


def test_contours_are_interpolated_between_trials_that_are_drawn(figures: list[Figure]) -> None:
    strength, weight = spread(9)
    picture = contours(many(strength, weight))
    assert picture is not None
    assert "interpolated between the trials (dots)" in picture.caption
    dots = figures[0].axes[0].lines[0]
    assert dots.get_xdata() == pytest.approx(strength)
    assert dots.get_ydata() == pytest.approx(weight)
    assert figures[0].axes[0].get_xscale() == figures[0].axes[0].get_yscale() == "log"


def test_trials_with_the_same_values_are_one_point_of_the_contours(figures: list[Figure]) -> None:
    strength, weight = spread(8)
    table = many(strength, weight)
    assert contours(pd.concat([table, table], ignore_index=True)) is not None
    assert figures[0].axes[0].lines[0].get_xdata() == pytest.approx(strength)
    seven = table[:7]
    assert contours(pd.concat([seven, seven], ignore_index=True)) is None, "seven points make no map"


def test_a_trial_without_perturbation_has_no_place_in_logarithmic_contours(figures: list[Figure]) -> None:
    strength, weight = spread(9)
    assert contours(many(np.append(0.0, strength), np.append(1.0, weight))) is not None
    assert figures[0].axes[0].lines[0].get_xdata() == pytest.approx(strength)


@pytest.mark.parametrize("name", ["strength", "weight"])
def test_points_in_a_line_have_no_contours(name: str) -> None:
    strength, weight = spread(9)
    assert contours(many(strength, weight).assign(**{name: 0.5})) is None


def test_without_a_weight_there_are_no_contours() -> None:
    assert contours(trials(strength=0.5)) is None
    assert contours(many(spread(9)[0], np.nan)) is None


MAKERS: dict[str, Callable[[], Picture | None]] = {
    "tuning_history": lambda: history(trials()),
    "tuning_agreement": lambda: agreement(trials()),
    "tuning_slice": lambda: slices(trials(strength=[0.1, 0.2, 0.3, 0.4, 0.5, 0.6])),
    "tuning_strength": lambda: curve(curve_points(), 0.87),
    "tuning_contour": lambda: contours(many(*spread(9), objective=1.0)),  # where all are worth the same
}


@pytest.mark.parametrize("name", MAKERS)
def test_figures_are_files_that_equal_data_make_equal(name: str) -> None:
    picture, again = MAKERS[name](), MAKERS[name]()
    assert picture is not None
    assert picture == again
    assert list(picture.files) == [f"{name}.svg"]
    assert picture.files[f"{name}.svg"].count(b"<path") > 5
    assert picture.alt
