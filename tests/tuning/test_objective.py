"""What a trial is worth: held-out normals, what is made of them, and how well a fitted detector tells them apart."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alpa.config import TrainingConfig
from alpa.data.pseudo_anomalies import FAMILIES
from alpa.detectors import DETECTORS
from alpa.detectors.detector import Detector, split_validation
from alpa.errors import ConfigError, DataError, ModelError
from alpa.runtime import Runtime
from alpa.training.cells import Cell, fit_cell
from alpa.tuning import objective
from alpa.tuning.objective import Probe, labelled_probe, load_fitted, pseudo_probe, require_known, run_cell

RUNTIME = Runtime()
ALL = tuple(FAMILIES)
ROWS, COLUMNS = np.mgrid[:16, :16]


def images_of(shape: np.ndarray, n: int = 40, seed: int = 0) -> np.ndarray:
    """Return n images of a bright shape (16, 16) with a little noise of their own, uint8 (n, 1, 16, 16)."""
    noise = np.random.default_rng(seed).integers(0, 20, (n, 1, 16, 16))
    return (200 * shape[None, None] + noise).astype(np.uint8)


RING = np.abs(np.hypot(ROWS - 7.5, COLUMNS - 7.5) - 5) < 1  # looks the same however it is turned or mirrored
CORNER = (ROWS < 6) & (COLUMNS < 3)  # does not
BAR = (ROWS >= 6) & (ROWS < 10)  # mirrored it is a bar, turned upright it is not


def cell_of(images: np.ndarray, target_class: str = "1", seed: int = 0, detector: str = "knn") -> Cell:
    training = TrainingConfig(steps=2, batch_size=8, validation_fraction=0.25)
    return Cell(detector, target_class, seed, DETECTORS[detector].config_class(), training, images)


def rows_of(images: np.ndarray) -> set[bytes]:
    return {image.tobytes() for image in images}


def parts(cell: Cell) -> tuple[np.ndarray, np.ndarray]:
    """Return the images that the cell's detector is fitted to and those that it holds out."""
    fitted, validation = split_validation(len(cell.images), cell.training.validation_fraction, cell.seed)
    return cell.images[fitted], cell.images[validation]


@pytest.mark.parametrize("seed", [0, 5])
def test_the_normals_are_those_that_the_detector_holds_out_and_none_that_it_learns_from(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned = []
    learn = DETECTORS["knn"].learn

    def watched(self: Detector, images: Any, *others: Any) -> None:
        learned.extend(image.tobytes() for image in images.cpu().numpy())
        learn(self, images, *others)

    monkeypatch.setattr(DETECTORS["knn"], "learn", watched)
    cell = cell_of(images_of(CORNER), seed=seed)
    probe = pseudo_probe(cell, ALL, seed=9)
    fit_cell(cell, "key", RUNTIME)
    assert len(learned) == 30
    assert rows_of(probe.normals) == rows_of(cell.images) - set(learned)
    assert len(probe.normals) == 10


def test_at_most_so_many_normals_are_scored_and_as_many_anomalies_of_each_family(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(objective, "MOST_NORMALS", 7)
    monkeypatch.setattr(objective, "MOST_REFERENCES", 5)
    cell = cell_of(images_of(CORNER))
    probe = pseudo_probe(cell, ALL, seed=0)
    assert len(probe.normals) == 7
    assert rows_of(probe.normals) < rows_of(parts(cell)[1])
    assert {family: images.shape for family, images in probe.anomalies.items()} == dict.fromkeys(ALL, (7, 1, 16, 16))
    assert rows_of(pseudo_probe(cell, ALL, seed=1).normals) != rows_of(probe.normals)


def test_anomalies_are_made_of_the_held_out_normals_alone() -> None:
    cell = cell_of(images_of(CORNER))
    fitted, validation = parts(cell)
    probe = pseudo_probe(cell, ALL, seed=0)
    changed = cell.images.copy()
    changed[split_validation(len(changed), 0.25, 0)[0]] //= 2
    again = pseudo_probe(cell_of(changed), ALL, seed=0)
    assert list(again.anomalies) == list(probe.anomalies)
    assert all(np.array_equal(again.anomalies[family], images) for family, images in probe.anomalies.items())
    flipped = {turned.tobytes() for image in validation for turned in (image[:, ::-1], image[:, :, ::-1])}
    assert rows_of(probe.anomalies["flipped"]) <= flipped
    assert not rows_of(probe.anomalies["flipped"]) & rows_of(fitted)


def test_the_same_class_and_seed_give_the_same_probe_and_others_another() -> None:
    images = images_of(CORNER)
    first = pseudo_probe(cell_of(images), ALL, seed=0)
    again = pseudo_probe(cell_of(images.copy()), ALL, seed=0)
    assert list(first.anomalies) == list(again.anomalies) == list(ALL)
    assert all(np.array_equal(first.anomalies[family], again.anomalies[family]) for family in ALL)
    others = (pseudo_probe(cell_of(images), ALL, seed=1), pseudo_probe(cell_of(images, target_class="2"), ALL, seed=0))
    for other in others:
        assert np.array_equal(other.normals, first.normals), "all that are held out, in their order"
        assert not any(np.array_equal(first.anomalies[family], other.anomalies[family]) for family in ALL)


def test_a_familys_anomalies_do_not_depend_on_the_other_families() -> None:
    cell = cell_of(images_of(CORNER))
    alone = pseudo_probe(cell, ["warped"], seed=0)
    assert list(alone.anomalies) == ["warped"]
    assert np.array_equal(alone.anomalies["warped"], pseudo_probe(cell, ALL, seed=0).anomalies["warped"])


@pytest.mark.parametrize(
    ("shape", "left_out"),
    [(RING, {"rotated", "flipped"}), (BAR, {"flipped"}), (CORNER, set())],
    ids=["ring", "bar", "corner"],
)
def test_a_symmetry_is_left_out_where_it_turns_normal_images_into_normal_ones(
    shape: np.ndarray, left_out: set[str]
) -> None:
    probe = pseudo_probe(cell_of(images_of(shape)), ALL, seed=0)
    assert set(ALL) - set(probe.anomalies) == left_out


def test_only_symmetries_are_ever_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objective, "LEAST_STRANGE", 1.1)
    probe = pseudo_probe(cell_of(images_of(CORNER)), ALL, seed=0)
    assert set(ALL) - set(probe.anomalies) == {"rotated", "flipped"}


def test_a_class_for_which_no_family_is_left_is_named() -> None:
    with pytest.raises(DataError) as error:
        pseudo_probe(cell_of(images_of(RING), target_class="8"), ["rotated", "flipped"], seed=0)
    assert str(error.value) == f"rotated, flipped leaves class 8 as it is; name more of {', '.join(FAMILIES)}."


@pytest.mark.parametrize("families", [["mirrored"], ["warped", "mirrored", "bent"]])
def test_an_unknown_family_is_one_sentence(families: list[str]) -> None:
    message = f"Pseudo-anomaly family mirrored is unknown; choose {', '.join(FAMILIES)}."
    for ask in (lambda: require_known(families), lambda: pseudo_probe(cell_of(images_of(CORNER)), families, seed=0)):
        with pytest.raises(ConfigError) as error:
            ask()
        assert str(error.value) == message


def test_known_families_pass() -> None:
    require_known(ALL)
    require_known([])


def test_a_labelled_probe_holds_the_given_images_and_no_other() -> None:
    cell, others = cell_of(images_of(CORNER)), images_of(BAR, n=25, seed=1)
    probe = labelled_probe(cell, others, seed=0)
    assert list(probe.anomalies) == ["labelled"]
    assert np.array_equal(probe.anomalies["labelled"], others), "all of them, in their order"
    assert np.array_equal(probe.normals, pseudo_probe(cell, ALL, seed=0).normals)


@pytest.mark.parametrize(("limit", "value", "most"), [("MOST_LABELLED", 12, 12), ("LABELLED_PER_NORMAL", 2, 20)])
def test_a_labelled_probe_holds_so_many_anomalies_at_most(
    limit: str, value: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objective, limit, value)
    cell, others = cell_of(images_of(CORNER)), images_of(BAR, n=25, seed=1)
    found = [labelled_probe(cell, others, seed).anomalies["labelled"] for seed in (0, 0, 1)]
    assert [len(images) for images in found] == [most] * 3
    assert rows_of(found[0]) < rows_of(others)
    assert np.array_equal(found[0], found[1])
    assert rows_of(found[0]) != rows_of(found[2])


@pytest.fixture(scope="module")
def fitted() -> tuple[Cell, dict[str, bytes]]:
    """A cell and its files; not to be changed."""
    cell = cell_of(images_of(CORNER))
    return cell, fit_cell(cell, "key", RUNTIME)[0]


def test_an_auroc_is_the_share_of_pairs_in_which_the_anomaly_scores_higher(
    fitted: tuple[Cell, dict[str, bytes]],
) -> None:
    cell, files = fitted
    _, normals = parts(cell)
    mixed = np.concatenate([normals[:3], 255 - normals[:1], cell.images[:4]])
    probe = Probe(normals, {"same": normals, "far": 255 - normals, "mixed": mixed})
    found = probe.aurocs(cell, files, RUNTIME)
    detector = load_fitted(cell, files, RUNTIME)
    low, high = detector.anomaly_scores(normals), detector.anomaly_scores(mixed)
    pairs = [(above > below) + 0.5 * (above == below) for above in high for below in low]
    assert list(found) == ["same", "far", "mixed"]
    assert (found["same"], found["far"]) == (0.5, 1.0)
    assert found["mixed"] == pytest.approx(sum(pairs) / len(pairs), abs=1e-12)


def test_the_score_is_the_one_that_the_detector_is_ranked_by() -> None:
    cell = cell_of(images_of(CORNER), detector="autoencoder")
    files, _ = fit_cell(cell, "key", RUNTIME)
    detector = load_fitted(cell, files, RUNTIME)
    probe = pseudo_probe(cell, ["warped"], seed=0)
    scores = [detector.scores(images)["combined"] for images in (probe.normals, probe.anomalies["warped"])]
    share = np.mean([above > below for above in scores[1] for below in scores[0]])
    assert probe.aurocs(cell, files, RUNTIME)["warped"] == pytest.approx(share, abs=1e-12)


def test_a_cell_whose_files_are_at_hand_is_not_fitted(
    fitted: tuple[Cell, dict[str, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    cell, files = fitted
    probe = pseudo_probe(cell, ["warped"], seed=0)
    anew = run_cell(cell, "key", None, probe, RUNTIME)
    assert (anew[0], anew[2]) == (files, probe.aurocs(cell, files, RUNTIME))
    assert anew[1] > 0
    monkeypatch.setattr(objective, "fit_cell", None)
    assert run_cell(cell, "key", files, probe, RUNTIME) == (files, 0.0, anew[2])


def test_files_of_another_detector_are_refused(fitted: tuple[Cell, dict[str, bytes]]) -> None:
    with pytest.raises(ModelError):
        load_fitted(cell_of(images_of(CORNER), detector="pca"), fitted[1], RUNTIME)


def test_a_score_that_is_not_finite_is_a_diverged_model(
    fitted: tuple[Cell, dict[str, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Detector, images: Any) -> dict[str, Any]:
        return {"distance": images.flatten(1).sum(1) * float("nan")}

    probe = pseudo_probe(fitted[0], ["warped"], seed=0)
    monkeypatch.setattr(DETECTORS["knn"], "score_batch", broken)
    with pytest.raises(ModelError, match=r"^The distance score of knn is not finite; "):
        probe.aurocs(*fitted, RUNTIME)


def test_nothing_is_left_on_the_disk(
    fitted: tuple[Cell, dict[str, bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    load_fitted(*fitted, RUNTIME)
    assert list(tmp_path.iterdir()) == []
