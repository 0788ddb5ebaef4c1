"""Neither tuning nor training can see the test split: they give the same where there is none. More in tests/leaks/."""

from tests.pipeline.project import Project


def test_tuning_and_training_give_the_same_where_there_is_no_test_split(
    finished: Project, undisturbed: Project
) -> None:
    assert not (undisturbed.folder / "data/splits/digits/test").exists()
    for output in (
        "runs/tuned/digits/alpa.yaml",
        "runs/tuned/digits/alpa.trials.json",
        "runs/models/digits/alpa/0-0/model.safetensors",
    ):
        assert (undisturbed.folder / output).read_bytes() == (finished.folder / output).read_bytes()
