"""The stages on a Dask cluster, whose workers have the code and none of the project's other files."""

from pathlib import Path

from tests.cluster import cluster
from tests.pipeline.project import Project


def test_train_and_evaluate_give_the_same_bytes_on_a_cluster_as_on_one_machine(
    finished: Project, tmp_path: Path
) -> None:
    project = finished.copy(tmp_path / "project", "data/splits/digits", "runs/tuned")
    (tmp_path / "empty").mkdir()
    with cluster(tmp_path / "empty") as started:
        project.edit({"runtime.scheduler": started.address})
        started.scheduler(project.folder)
        started.worker(project.folder, number=2)
        for stage in ("train", "evaluate"):
            done = project.stage(stage, "digits", "alpa")
            assert done.returncode == 0, done.stderr
    trained = project.files("runs/models/digits/alpa")
    assert trained == finished.files("runs/models/digits/alpa")
    scores = "runs/scores/digits/alpa.parquet"
    assert (project.folder / scores).read_bytes() == (finished.folder / scores).read_bytes()
    keys = {name for name in finished.finished_cells("alpa") if name in project.finished_cells("alpa")}
    assert keys == set(project.finished_cells("alpa")), "a cell's key does not say where it was trained"
