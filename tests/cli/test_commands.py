import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

import alpa
from tests.cli.conftest import FIT, Run
from tests.cli.made_up import washer, write_video, write_washers

ROOT = Path(__file__).parents[2]
COMMANDS = ("list", "fit", "score", "explain", "export", "report")


def python(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `python -m alpa` far from the project, as with nothing but the package."""
    return subprocess.run(
        [sys.executable, "-m", "alpa", *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_folder_is_fitted_and_scored_and_scratches_score_higher(parts: Path, model: Path, run: Run) -> None:
    ended = run("score", model, parts / "new", parts / "scratched", "--json")
    assert ended.code == 0
    listed = json.loads(ended.out)
    assert listed["level"] == 0.05
    table = pd.DataFrame(listed["images"])
    assert list(table.columns) == ["path", "score", "p_value", "is_anomalous"]
    assert table["path"].tolist() == [
        str(parts / folder / f"{number:03}.png") for folder in ("new", "scratched") for number in range(12)
    ]
    assert roc_auc_score([0] * 12 + [1] * 12, table["score"]) > 0.95
    assert table["is_anomalous"][12:].mean() > 0.8
    assert table["is_anomalous"][:12].mean() < 0.3


def test_the_table_shows_the_most_anomalous_first_and_the_csv_keeps_the_order(
    parts: Path, model: Path, run: Run, tmp_path: Path
) -> None:
    csv, maps = tmp_path / "scores.csv", tmp_path / "maps"
    ended = run("score", model, parts / "new", "--csv", csv, "--heat-maps", maps, "--top", "3")
    lines = ended.out.splitlines()
    table = pd.read_csv(csv)
    assert ended.code == 0
    assert ended.err == ""
    assert lines[0].split() == ["path", "score", "p_value", "is_anomalous"]
    highest = table.sort_values("score", ascending=False)["path"][:3].tolist()
    assert [line.split()[0] for line in lines[1:4]] == highest
    assert lines[4].endswith("of 12 images are anomalous at level 0.05; the 3 highest are shown.")
    assert lines[5:] == [f"Wrote {csv}.", f"Wrote {maps}."]
    assert sorted(path.name for path in maps.iterdir()) == [f"{number:03}.png.png" for number in range(12)]
    with Image.open(maps / "000.png.png") as picture:
        assert (picture.size, picture.mode) == ((256, 256), "RGB")


def test_a_heat_map_glows_where_the_scratch_is(model: Path, tmp_path: Path, run: Run) -> None:
    clean, scratched = (np.asarray(washer(7, scratched, 96), np.int16) for scratched in (False, True))
    Image.fromarray(scratched.astype(np.uint8)).save(tmp_path / "x.png")
    assert run("score", model, tmp_path / "x.png", "--heat-maps", tmp_path / "maps").code == 0
    with Image.open(tmp_path / "maps/x.png.png") as picture:
        heat = np.asarray(picture.resize((96, 96)), np.int16)
    glow = heat[..., 0] - heat[..., 2]  # vermilion over grey
    scratch = np.abs(scratched - clean).max(2) > 60
    assert glow[scratch].mean() > 5 * max(1.0, glow[~scratch].mean())


def test_maps_of_files_of_one_name_lie_in_their_own_folders(parts: Path, model: Path, run: Run, tmp_path: Path) -> None:
    files = [parts / "new/000.png", parts / "scratched/000.png"]
    assert run("score", model, *files, "--heat-maps", tmp_path / "maps").code == 0
    found = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.glob("maps/*/*.png"))
    assert found == ["maps/new/000.png.png", "maps/scratched/000.png.png"]


def test_every_frame_of_a_video_is_scored(video: Path, model: Path, run: Run, tmp_path: Path) -> None:
    ended = run("score", model, video, video.parent / "still.png", "--csv", tmp_path / "x.csv", "--heat-maps", tmp_path)
    table = pd.read_csv(tmp_path / "x.csv")
    assert ended.code == 0
    assert table["frame"].tolist()[:4] == [1, 2, 3, 4]
    assert table["frame"].isna().tolist() == [False] * 4 + [True]
    assert {path.name for path in (tmp_path / "clip.mkv").iterdir()} == {f"{number:06}.png" for number in range(1, 5)}


def test_of_a_folder_of_videos_whole_ones_are_held_out(run: Run, tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    for number in range(4):
        write_video(tmp_path / f"clips/{number}.mkv", 20, first=100 * number)
    fit = ("fit", tmp_path / "clips", "-o", tmp_path / "m", "--detector", "pca", "--size", "16")
    ended = run(*fit)
    assert ended.code == 0
    assert ended.out.endswith("pca, judged by peak, 16 x 16 pixels, RGB, 60 images fitted, 20 held out.\n")
    assert f"Using 4 files of {tmp_path}/clips as normal." in ended.err
    for number in range(1, 4):
        (tmp_path / f"clips/{number}.mkv").unlink()
    write_video(tmp_path / "clips/0.mkv", 60)
    alone = run(*fit)
    assert alone.code == 1
    assert "There is one clip, whose frames are too much alike" in alone.err


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of four washers, with a picture beside it."""
    path = tmp_path_factory.mktemp("clips") / "clip.mkv"
    write_video(path, 4, first=3000)
    washer(3000).save(path.with_name("still.png"))
    return path


def test_equal_commands_write_equal_bytes(parts: Path, model: Path, run: Run, tmp_path: Path) -> None:
    assert run("fit", parts / "normal", "-o", tmp_path / "again", *FIT).code == 0
    for path in model.rglob("*"):
        if path.is_file():
            assert (tmp_path / "again" / path.relative_to(model)).read_bytes() == path.read_bytes(), path
    for name in ("one.png", "two.png"):
        assert run("explain", model, parts / "scratched/000.png", "-o", tmp_path / name).code == 0
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_an_explanation_has_a_panel_for_all_that_the_detector_makes(
    parts: Path, model: Path, run: Run, tmp_path: Path
) -> None:
    ended = run("explain", model, parts / "scratched/000.png", "-o", tmp_path / "x.png")
    assert ended.code == 0
    assert ended.out.startswith("score ")
    widths = {}
    for detector in ("alpa", "pca"):
        folder = model if detector == "alpa" else tmp_path / "pca"
        if detector == "pca":
            assert run("fit", parts / "normal", "-o", folder, "--detector", "pca", "--size", "32").code == 0
        assert run("explain", folder, parts / "scratched/000.png", "-o", tmp_path / "x.png").code == 0
        with Image.open(tmp_path / "x.png") as picture:
            widths[detector] = picture.width
    assert widths["alpa"] / widths["pca"] == pytest.approx(5 / 4, abs=0.02)  # pca has no distorter


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("fit", "{parts}/none", "-o", "{tmp}/x"), "none is not a folder; name one with images of what is normal."),
        (("fit", "{parts}/normal", "-o", "{parts}"), "holds new, which a model would replace; name a new folder."),
        (("fit", "{parts}/normal", "-o", "{tmp}/file"), "file is a file; name a new folder for the model."),
        (("fit", "{parts}/new", "-o", "{tmp}/x"), "Level 0.05 takes 38 normal images, and there are 12; give 38, or a"),
        (("fit", "{parts}/normal", "-o", "{tmp}/x", "--level", "2"), "level is 2.0; choose a share of normal images"),
        (("fit", "{parts}/normal", "-o", "{tmp}/x", "--size", "33"), "Images of 33 x 33 cannot be halved"),
        (("fit", "{parts}/normal", "-o", "{tmp}/x", "--size", "1"), "Image size 1 is out of range; choose 8 to 512."),
        (("fit", "{parts}/normal", "-o", "{tmp}/x", "--detector", "x"), "Unknown detector x; choose alpa, "),
        (("fit", "{parts}/normal", "-o", "{tmp}/x", "--steps", "0"), "steps is 0: input should be greater than or"),
        (("fit", "{parts}/normal", "-o", "{tmp}/x", "--threads", "-1"), "threads_per_cell is -1: input should be"),
        (
            ("fit", "{parts}/normal", "-o", "{tmp}/x", "--detector", "pca", "--by", "depth", "--size", "16"),
            "pca has no score depth; choose reconstruction or peak.",
        ),
        (("fit", "{parts}/normal", "-o", "{tmp}/x", "--seed", "-1"), "seed is -1; give a whole number from 0 to"),
        (("score", "{parts}", "{parts}/new"), "does not hold a whole model (No such file or directory); make it with"),
        (("score", "{model}", "{parts}/none"), "none does not exist; name an image, a video, or a folder of them."),
        (("score", "{model}", "{tmp}/empty"), "There are no images there; name an image, a video, or a folder"),
        (("score", "{model}", "{tmp}/file"), "file is not a PNG, JPEG, BMP, TIFF, WebP, GIF, PGM or PPM picture;"),
        (("score", "{model}", "{tmp}/x.mp4"), "x.mp4 cannot be read as a whole video ("),
        (
            ("score", "{model}", "{parts}/new", "--level", "0.01"),
            "19 images were held out, so that no p-value is",
        ),
        (("explain", "{model}", "{parts}/new", "-o", "{tmp}/x.png"), "new is not a single image; name a picture file."),
        (("export", "{model}", "{tmp}/x.bin"), "x.bin ends in neither .onnx nor .pt2; choose one of them."),
        (("report", "none"), "Benchmark none is not in params.yaml; choose digits, "),
        (("report", "kmnist_none"), "Benchmark kmnist_none is not in params.yaml"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_1(
    arguments: tuple[str, ...], sentence: str, parts: Path, model: Path, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("text")
    (tmp_path / "x.mp4").write_text("text")
    (tmp_path / "empty").mkdir()
    places = {"parts": parts, "model": model, "tmp": tmp_path}
    ended = run(*(argument.format(**places) for argument in arguments))
    *before, last = ended.err.splitlines()
    assert ended.code == 1
    assert last.startswith("error: ")
    assert sentence in last
    assert before == [] or before[0].startswith("Using ")
    assert ended.out == ""
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("arguments", [("nope",), ("fit",), ("score", "x"), ("fit", "x"), ("list", "--nope")])
def test_a_wrong_command_line_is_exit_code_2(arguments: tuple[str, ...], run: Run) -> None:
    ended = run(*arguments)
    assert ended.code == 2
    assert "Usage: alpa" in ended.err


def test_traceback_shows_where_an_error_came_from(tmp_path: Path) -> None:
    plain, shown = (python("score", "x", "y", *more, cwd=tmp_path) for more in ([], ["--traceback"]))
    assert plain.returncode == shown.returncode == 1
    assert plain.stderr.startswith("error: x does not hold a whole model")
    assert len(plain.stderr.splitlines()) == 1
    assert "Traceback (most recent call last)" in shown.stderr
    assert "ModelError" in shown.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, run: Run) -> None:
    ended = run(command, "--help")
    assert ended.code == 0
    assert ended.out.startswith(f"Usage: alpa {command}")


def test_help_does_not_wait_for_torch(tmp_path: Path) -> None:
    code = "import sys\nimport alpa.cli.app\nsys.exit(' '.join(sys.modules.keys() & {'torch', 'pandas', 'sklearn'}))"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, check=False
    )
    assert ended.stderr.strip() == b""


def test_the_version_is_printed(run: Run) -> None:
    assert run("--version") == (0, f"{alpa.__version__}\n", "")


def test_outside_a_checkout_detectors_and_data_sets_are_listed_alone(tmp_path: Path) -> None:
    listed = python("list", "--json", cwd=tmp_path)
    found = json.loads(listed.stdout)
    assert [row["key"] for row in found["detectors"]] == list(alpa.DETECTORS)
    assert "mnist" in [row["key"] for row in found["datasets"]]
    assert found["detectors"][0]["about"].startswith("Anomaly Detection with Adversarially Learned Perturbations")
    assert all(row["about"] and row["package"] == f"alpa {alpa.__version__}" for row in found["detectors"])
    assert list(found) == ["detectors", "datasets"]
    report = python("report", cwd=tmp_path)
    assert report.returncode == 1
    assert report.stderr.startswith("error: Reports belong to a checkout of the project")


def test_in_a_checkout_benchmarks_are_listed_with_their_state(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    for folder in ("pipeline", "reports/digits", "runs/models/mnist"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "reports/digits/report.html").touch()
    monkeypatch.chdir(tmp_path)
    rows = json.loads(run("list", "--json").out)["benchmarks"]
    states = {row["key"]: row["state"] for row in rows}
    assert (states["digits"], states["mnist"], states["ped2"]) == ("reports/digits/report.html", "trained", "not run")
    assert "digits               digits" in run("list").out
    assert run("report") == (0, "reports/digits/report.html\n", "")
    missing = run("report", "mnist")
    assert (missing.code, missing.out) == (1, "")
    assert "mnist has no report yet; make it with `make mnist`, or `dvc --wait-for-lock repro" in missing.err


def test_a_model_is_exported_and_its_scores_are_checked(model: Path, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "washers.pt2"
    ended = run("export", model, file)
    assert ended.code == 0
    assert ended.out.startswith(f"Wrote {file}; its scores differ from the model's by ")
    assert file.stat().st_size > 10_000


def test_a_model_replaces_a_model_and_nothing_else(parts: Path, run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    fit = ("fit", parts / "normal", "-o", folder, "--detector", "pca", "--size", "16")
    assert [run(*fit).code, run(*fit).code] == [0, 0]
    (folder / "notes.txt").touch()
    refused = run(*fit)
    assert refused.code == 1
    assert f"{folder} holds notes.txt, which a model would replace; name a new folder." in refused.err


def test_a_detector_without_reconstructions_scores_but_has_no_heat_maps(parts: Path, run: Run, tmp_path: Path) -> None:
    assert run("fit", parts / "normal", "-o", tmp_path / "m", "--detector", "knn", "--size", "16").code == 0
    assert run("score", tmp_path / "m", parts / "new").code == 0
    for refused in (
        run("score", tmp_path / "m", parts / "new", "--heat-maps", tmp_path / "maps"),
        run("explain", tmp_path / "m", parts / "new/000.png", "-o", tmp_path / "x.png"),
    ):
        assert refused.code == 1
        assert "knn does not reconstruct images" in refused.err
    refused = run("export", tmp_path / "m", tmp_path / "x.onnx")
    assert "knn cannot be exported (" in refused.err


def test_grey_pictures_make_a_grey_model_that_also_scores_colour(run: Run, tmp_path: Path, parts: Path) -> None:
    write_washers(tmp_path / "grey", 40, mode="L")
    ended = run("fit", tmp_path / "grey", "-o", tmp_path / "m", "--detector", "pca", "--size", "16")
    assert (
        ended.out == f"Wrote {tmp_path}/m: pca, judged by peak, 16 x 16 pixels, grey, 21 images fitted, 19 held out.\n"
    )
    assert run("score", tmp_path / "m", parts / "new").code == 0
