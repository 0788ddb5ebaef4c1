"""The packages in examples/, installed by pip, and run by the real stages."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alpa.detectors import build_detector, load_detector
from alpa.errors import ConfigError, ModelError
from tests.pipeline.conftest import switch_off_tracking
from tests.pipeline.project import ROOT, copy_code
from tests.plugins.conftest import forget
from tests.plugins.installed import pip_install
from tests.plugins.test_pipeline import BENCHMARK, PARAMS

OF_PYOD = ("iforest", "ecod", "copod", "hbos")


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The examples, installed into a folder on the search path."""
    folder = tmp_path_factory.mktemp("examples")
    projects = [ROOT / "examples" / name for name in ("alpa-pyod", "alpa-shapes")]
    pip_install(folder, projects, tmp_path_factory.mktemp("sources"))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield folder
    forget(folder)


@pytest.fixture
def pyod(examples: Path) -> None:
    pytest.importorskip("pyod", reason="PyOD is not installed: `pip install pyod` brings it and numba")


def run_through(folder: Path, detectors: tuple[str, ...]) -> pd.DataFrame:
    """Run the stages of a benchmark of the shapes, in this process, and return its leaderboard."""
    project = copy_code(folder / "project")
    shapes = {**BENCHMARK, "dataset": "shapes", "image_size": 32, "tuning": False}
    pipeline = {"default": "shapes", "datasets": ["shapes"], "detectors": list(detectors), "paper": []}
    sections = {detector: {} for detector in detectors}
    project.edit({**PARAMS, "pipeline": pipeline, "benchmarks": {"shapes": shapes}, "detectors": sections})
    project.edit({"tuning": False, "runtime.workers": 1})
    switch_off_tracking(project)
    project.call("preflight", "shapes")
    project.call("download", "shapes")
    project.call("split", "shapes")
    for stage in ("tune", "train", "evaluate", "sweep"):
        for detector in detectors:
            project.call(stage, "shapes", detector)
    for stage in ("tuning", "leaderboard", "report"):
        project.call(stage, "shapes")
    assert (project.folder / "reports/shapes/report.html").is_file()
    return pd.read_csv(project.folder / "reports/shapes/leaderboard.csv").set_index("detector")


def test_the_shapes_are_the_same_each_time_and_of_three_kinds(examples: Path) -> None:
    from alpa_shapes import SHAPES

    (images, labels), (tested, _) = SHAPES.load()
    assert images.shape == (360, 32, 32)
    assert len(tested) == 120
    assert np.bincount(labels).tolist() == [120] * 3
    assert SHAPES.load()[0][0].tobytes() == images.tobytes()


def test_the_shapes_run_through_the_stages(examples: Path, tmp_path: Path) -> None:
    assert run_through(tmp_path, ("pca",))["auroc_mean"].item() > 0.7


@pytest.mark.usefixtures("pyod")
def test_detectors_of_pyod_run_through_the_stages_on_the_shapes(tmp_path: Path) -> None:
    leaderboard = run_through(tmp_path, ("iforest", "ecod"))
    assert set(leaderboard.index) == {"iforest", "ecod"}
    assert leaderboard["auroc_mean"].between(0, 1).all()  # how good they are there is not claimed


def made(seed: int, n: int) -> np.ndarray:
    """Return images whose left half is brighter than their right one."""
    noise = np.random.default_rng(seed).integers(0, 100, (n, 1, 16, 16))
    noise[..., :8] += 100
    return noise.astype(np.uint8)


@pytest.mark.usefixtures("pyod")
@pytest.mark.parametrize("components", [0, 8])
@pytest.mark.parametrize("key", OF_PYOD)
def test_a_detector_of_pyod_is_loaded_as_it_was_and_scores_each_image_by_itself(
    key: str, components: int, tmp_path: Path
) -> None:
    images, tested = made(0, 60), np.concatenate([made(1, 6), made(2, 6)[..., ::-1]])
    detector = build_detector(key, (1, 16, 16), {"components": components}, seed=3).fit(images)
    scores = detector.anomaly_scores(tested)
    assert scores[6:].min() > scores[:6].max(), "the other way round is anomalous"
    detector.save(tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".safetensors", ".json", ".csv"}
    assert load_detector(tmp_path, expected=key).anomaly_scores(tested).tobytes() == scores.tobytes()
    alone = np.concatenate([detector.anomaly_scores(image[np.newaxis]) for image in tested])
    np.testing.assert_allclose(alone, scores, rtol=1e-6)
    again = build_detector(key, (1, 16, 16), {"components": components}, seed=3).fit(images)
    assert again.anomaly_scores(tested).tobytes() == scores.tobytes()


@pytest.mark.usefixtures("pyod")
def test_a_detector_that_ranks_all_samples_together_gets_them_one_by_one() -> None:
    images = made(0, 40)
    found = {key: build_detector(key, (1, 16, 16), seed=0).fit(images).one_by_one for key in OF_PYOD}
    assert found == {"iforest": False, "ecod": True, "copod": True, "hbos": False}


@pytest.mark.usefixtures("pyod")
def test_any_other_detector_of_pyod_is_named_by_its_module_and_class() -> None:
    detector = build_detector("pyod", (1, 16, 16), {"model": "lof.LOF", "parameters": {"n_neighbors": 5}})
    scores = detector.fit(made(0, 40)).anomaly_scores(np.concatenate([made(1, 3), made(2, 3)[..., ::-1]]))
    assert scores[3:].min() > scores[:3].max()


@pytest.mark.usefixtures("pyod")
def test_at_most_so_many_samples_are_kept() -> None:
    config = {"samples": 10, "components": 4}
    assert build_detector("hbos", (1, 16, 16), config).fit(made(0, 40)).references.shape == (10, 4)


@pytest.mark.usefixtures("pyod")
def test_what_pyod_does_not_have_or_take_is_one_sentence() -> None:
    with pytest.raises(ConfigError, match=r"PyOD has no forest\.Forest here \(.*\); name a module and its class"):
        build_detector("pyod", (1, 16, 16), {"model": "forest.Forest"})
    with pytest.raises(ConfigError, match=r"detectors\.pyod\.model is 'os'"):
        build_detector("pyod", (1, 16, 16), {"model": "os"})
    detector = build_detector("iforest", (1, 16, 16), {"parameters": {"trees": 3}})
    with pytest.raises(ModelError, match=r"iforest\.IForest cannot be fitted \(.*trees.*\); mend its parameters\."):
        detector.fit(made(0, 40))
