from collections.abc import Callable
from dataclasses import replace

import pytest

from alpa.reporting.benchmark import Inputs
from alpa.reporting.document import Page, Section
from alpa.reporting.pairs import every_pair, groups, p_value, pairs_section
from alpa.reporting.results import OWN, Results, read_results


@pytest.fixture(scope="module")
def results(inputs: Inputs) -> Results:
    return read_results(inputs.report)


def with_p_values(results: Results, ranks: dict[str, float], told: set[frozenset[str]]) -> Results:
    """Return results with these mean ranks, in which exactly those pairs are told apart."""
    leaderboard = results.leaderboard[results.leaderboard["detector"].isin(ranks)].copy()
    leaderboard["rank_mean"] = leaderboard["detector"].map(ranks)
    pairs = results.comparisons
    pairs = pairs[pairs["detector"].isin(ranks) & pairs["other"].isin(ranks) & (pairs["score"] == OWN)].copy()
    pairs["wilcoxon_p_holm"] = [
        0.01 if frozenset(pair) in told else 0.5 for pair in zip(pairs["detector"], pairs["other"], strict=True)
    ]
    return replace(Results(results.benchmark, results.cells, leaderboard, pairs), readings=results.readings)


def section(page: Page, key: str) -> Section:
    return next(section for section in page.sections if section.key == key)


def test_every_pair_is_there_once_with_the_numbers_of_its_row(results: Results) -> None:
    table = every_pair(results)
    assert len(table.rows) == 15
    rows = results.comparisons[results.comparisons["score"] == OWN]
    held = {frozenset((row["detector"], row["other"])): row for row in rows.to_dict("records")}
    for first, second, difference, _, verdict, p, n, delong in table.rows:
        row = held[frozenset((first, second))]
        turned = row["detector"] != first
        assert results.detectors.index(first) < results.detectors.index(second)
        assert not difference.startswith("−")
        assert float(difference) == pytest.approx(100 * abs(row["difference"]), abs=0.006)
        assert verdict == ("no" if row["ci_low"] <= 0 <= row["ci_high"] else "yes")
        assert p == p_value(row["wilcoxon_p_holm"])
        assert n == str(row["wilcoxon_n"])
        counts = [str(row["delong_better"]), str(row["delong_worse"])]
        assert delong.split(" / ") == (counts[::-1] if turned else counts)


def test_p_values_are_printed_so_that_none_is_zero() -> None:
    assert [p_value(value) for value in (0.0, 0.0004, 0.001, 0.0316, 1.0)] == [
        "< 0.001",
        "< 0.001",
        "0.001",
        "0.032",
        "1.000",
    ]


def test_a_bar_joins_the_largest_runs_of_detectors_that_are_not_told_apart(results: Results) -> None:
    ranks = {"alpa": 1.2, "pca": 1.9, "knn": 3.0, "autoencoder": 3.9}
    told = {frozenset(("alpa", "knn")), frozenset(("alpa", "autoencoder")), frozenset(("pca", "autoencoder"))}
    assert groups(with_p_values(results, ranks, told)) == [["alpa", "pca"], ["pca", "knn"], ["knn", "autoencoder"]]
    assert groups(with_p_values(results, ranks, set())) == [["alpa", "pca", "knn", "autoencoder"]]
    everything = {frozenset((one, other)) for one in ranks for other in ranks}
    assert groups(with_p_values(results, ranks, everything)) == []


def test_the_diagram_shows_each_mean_rank_and_says_what_so_few_classes_can_show(page: Page, results: Results) -> None:
    picture = next(picture for picture in page.pictures if picture.name == "critical_difference")
    for detector, rank in results.primary["rank_mean"].items():
        assert f"{detector} {rank:.2f}" in picture.alt
    # 15 pairs and n = 10: 15 * 2 / 2^10.
    assert "With n = 10 and 15 pairs the corrected p-value cannot fall below 0.029: of so few," in picture.caption


def test_where_no_two_can_be_told_apart_the_caption_says_so(make: Callable[..., Inputs]) -> None:
    inputs = make(detectors=("alpa", "pca", "knn"), class_names=("a", "b", "c"), seeds=(0,))
    found = pairs_section(read_results(inputs.report))
    assert found is not None
    assert "no two can be told apart" in found.blocks[1].caption  # 3 pairs * 2 / 2^3 = 0.75
    assert "cannot fall below 0.750" in found.blocks[1].caption


def test_results_that_were_made_before_the_tests_have_no_such_section(results: Results) -> None:
    tests = [column for column in results.comparisons if column.startswith(("wilcoxon", "delong"))]
    assert pairs_section(replace(results, comparisons=results.comparisons.drop(columns=tests))) is None


def test_of_two_detectors_there_is_a_row_but_no_diagram(make: Callable[..., Inputs]) -> None:
    inputs = make(detectors=("alpa", "pca"), class_names=("a", "b"), seeds=(0,))
    found = pairs_section(read_results(inputs.report))
    assert found is not None
    assert [block.name for block in found.blocks] == ["pairs"]
