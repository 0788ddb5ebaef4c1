import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from safetensors.numpy import save_file
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags

import alpa
from alpa.errors import ConfigError, DataError, ModelError
from alpa.fitting import split_held_out
from alpa.model import Model, needed
from tests.cli.made_up import washers

SMALL = {"size": 16, "detector": "pca", "threads": 1}


@pytest.fixture(scope="module")
def model() -> Model:
    """A model that trained by steps, for which no test may change it."""
    return alpa.fit(washers(60), steps=120, threads=1)


def made(held_out: list[float], level: float = 0.05) -> Model:
    """Return a model with these held-out scores, whose detector plays no part."""
    detector = alpa.build_detector("pca", (1, 16, 16))
    scores = np.array(held_out, np.float32)
    return Model(detector, scores, scores / 2, level, "reconstruction")


def test_p_values_and_thresholds_are_those_of_brute_force() -> None:
    random = np.random.default_rng(0)
    for n in (1, 2, 19, 20, 30, 99):
        model = made(random.integers(0, 12, n).tolist())  # with ties
        scores = np.arange(-1, 14, 0.5, dtype=np.float32)
        brute = np.array([(1 + sum(held >= score for held in model.held_out)) / (n + 1) for score in scores])
        assert np.array_equal(model.p_values(scores), brute)
        for level in (0.011, 0.05, 0.1, 0.29, 0.3, 0.5, 0.99):
            if level < 1 / (n + 1):
                with pytest.raises(ConfigError, match=f"{n} images were held out"):
                    model.threshold(level)
            else:
                assert np.array_equal(scores > model.threshold(level), brute <= level)
                assert model.peak_threshold(level) == pytest.approx(model.threshold(level) / 2)


def test_at_most_a_share_of_level_of_normal_images_is_called_anomalous() -> None:
    random = np.random.default_rng(0)
    called = []
    for _ in range(2000):
        held_out, new = np.split(random.normal(size=40).astype(np.float32), [39])
        called.append(made(held_out.tolist(), 0.1).p_values(new)[0] <= 0.1)
    assert np.mean(called) == pytest.approx(0.1, abs=0.02)  # four of 40 ranks: exactly 0.1


def test_as_many_images_are_held_out_as_the_level_needs_and_a_fifth_at_least() -> None:
    assert [needed(level) for level in (0.5, 0.1, 0.05, 0.03)] == [1, 9, 19, 33]
    for level in np.linspace(0.01, 0.6, 60):
        n = needed(level)
        assert 1 / (n + 1) <= level < 1 / n
    for n, level, expected in ((38, 0.05, 19), (100, 0.05, 20), (1000, 0.05, 200), (20, 0.1, 9)):
        fitted, held_out = split_held_out(n, level, seed=0)
        assert len(held_out) == expected
        assert sorted([*fitted, *held_out]) == list(range(n))


@pytest.mark.parametrize(
    ("n", "level", "remedy"),
    [
        (37, 0.05, "Level 0.05 takes 38 normal images, and there are 37; give 38, or a level of 0.053."),
        (20, 0.05, "Level 0.05 takes 38 normal images, and there are 20; give 38, or a level of 0.091."),
        (5, 0.5, "Level 0.5 takes 8 normal images, and there are 5; give more."),
    ],
)
def test_too_few_images_for_a_level_are_refused_with_one_that_works(n: int, level: float, remedy: str) -> None:
    with pytest.raises(DataError, match=re.escape(remedy)):
        split_held_out(n, level, seed=0)
    if found := re.search(r"a level of (0\.\d+)", remedy):
        assert split_held_out(n, float(found[1]), seed=0)


def test_whole_clips_are_held_out_and_one_clip_is_refused() -> None:
    groups = np.repeat(np.arange(5), 20)
    fitted, held_out = split_held_out(100, 0.05, 0, groups)
    assert not set(groups[fitted]) & set(groups[held_out])
    with pytest.raises(DataError, match="There is one clip"):
        split_held_out(100, 0.05, 0, np.zeros(100, np.int64))


def test_held_out_images_train_nothing() -> None:
    images = washers(40)
    _, held_out = split_held_out(40, 0.05, 0)
    changed = images.copy()
    changed[held_out] = 255 - changed[held_out]
    one, two = (alpa.fit(some, **SMALL) for some in (images, changed))
    new = washers(4, first=500)
    assert np.array_equal(one.anomaly_scores(new), two.anomaly_scores(new))
    assert not np.array_equal(one.held_out, two.held_out)
    assert np.array_equal(one.held_out, one.anomaly_scores(images[held_out]))
    assert np.array_equal(one.peaks, one.error_maps(images[held_out]).max((1, 2)))


def test_scratches_have_higher_scores_and_lower_p_values(model: Model) -> None:
    normal, scratched = model.score(washers(12, 1000)), model.score(washers(12, 2000, scratched=True))
    assert list(normal.columns) == ["score", "p_value", "is_anomalous"]
    both = pd.concat([normal, scratched])
    assert roc_auc_score([0] * 12 + [1] * 12, both["score"]) > 0.95
    assert scratched["is_anomalous"].mean() > 0.8
    assert scratched["p_value"].mean() < normal["p_value"].mean()


def test_paths_are_scored_as_their_pixels_are(model: Model, tmp_path: Path) -> None:
    images = washers(3, 1000)
    for number, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    of_folder, of_path = model.score(tmp_path), model.score(str(tmp_path / "1.png"))
    of_list = model.score([tmp_path / "2.png", str(tmp_path / "0.png")])
    expected = model.score(images)
    assert of_folder["path"].tolist() == [str(tmp_path / f"{number}.png") for number in range(3)]
    pd.testing.assert_frame_equal(of_folder.drop(columns="path"), expected)
    assert of_path["score"].tolist() == pytest.approx([expected["score"][1]], rel=1e-4)
    assert of_list["score"].tolist() == pytest.approx(expected["score"][[2, 0]].tolist(), rel=1e-4)


def test_a_saved_model_scores_as_before_and_nothing_is_pickled(model: Model, tmp_path: Path) -> None:
    model.save(tmp_path / "m")
    loaded = alpa.load_model(tmp_path / "m")
    images = washers(5, 1000)
    pd.testing.assert_frame_equal(loaded.score(images), model.score(images))
    assert np.array_equal(loaded.error_maps(images), model.error_maps(images))
    assert (loaded.level, loaded.facts, loaded.peak_threshold()) == (model.level, model.facts, model.peak_threshold())
    assert (model.facts["n_fitted"], model.facts["n_held_out"]) == (41, 19)
    names = {path.relative_to(tmp_path / "m").as_posix() for path in (tmp_path / "m").rglob("*") if path.is_file()}
    detector = {f"detector/{name}" for name in ("model.safetensors", "detector.json", "history.csv")}
    assert names == detector | {"model.json", "calibration.safetensors"}


NO_MODELS = (
    "[]",
    '{"format": 2, "level": 0.05, "by": "peak", "facts": {}}',
    '{"format": 1, "level": 7, "by": "reconstruction", "facts": {}}',
    '{"format": 1, "level": 0.05, "by": "combined", "facts": {}}',
)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "model.json").unlink(),
        *(lambda folder, text=text: (folder / "model.json").write_text(text) for text in NO_MODELS),
        lambda folder: (folder / "calibration.safetensors").write_bytes(b"x" * 20),
        lambda folder: save_file({"held_out": np.zeros(3)}, folder / "calibration.safetensors"),
        lambda folder: save_file(dict.fromkeys(("held_out", "peaks"), np.full(3, np.nan, np.float32)), *_at(folder)),
        lambda folder: save_file(dict.fromkeys(("held_out", "peaks"), np.zeros(0, np.float32)), *_at(folder)),
        lambda folder: (folder / "detector/detector.json").unlink(),
    ],
)
def test_a_damaged_model_is_refused(damage, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    alpa.fit(washers(40), **SMALL).save(tmp_path / "m")
    damage(tmp_path / "m")
    with pytest.raises(ModelError, match=re.escape(str(tmp_path / "m"))):
        alpa.load_model(tmp_path / "m")


def _at(folder: Path) -> tuple[Path]:
    return (folder / "calibration.safetensors",)


@pytest.mark.parametrize("name", ["model.json", "calibration.safetensors"])
def test_a_model_with_random_damage_is_loaded_or_refused(name: str, tmp_path: Path) -> None:
    alpa.fit(washers(40), **SMALL).save(tmp_path / "m")
    path, random = tmp_path / "m" / name, np.random.default_rng(0)
    whole = path.read_bytes()
    refused = 0
    for _ in range(100):
        damaged = bytearray(whole[: random.integers(len(whole))] if random.random() < 0.3 else whole)
        for place in random.integers(0, max(1, len(damaged)), 3):
            damaged[place : place + 1] = random.bytes(1)
        path.write_bytes(damaged)
        try:
            alpa.load_model(tmp_path / "m")
        except ModelError as error:
            refused += str(tmp_path / "m") in str(error)
    assert refused > 50


def test_a_full_disk_leaves_the_old_model(tmp_path: Path, full_disk) -> None:  # type: ignore[no-untyped-def]
    model = alpa.fit(washers(40), **SMALL)
    model.save(tmp_path / "m")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with full_disk(2000), pytest.raises(OSError, match="File too large"):
        model.save(tmp_path / "m")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_an_explanation_holds_what_the_detector_makes(model: Model, tmp_path: Path) -> None:
    image = washers(1, 2000, scratched=True)[0]
    found = model.explain(image)
    assert found.perturbed is not None
    assert found.image.shape == found.reconstruction.shape == found.perturbed.shape == (3, 32, 32)
    assert np.abs(found.perturbed - found.reconstruction).max() > 1e-3
    assert np.allclose(found.difference, np.abs(found.image / 255 - found.reconstruction), atol=1e-6)
    assert found.heat.shape == (32, 32)
    assert (found.score, found.p_value) == tuple(model.score(image[None])[["score", "p_value"]].iloc[0])
    plain = alpa.fit(washers(40), **SMALL).explain(image)
    assert plain.perturbed is None
    Image.fromarray(image).save(tmp_path / "x.png")
    assert model.explain(tmp_path / "x.png").score == pytest.approx(found.score, rel=1e-4)


@pytest.mark.parametrize("preparation", ["unit", "scaled", "gcn"])
def test_heat_maps_are_of_pixels_whatever_the_preparation(preparation: str) -> None:
    images = washers(40)
    model = alpa.fit(images, **SMALL, preparation=preparation, config={"components": 20})
    maps = model.error_maps(images[:3])
    squared = np.square(model.prepared(images[:3]) / 255 - model.detector.reconstruct(model.prepared(images[:3])))
    assert maps.shape == (3, 16, 16)
    assert maps[1, 5, 7] == pytest.approx(squared[1, :, 4:7, 6:9].mean(), rel=1e-4)  # the square of 3 x 3 around


def test_images_are_judged_by_any_score_or_by_the_highest_pixel_of_the_heat_map() -> None:
    images, new = washers(40), washers(5, 2000, scratched=True)
    mean, peak = (alpa.fit(images, **SMALL, by=by) for by in ("reconstruction", None))
    assert (mean.by, peak.by) == ("reconstruction", "peak")
    assert np.array_equal(mean.anomaly_scores(new), mean.detector.anomaly_scores(mean.prepared(new)))
    assert np.array_equal(mean.error_maps(new), peak.error_maps(new))
    assert np.array_equal(peak.anomaly_scores(new), peak.error_maps(new).max((1, 2)))
    assert np.array_equal(peak.held_out, peak.peaks)
    assert (peak.score(new)["is_anomalous"] == (peak.error_maps(new).max((1, 2)) > peak.peak_threshold())).all()
    with pytest.raises(ModelError, match="knn does not reconstruct"):
        alpa.fit(images, "knn", threads=1, by="peak")
    assert alpa.fit(images, "knn", threads=1).by == "distance"


def test_arrays_keep_their_size_or_get_the_one_that_is_given() -> None:
    assert alpa.fit(washers(40), detector="pca", threads=1).image_shape == (3, 32, 32)
    assert alpa.fit(washers(40)[..., 0], detector="pca", size=24, threads=1).image_shape == (1, 24, 24)


def test_other_channels_than_the_models_are_refused(model: Model) -> None:
    with pytest.raises(DataError, match=re.escape("(N, 3, 32, 32), not uint8 of shape (2, 1, 32, 32)")):
        model.score(washers(2)[..., 0])


def test_facts_say_how_it_was_fitted_and_hold_no_path(model: Model) -> None:
    assert model.facts["training"]["steps"] == 120
    assert model.facts["runtime"]["threads"] == 1
    assert "/" not in json.dumps(model.facts)


def test_the_estimator_has_scikit_learns_polarity() -> None:
    estimator = alpa.ALPADetector(**SMALL).fit(washers(60))
    images = np.concatenate([washers(12, 1000), washers(12, 2000, scratched=True)])
    scores = estimator.score_samples(images)
    assert np.array_equal(scores, -estimator.model_.anomaly_scores(images))
    assert np.allclose(estimator.decision_function(images), scores - estimator.offset_)
    called = estimator.model_.score(images)["is_anomalous"].to_numpy()
    assert np.array_equal(estimator.predict(images), np.where(called, -1, 1))
    assert estimator.predict(images).dtype.kind == "i"
    assert set(alpa.ALPADetector(**SMALL).fit_predict(washers(60))) <= {-1, 1}


def test_the_estimator_keeps_scikit_learns_conventions() -> None:
    estimator = alpa.ALPADetector(level=0.1, **SMALL)
    copy = clone(estimator)
    assert copy.get_params() == estimator.get_params() != alpa.ALPADetector().get_params()
    assert copy.set_params(seed=3).seed == 3
    assert (get_tags(copy).estimator_type, get_tags(copy).input_tags.two_d_array) == ("outlier_detector", False)
    with pytest.raises(NotFittedError):
        estimator.predict(washers(2))
    pipeline = make_pipeline(FunctionTransformer(lambda images: images[:, ::2, ::2]), estimator).fit(washers(40))
    assert pipeline.score_samples(washers(3)).shape == (3,)
    labels = np.where(np.arange(60) < 50, 1, 0)
    images = np.concatenate([washers(50), washers(10, 2000, scratched=True)])
    folds = [(np.arange(40), np.arange(40, 60))]  # trained on normal images alone
    search = GridSearchCV(estimator, {"size": [8, 16]}, scoring="roc_auc", cv=folds, refit=False).fit(images, labels)
    assert (search.cv_results_["mean_test_score"] > 0.5).all()
