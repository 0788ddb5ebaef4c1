import csv
import io
import json
import math
from collections.abc import Mapping

import pytest
from scipy.stats import t as student
from scipy.stats import wilcoxon

from alpa.errors import ScoreError
from alpa.reporting.compare import as_csv, changed_settings, compare, only
from alpa.reporting.comparison import as_text, comparison_page
from alpa.reporting.document import Table
from alpa.reporting.page import render_markdown
from alpa.reporting.sides import Side
from tests.reporting.sides import made_side

CLASSES = ("0", "1", "2", "3", "4", "5", "6")
BEFORE = dict(zip(CLASSES, (0.90, 0.80, 0.70, 0.95, 0.85, 0.75, 0.65), strict=True))
GAINS = dict(zip(CLASSES, (0.010, 0.020, 0.015, 0.005, 0.012, 0.018, 0.022), strict=True))


def side(name: str, cells: Mapping[str, float], **settings: object) -> Side:
    """Return a side of one detector and score with an AUROC for each class and seed 0."""
    return made_side(name, {("knn", "distance", target, 0): auroc for target, auroc in cells.items()}, **settings)


def table(page_table: str, a: Side, b: Side) -> Table:
    return next(found for found in comparison_page(a, b).tables if found.name == page_table)


@pytest.fixture
def pair() -> tuple[Side, Side]:
    return side("old", BEFORE), side("new", {key: BEFORE[key] + GAINS[key] for key in CLASSES})


def test_a_difference_is_paired_over_classes_by_student_and_by_wilcoxon(pair: tuple[Side, Side]) -> None:
    (compared,) = compare(*pair)
    gains = list(GAINS.values())
    mean = sum(gains) / 7
    deviation = math.sqrt(sum((gain - mean) ** 2 for gain in gains) / 6)
    half = student.ppf(0.975, 6) * deviation / math.sqrt(7)
    paired = compared.paired
    assert paired is not None
    assert (paired.n_cells, paired.n, paired.unit) == (7, 7, "class")
    assert paired.difference.mean == pytest.approx(mean)
    assert (paired.difference.low, paired.difference.high) == pytest.approx((mean - half, mean + half))
    assert paired.p_value == wilcoxon(gains).pvalue == pytest.approx(2 / 2**7)  # all of one sign, of 2^7 patterns
    assert table("compared", *pair).rows[0][-1] == "B is better"
    assert table("compared", *reversed(pair)).rows[0][-1] == "B is worse"


def test_seeds_of_a_class_are_averaged_before_they_are_a_unit() -> None:
    keys = [("knn", "distance", target, seed) for target in "ab" for seed in (0, 1)]
    a = made_side("a", dict.fromkeys(keys, 0.8))
    b = made_side("b", dict(zip(keys, (0.8, 0.9, 0.8, 0.8), strict=True)))
    paired = compare(a, b)[0].paired
    assert paired is not None
    assert (paired.n_cells, paired.n) == (4, 2)
    assert paired.difference.mean == pytest.approx((0.05 + 0) / 2)


def test_where_there_is_one_class_the_seeds_are_the_units() -> None:
    a, b = ({("knn", "distance", "normal", seed): 0.8 + seed * step for seed in range(3)} for step in (0.0, 0.01))
    paired = compare(made_side("a", a), made_side("b", b))[0].paired
    assert paired is not None
    assert (paired.n, paired.unit, paired.difference.mean) == (3, "seed", pytest.approx(0.01))
    assert "Student's over seeds" in as_text(comparison_page(made_side("a", a), made_side("b", b)))


def test_a_result_is_equal_to_itself(pair: tuple[Side, Side]) -> None:
    row = table("compared", pair[0], pair[0]).rows[0]
    assert row[6:] == ("0.00", "0.00 to 0.00", "1.000", "1.000", "7", "equal")
    page = comparison_page(pair[0], pair[0])
    assert [found.name for found in page.tables] == ["compared"]
    assert "differ in nothing but their times" in page.sections[-1].paragraphs[0]


def test_only_common_cells_are_paired_and_the_others_are_named() -> None:
    a, b = side("a", {"0": 0.5, "1": 0.6, "2": 0.9}), side("b", {"1": 0.7, "2": 0.9, "3": 0.1})
    paired = compare(a, b)[0].paired
    assert paired is not None
    assert (paired.n_cells, paired.difference.mean) == (2, pytest.approx(0.05))
    assert only(a, b) == [("knn", "distance", "0", 0)]
    assert table("only", a, b).rows == (
        ("A", "knn", "distance", "1", "class 0, seed 0"),
        ("B", "knn", "distance", "1", "class 3, seed 0"),
    )


def test_one_common_cell_has_a_difference_and_no_interval() -> None:
    row = table("compared", side("a", {"0": 0.5}), side("b", {"0": 0.6, "1": 0.6})).rows[0]
    assert row[6:] == ("+10.00", "–", "–", "–", "1", "one pair")


def test_a_detector_of_one_side_stands_alone(pair: tuple[Side, Side]) -> None:
    other = made_side("other", {("pca", "reconstruction", key, 0): 0.5 for key in CLASSES})
    rows = table("compared", pair[0], other).rows
    assert [(row[0], row[-1]) for row in rows] == [("knn", "only in A"), ("pca", "only in B")]
    assert rows[1][2:5] == ("–", "–", "50.0")


@pytest.mark.parametrize("changed", [{"dataset": "kmnist"}, {"protocol": "leave_one_out"}])
def test_other_data_or_another_protocol_pair_nothing(changed: Mapping[str, str]) -> None:
    a, b = side("a", BEFORE), side("b", {key: value + 0.01 for key, value in BEFORE.items()}, **changed)
    row = table("compared", a, b).rows[0]
    assert row[6:] == ("+1.00", "–", "–", "–", "0", "not paired")
    assert "no cell of one belongs to a cell of the other" in as_text(comparison_page(a, b))


def test_p_values_are_corrected_for_the_number_of_rows() -> None:
    keys = [("knn", score, target, 0) for score in ("distance", "other") for target in CLASSES]
    a = made_side("a", dict.fromkeys(keys, 0.5))
    b = made_side("b", {key: 0.5 + GAINS[key[2]] * (key[1] == "distance") for key in keys})
    first, second = compare(a, b)
    assert first.paired is not None
    assert second.paired is not None
    assert (first.paired.p_value, second.paired.p_value) == (pytest.approx(1 / 64), 1)
    assert (first.p_holm, second.p_holm) == (pytest.approx(2 / 64), 1)


def test_settings_that_differ_are_listed_and_times_are_none() -> None:
    facts = {
        "commit": "aa",
        "data": {"test": "d1"},
        "seconds": {"knn": 1.5},
        "seeds": [0, 1],
        "trained": [{"threads": 1}],
    }
    other = {"commit": "bb", "data": {"test": "d1"}, "seconds": {"knn": 9.5}, "seeds": [0], "trained": [{"threads": 2}]}
    a, b = side("a", BEFORE, facts=facts), side("b", BEFORE, facts=other)
    assert changed_settings(a, b) == [
        ("commit", "aa", "bb"),
        ("seeds", "0, 1", "0"),
        ("trained.0.threads", "1", "2"),
    ]


def test_another_test_split_is_said_beside_the_differences() -> None:
    a, b = (side(name, BEFORE, facts={"data": {"test": name}}) for name in "ab")
    assert "tested on different splits" in as_text(comparison_page(a, b))


def test_a_record_of_other_cells_does_not_speak_for_these() -> None:
    a = side("a", BEFORE, facts={"commit": "aa"})
    stale = Side("b", a.files | {"release.json": json.dumps({"cells_sha256": "00", "commit": "bb"})})
    assert stale.facts == {}
    assert "No record of the run belongs to the cells of B." in as_text(comparison_page(a, stale))


def test_results_without_the_columns_of_today_can_be_compared(pair: tuple[Side, Side]) -> None:
    assert "tuned_on" not in pair[0].files["leaderboard.csv"]
    assert len(compare(*pair)) == 1


def test_a_cell_that_is_there_twice_is_an_error_with_the_remedy() -> None:
    a = side("a", BEFORE)
    head, *rows = a.files["cells.csv"].splitlines(keepends=True)
    twice = Side("b", a.files | {"cells.csv": head + rows[0] + "".join(rows)})
    with pytest.raises(ScoreError, match=r"b: cells.csv has the cell knn, distance, 0, 0 twice; restore it\."):
        compare(a, twice)


def test_screen_markdown_and_csv_say_the_same_numbers(pair: tuple[Side, Side]) -> None:
    page = comparison_page(*pair)
    cells = page.tables[0].rows[0]
    screen = next(line for line in as_text(page).splitlines() if line.startswith("knn"))
    assert screen.split("  ")[0] == "knn"
    assert all(cell in screen for cell in cells)
    assert "| " + " | ".join(cell.replace("*", r"\*") for cell in cells) + " |" in render_markdown(page)
    (row,) = csv.DictReader(io.StringIO(as_csv(compare(*pair))))
    assert (f"{100 * float(row['a_auroc_mean']):.1f}", f"{100 * float(row['b_auroc_mean']):.1f}") == (
        cells[2],
        cells[4],
    )
    assert f"{100 * float(row['difference']):+.2f}" == cells[6]
    assert f"{float(row['p_value']):.3f}" == cells[8]
    assert (row["n_cells"], row["n"], row["unit"], row["is_primary"]) == ("7", "7", "class", "True")


def test_a_name_with_control_characters_does_not_reach_the_terminal() -> None:
    a = made_side("a", {("\x1b[31mred", "s", "0", 0): 0.5})
    assert "\x1b" not in as_text(comparison_page(a, a))
