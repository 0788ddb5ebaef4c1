from typing import Any

import pandas as pd
import pytest

from alpa.reporting.document import Page
from alpa.reporting.results import Difference, Results
from alpa.reporting.wording import (
    against,
    caveat,
    count,
    leader,
    listed,
    name,
    points,
    points_interval,
    standing,
    summary,
)


def results(
    means: dict[str, float], differences: list[tuple[str, str, str, float, float, float]], **choices: Any
) -> Results:
    dataset, seeds = choices.get("dataset", "mnist"), choices.get("seeds", (0,))
    identity = {"dataset": dataset, "protocol": choices.get("protocol", "one_vs_rest")}
    leaderboard = [
        identity
        | {"detector": detector, "score": score, "is_primary": score == "s", "auroc_mean": mean}
        | {"ci_low": mean - 0.01, "ci_high": mean + 0.01, "n_test": 100}
        for detector, mean in means.items()
        for score in ("s", "t")
    ]
    cells = [
        identity | {"detector": detector, "normal_class": "a", "seed": seed, "score": "s", "auroc": mean}
        for detector, mean in means.items()
        for seed in seeds
    ]
    columns = ["score", "detector", "other", "difference", "ci_low", "ci_high"]
    readings = pd.DataFrame({"n_clips": [choices.get("n_clips", 0)]})
    tables = pd.DataFrame(cells), pd.DataFrame(leaderboard), pd.DataFrame(differences, columns=columns)
    return Results("made_up", *tables, readings)


def test_the_leader_is_named_whoever_it_is() -> None:
    found = leader(results({"alpa": 0.9, "knn": 0.95}, []))
    assert found.startswith("On MNIST, `knn`, ranked by `s`, leads the two detectors with a mean AUROC of 95.0 %")
    assert "94.0–96.0" in found


def test_alpa_behind_the_leader_by_more_than_chance() -> None:
    found = standing(results({"knn": 0.95, "alpa": 0.9}, [("primary", "knn", "alpa", 0.05, 0.03, 0.07)]))
    assert found.startswith("`alpa` is second with 90.0 %")
    assert "5.00 points behind `knn`" in found
    assert found.endswith("−7.00 to −3.00, excludes 0.")


def test_alpa_ahead_by_no_more_than_chance() -> None:
    found = standing(results({"alpa": 0.951, "knn": 0.95}, [("primary", "alpa", "knn", 0.001, -0.002, 0.004)]))
    assert found.startswith("`alpa` is 0.10 points ahead of the next, `knn`")
    assert found.endswith("−0.20 to +0.40, includes 0, so this run does not tell the two apart.")


def test_shared_scores_are_tallied_by_what_their_intervals_show() -> None:
    rows = [("s", "alpa", "autoencoder", 0.02, 0.01, 0.03), ("t", "alpa", "autoencoder", 0.001, -0.01, 0.01)]
    found = against(results({"alpa": 0.9, "autoencoder": 0.8}, rows), "autoencoder")
    assert found == "`alpa` is better under one and not distinguishable under one of the two shared scores"
    alike = [(score, "alpa", "autoencoder", 0.0, -0.01, 0.01) for score in "st"]
    found = against(results({"alpa": 0.9, "autoencoder": 0.9}, alike), "autoencoder")
    assert found == "`alpa` is distinguishable under none of the two shared scores"
    flipped = [("s", "autoencoder", "alpa", 0.02, 0.01, 0.03), ("t", "autoencoder", "alpa", 0.02, 0.01, 0.03)]
    found = against(results({"alpa": 0.9, "autoencoder": 0.8}, flipped), "autoencoder")
    assert found == "`alpa` is worse under each of the two shared scores"


def test_without_alpa_the_summary_speaks_of_the_others_alone() -> None:
    assert "alpa" not in " ".join(summary(results({"knn": 0.95, "pca": 0.9}, [])))


@pytest.mark.parametrize(
    ("seeds", "expected"),
    [
        ((0,), "With one seed the intervals cover the choice of test images, not the chance in training."),
        (
            (0, 1, 2),
            "The intervals cover the choice of seeds and of test images; with three seeds they are too narrow for what "
            "another seed would do.",
        ),
        (tuple(range(10)), "The intervals cover the choice of seeds and of test images."),
    ],
)
def test_the_summary_says_what_the_intervals_cover(seeds: tuple[int, ...], expected: str) -> None:
    assert summary(results({"knn": 0.95}, [], seeds=seeds))[-1] == expected


def test_of_clips_the_summary_speaks_of_frames_and_says_that_clips_are_few() -> None:
    found = results({"knn": 0.95, "pca": 0.9}, [], dataset="ped2", protocol="video", n_clips=12)
    assert "an AUROC of 95.0 % (95 % interval 94.0–96.0) over the 100 test frames of 12 clips and one" in leader(found)
    assert caveat(found) == (
        "With one seed the intervals cover the choice of test clips, not the chance in training. Frames of a clip are "
        "alike, so whole clips are drawn, and 12 clips are few for that: take the intervals as rough."
    )
    many = results({"knn": 0.95}, [], dataset="ped2", protocol="video", n_clips=100)
    assert caveat(many).endswith("not the chance in training.")


def test_digits_is_called_a_smoke_test() -> None:
    assert summary(results({"knn": 0.95}, [], dataset="digits"))[-1].startswith("This is a smoke test")
    assert "smoke" not in summary(results({"knn": 0.95}, [], dataset="mnist"))[-1]


@pytest.mark.parametrize(("value", "text"), [(0.004, "+0.40"), (-0.0121, "−1.21"), (-0.00001, "0.00"), (0.0, "0.00")])
def test_points_carry_a_sign_unless_they_round_to_zero(value: float, text: str) -> None:
    assert points(value) == text


def test_an_interval_that_touches_zero_shows_no_difference() -> None:
    assert Difference(0.01, 0.0, 0.02).sign == 0
    assert points_interval(Difference(0.01, 0.0, 0.02)) == "0.00 to +2.00"


def test_counts_and_lists_read_as_text() -> None:
    assert [count(n, "class", "classes") for n in (1, 3, 12)] == ["one class", "three classes", "12 classes"]
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert name("a`b") == "`a'b`"


def test_every_sentence_ends_as_one(page: Page) -> None:
    assert all(text.endswith(".") for section in page.sections for text in section.paragraphs)
    assert all(text.endswith(".") for text in page.summary)
