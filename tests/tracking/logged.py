"""What the project's tracking database holds."""

from collections import Counter
from pathlib import Path


def client():
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=f"sqlite:///{Path('mlflow.db').absolute()}")


def all_runs(benchmark: str = "toy") -> list:
    experiment = client().get_experiment_by_name(benchmark)
    return client().search_runs([experiment.experiment_id])


def keys(runs: list) -> Counter:
    return Counter(run.data.tags["alpa.key"] for run in runs)


def named(runs: list, name: str):
    return next(run for run in runs if run.info.run_name == name)


def history(run, name: str) -> list[tuple[int, float]]:
    return [(value.step, value.value) for value in client().get_metric_history(run.info.run_id, name)]


def own_tags(run) -> dict[str, str]:
    return {name: value for name, value in run.data.tags.items() if not name.startswith(("mlflow.", "alpa."))}
