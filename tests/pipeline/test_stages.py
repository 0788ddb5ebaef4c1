"""The graph of stages, as DVC and make read it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.dependency.param import ParamsDependency
from dvc.repo import Repo
from dvc.stage import PipelineStage

from alpa.detectors import DETECTORS
from alpa.params import load_params
from alpa.training.fingerprint import code_fingerprint
from tests.pipeline.distance import Distance
from tests.pipeline.project import Project

ROOT = Path(__file__).parents[2]
GRID = ("tune", "train", "evaluate", "sweep")  # for every benchmark and detector
BENCHMARK = ("split", "tuning", "leaderboard", "report")
STAGES = {"plugins", "download", *GRID, *BENCHMARK, "collect", "paper"}  # `folder` is there once a folder is


@pytest.fixture(scope="module")
def project(code: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project with its own params.yaml, known to DVC."""
    copy = code.copy(tmp_path_factory.mktemp("graph") / "project")
    assert copy.run("git", "init").returncode == 0
    return copy


@pytest.fixture(scope="module")
def stages(project: Project) -> dict[str, PipelineStage]:
    """Every stage by its name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project.folder)  # DVC resolves the parameters' paths against the working folder
        return {stage.name: stage for stage in Repo(project.folder).index.stages}


def inputs(stage: PipelineStage) -> list[str]:
    """Return the paths that a stage depends on, but for params.yaml."""
    code = [dep for dep in stage.deps if not isinstance(dep, ParamsDependency)]
    return [Path(dep.fs_path).relative_to(stage.repo.root_dir).as_posix() for dep in code]


def test_every_stage_is_there_for_every_benchmark_and_detector(
    project: Project, stages: dict[str, PipelineStage]
) -> None:
    params = yaml.safe_load((project.folder / "params.yaml").read_text())
    pipeline, benchmarks = params["pipeline"], params["benchmarks"]
    grid = [f"{benchmark}-{detector}" for benchmark in benchmarks for detector in pipeline["detectors"]]
    expected = {"default", "paper", "plugins"} | {f"download@{dataset}" for dataset in pipeline["datasets"]}
    expected |= {f"{name}@{item}" for name in GRID for item in grid}
    expected |= {f"collect@{item}" for item in pipeline["paper"]}
    expected |= {f"{name}@{item}" for name in BENCHMARK for item in benchmarks}
    assert set(stages) == expected
    assert {name.partition("@")[0] for name in stages} == STAGES | {"default"}


def test_a_stage_runs_the_script_of_its_name_on_what_its_name_says(stages: dict[str, PipelineStage]) -> None:
    for name, stage in stages.items():
        if name != "default":
            kind, _, item = name.partition("@")
            assert stage.cmd == " ".join(["python", "-m", f"pipeline.{kind}", *item.split("-")]).strip()


def test_the_code_that_a_stage_depends_on_exists(project: Project, stages: dict[str, PipelineStage]) -> None:
    for stage in stages.values():
        for path in inputs(stage):
            assert not path.startswith("alpa") or (project.folder / path).exists(), f"{stage.name}: {path}"


def test_tuning_and_training_depend_on_no_test_split(stages: dict[str, PipelineStage]) -> None:
    for name, stage in stages.items():
        if name.startswith(("tune@", "train@")):
            data = [path for path in inputs(stage) if path.startswith("data")]
            assert data == [f"data/splits/{name.partition('@')[2].partition('-')[0]}/train"]


def test_code_that_decides_a_cells_numbers_runs_its_training_again(
    stages: dict[str, PipelineStage], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: set[Path] = set()

    def recorded(path: Path, encoding: str) -> str:
        read.add(path.resolve().relative_to(ROOT))
        return path.read_bytes().decode(encoding)

    listed = load_params(ROOT / "params.yaml").pipeline.detectors
    monkeypatch.setattr(Path, "read_text", recorded)
    for detector in listed:
        read.clear()
        code_fingerprint([DETECTORS[detector].__module__])
        assert Path(f"alpa/detectors/{detector}.py") in read
        watched = inputs(stages[f"train@digits-{detector}"])
        assert [str(path) for path in sorted(read) if not any(map(path.is_relative_to, watched))] == []


# Which stages a setting runs again by itself; those after them follow through their files.
WATCHED = {
    "benchmarks.digits.dataset": {"split", "sweep", "leaderboard", "report"},
    "benchmarks.digits.protocol": {"split", "sweep", "leaderboard", "report"},
    "benchmarks.digits.classes": {"tune", "train", "evaluate", "sweep", "leaderboard", "report"},
    "benchmarks.digits.seeds": {"tune", "train", "evaluate", "sweep", "leaderboard", "report"},
    "benchmarks.digits.image_size": {"split", "sweep", "leaderboard", "report"},
    "benchmarks.digits.split_seed": {"split", "sweep", "leaderboard", "report"},
    "benchmarks.digits.training": {"tune", "train", "sweep", "leaderboard", "report"},
    "benchmarks.digits.video": {"tune", "train", "evaluate", "sweep", "leaderboard", "report"},
    "benchmarks.digits.tuning": {"tune", "sweep", "leaderboard", "report"},
    "benchmarks.digits.detectors": {"tune", "sweep", "leaderboard", "report"},
    "training": {"tune", "train", "sweep"},
    "video": {"tune", "train", "evaluate", "leaderboard", "report"},
    "tuning": {"tune", "sweep"},
    "detectors.alpa": {"tune"},
    "runtime.device": {"tune", "train"},
    "runtime.precision": {"tune", "train"},
    "runtime.threads_per_cell": {"tune", "train"},
    "runtime.workers": set(),
    "runtime.workers_per_gpu": set(),
    "runtime.scheduler": set(),
    "evaluation": {"leaderboard"},
    "data": set(),
    "pipeline.detectors": {"tuning", "leaderboard", "report"},
}


@pytest.mark.parametrize("setting", WATCHED)
def test_a_setting_runs_the_stages_again_that_use_it(setting: str, stages: dict[str, PipelineStage]) -> None:
    own = [stage for name, stage in stages.items() if name.partition("@")[2] in ("digits", "digits-alpa")]
    watching = set()
    for stage in own:
        names = [name for dep in stage.deps if isinstance(dep, ParamsDependency) for name in dep.params]
        if any(setting == name or setting.startswith(f"{name}.") for name in names):
            watching.add(stage.name.partition("@")[0])
    assert watching == WATCHED[setting]


def test_every_setting_is_watched_or_named_as_none_of_a_stages_concern(project: Project) -> None:
    params = yaml.safe_load((project.folder / "params.yaml").read_text())
    known = {name.replace("digits", "*") for name in WATCHED}
    for section in ("training", "video", "tuning", "evaluation", "data"):
        assert section in known
        assert section in params
    assert {f"runtime.{name}" for name in params["runtime"]} <= known
    assert {f"benchmarks.*.{name}" for name in params["benchmarks"]["digits"]} <= known


@pytest.mark.parametrize("paper", [["digits"], ["digits", "mnist", "fashion_mnist"]], ids=len)
def test_the_paper_may_have_any_number_of_benchmarks(code: Project, tmp_path: Path, paper: list[str]) -> None:
    project = code.copy(tmp_path / "project")
    project.edit({"pipeline.paper": paper})
    assert project.run("git", "init").returncode == 0
    done = project.run("dvc", "stage", "list", "pipeline/dvc.yaml")
    assert re.findall(r"^\S*:collect@(\S+)", done.stdout, re.MULTILINE) == paper, done.stdout + done.stderr


def test_the_default_benchmark_needs_no_other(project: Project, stages: dict[str, PipelineStage]) -> None:
    default = yaml.safe_load((project.folder / "params.yaml").read_text())["pipeline"]["default"]
    assert inputs(stages["default"]) == [f"reports/{default}/report.html"]


@pytest.mark.parametrize("rewritten", [False, True], ids=["as it is", "as dvc exp run -S leaves it"])
def test_make_knows_the_benchmarks_of_params(code: Project, tmp_path: Path, rewritten: bool) -> None:
    project = code.copy(tmp_path / "project")
    (project.folder / "requirements.lock").touch()
    if rewritten:
        project.edit({})  # a list then has a line for each item
    params = yaml.safe_load((project.folder / "params.yaml").read_text())
    offered = re.findall(r"^make (\S+)", project.run("make", "help").stdout, re.MULTILINE)
    assert offered[-len(params["benchmarks"]) :] == list(params["benchmarks"])
    rehearsal = project.run("make", "--dry-run", "repro", "paper").stdout
    assert f"reports/{params['pipeline']['default']}/report.html" in rehearsal
    assert rehearsal.index(f"pipeline.preflight {params['pipeline']['default']}") < rehearsal.index("--wait-for-lock")
    assert f"pipeline.preflight {' '.join(params['pipeline']['paper'])} " in " ".join(rehearsal.split())


def test_make_paper_splits_first_what_is_not_split_yet(code: Project, tmp_path: Path) -> None:
    project = code.copy(tmp_path / "project")
    (project.folder / "requirements.lock").touch()
    first, *others = project.params()["pipeline"]["paper"]
    (project.folder / "data/splits" / first / "test").mkdir(parents=True)
    targets = " ".join(f"pipeline/dvc.yaml:split@{name}" for name in others)
    rehearsal = " ".join(project.run("make", "--dry-run", "paper").stdout.split())
    assert f"dvc --wait-for-lock repro {targets} pipeline/dvc.yaml:paper" in rehearsal


def test_preflight_says_what_is_missing_and_soon_without_slow_imports(code: Project, tmp_path: Path) -> None:
    project = code.copy(tmp_path / "project")
    assert project.stage("preflight", "mnist").returncode == 0
    done = project.run("python", "-X", "importtime", "-m", "pipeline.preflight", "mnist")
    data, studies, work = done.stdout.splitlines()
    assert data.startswith("mnist: mnist is not on this machine: set ALPA_DATA_ROOT to a folder")
    assert studies == "mnist: 94 trials of studies to run, at most, before training."
    assert work.startswith("mnist: 70 cells to train")
    imported = set(re.findall(r"\| +(\w+)$", done.stderr, re.MULTILINE))
    assert "alpa" in imported
    assert not imported & {"torch", "mlflow", "sklearn", "pandas", "matplotlib"}


def test_preflight_tells_of_several_benchmarks_in_their_order(
    code: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code.copy(tmp_path / "project").call("preflight", "ped2", "mnist")
    told = [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert told == ["ped2", "ped2", "mnist", "mnist", "mnist"], "studies are told of where there are any"


def test_preflight_finds_nothing_left_after_a_run(
    finished: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DETECTORS, "distance", Distance)
    finished.call("preflight", "digits")
    assert (
        capsys.readouterr().out
        == "digits: the data of digits are at hand.\ndigits: every cell has a model of these settings.\n"
    )


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("evaluation.bootstrap_samples", 0, "evaluation.bootstrap_samples is 0"),
        ("runtime.foo", 1, "Unknown key runtime.foo"),
        ("benchmarks.mnist.training", {"stepz": 1}, "Unknown key benchmarks.mnist.training.stepz"),
        ("detectors.alpa.strength", -1, "detectors.alpa.strength is -1"),
        ("benchmarks.mnist.detectors", {"alpa": {"bogus": 1}}, "Unknown key detectors.alpa.bogus"),
        ("benchmarks.digits.split_seed", 2**32, "benchmarks.digits.split_seed is 4294967296"),
    ],
)
def test_make_finds_a_bad_setting_before_dvc_touches_anything(
    setting: str, value: Any, says: str, code: Project, tmp_path: Path
) -> None:
    project = code.copy(tmp_path / "project")
    project.edit({setting: value})
    with pytest.raises(SystemExit) as stop:
        project.call("preflight", "digits")
    assert str(stop.value.code).startswith(f"error: {says}")
    assert not (project.folder / ".cache").exists()


def test_preflight_counts_the_cells_of_other_settings(
    finished: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DETECTORS, "distance", Distance)
    project = finished.copy(tmp_path / "project")
    project.edit({"detectors.alpa.width": 8})
    project.call("preflight", "digits")
    assert "digits: 4 cells to train at most" in capsys.readouterr().out
    project.edit({"benchmarks.digits.training": {"steps": 50000, "batch_size": 32}, "benchmarks.digits.seeds": [0]})
    project.call("preflight", "digits")
    work = capsys.readouterr().out.splitlines()[1]
    assert work.startswith("digits: 4 cells to train at most"), "seed 0 of alpa and distance; pca takes no steps"
    for path in project.folder.glob("runs/models/digits/pca/*/cell.json"):
        path.write_text(
            json.dumps({name: value for name, value in json.loads(path.read_text()).items() if name != "asked"})
        )
    project.call("preflight", "digits")
    assert "digits: 6 cells to train at most" in capsys.readouterr().out, "what recorded no settings may have any"
