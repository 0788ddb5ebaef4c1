import pytest

from performance.stage_imports import STAGES, at_start, in_all, measure

TABLES = {"sklearn", "scipy", "pandas", "pyarrow"}
TRAINING = {"torch", "PIL"}
AT_START = {  # what a stage may import before it knows whether there is work; any other only Pillow
    "tuning": TABLES | {"optuna", "PIL"},
    "leaderboard": TABLES,
}
IN_ALL = {
    "train": TRAINING,
    "evaluate": TRAINING | {"pandas", "pyarrow"},
    "tune": TRAINING | TABLES | {"optuna"},
    "tuning": AT_START["tuning"] | {"matplotlib"},
    "report": TRAINING | TABLES | {"matplotlib"},
    "paper": TABLES | {"matplotlib", "PIL"},
}


def test_a_stage_without_an_entry_here_starts_with_no_heavy_package_but_pillow() -> None:
    light = [stage for stage in STAGES if stage not in AT_START]
    heavy, _ = measure("\n".join(map(at_start, light)))
    assert set(heavy) <= {"PIL"}


@pytest.mark.parametrize("stage", AT_START)
def test_a_stage_starts_with_no_heavy_package_that_it_does_not_need(stage: str) -> None:
    heavy, _ = measure(at_start(stage))
    assert set(heavy) <= AT_START[stage]


@pytest.mark.parametrize("stage", IN_ALL)
def test_the_work_of_a_stage_imports_no_heavy_package_that_it_does_not_need(stage: str) -> None:
    heavy, _ = measure(in_all(stage))
    assert set(heavy) <= IN_ALL[stage]


def test_what_a_stage_imports_within_functions_is_found() -> None:
    assert "import run_study" in in_all("tune")
    assert measure("import PIL\nimport torch")[0] == ["torch", "PIL"]


def test_alpa_imports_no_heavy_package() -> None:
    assert measure("import alpa")[0] == []
