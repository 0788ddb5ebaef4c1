"""The commands and their options; what they do is imported when one runs, so that --help and completion are fast."""

from pathlib import Path
from typing import Annotated

import typer

from alpa.defaults import DETECTOR, LEVEL, SEED, SIZE, STEPS, THREADS

app = typer.Typer(
    help="Anomaly detection on your own images: fit on normal ones, then score others.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

ModelFolder = Annotated[Path, typer.Argument(metavar="MODEL", help="Folder that `alpa fit` wrote.")]
AsJSON = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Level = Annotated[float | None, typer.Option(help="Share of normal images that may be called anomalous.")]


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
    traceback: Annotated[bool, typer.Option("--traceback", help="Show where an error came from.")] = False,
) -> None:
    """Anomaly detection on your own images: fit on normal ones, then score others."""
    if version:
        import alpa

        print(alpa.__version__)


@app.command("list")
def list_all(as_json: AsJSON = False) -> None:
    """List detectors, data sets and benchmarks.

    The benchmarks are those of a checkout of the project, where params.yaml is.
    """
    from alpa.cli.listing import show

    show(as_json)


@app.command()
def fit(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Of normal images, or of a data set that has some.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="MODEL", help="New folder for the model.")],
    detector: Annotated[str, typer.Option(help="Its key in `alpa list`.")] = DETECTOR,
    size: Annotated[int, typer.Option(help="Side in pixels that images are resized to, such as 32 or 128.")] = SIZE,
    steps: Annotated[int, typer.Option(help="Training steps.")] = STEPS,
    level: Annotated[float, typer.Option(help="Share of normal images that may be called anomalous.")] = LEVEL,
    by: Annotated[
        str | None, typer.Option(help="Score to judge by.", show_default="peak: a heat map's highest pixel")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of all that is random.")] = SEED,
    threads: Annotated[int, typer.Option(help="Of the training.")] = THREADS,
) -> None:
    """Fit a detector to normal images and save it.

    At least a fifth of the images is held out, to tell which scores are usual.
    """
    from alpa.cli.work import fit_folder

    settings = {"size": size, "steps": steps, "level": level, "by": by, "seed": seed, "threads": threads}
    fit_folder(folder, output, detector, **settings)


@app.command()
def score(
    model: ModelFolder,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Images, videos, or folders of them.")],
    level: Level = None,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write all scores, in the order of files.")] = None,
    heat_maps: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Write a PNG file per image.")] = None,
    top: Annotated[int, typer.Option(min=0, help="How many rows to show, the most anomalous first.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print all scores as JSON instead of a table.")] = False,
) -> None:
    """Score images: higher = more anomalous.

    p_value tells how rare so high a score is among normal images, by those that were held out. Of a video, every frame
    is scored as an image.
    """
    from alpa.cli.work import score_paths

    score_paths(model, paths, level, csv, heat_maps, top, as_json)


@app.command()
def explain(
    model: ModelFolder,
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="Picture file.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="PNG file to write.")],
) -> None:
    """Draw where a detector finds an image anomalous.

    Beside the image: its reconstruction, that of its perturbed latent if the detector has a distorter, their
    difference, and a heat map.
    """
    from alpa.cli.work import explain_image

    explain_image(model, image, output)


@app.command()
def export(
    model: ModelFolder,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="New file, .onnx or .pt2 (a program of torch.export).")],
) -> None:
    """Write a model as one file for other programs.

    It takes uint8 images and gives scores and p-values, which are compared with the model's.
    """
    from alpa.cli.work import export_model

    export_model(model, file)


def _benchmarks() -> list[str]:
    """Complete the keys of the checkout's benchmarks."""
    from alpa.cli.listing import benchmark_keys

    return benchmark_keys()


@app.command()
def report(
    benchmark: Annotated[
        str | None,
        typer.Argument(autocompletion=_benchmarks, help="Its key in `alpa list`; the default one if left out."),
    ] = None,
    opens: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Print the path of a benchmark's report.

    Where there is none yet, it says how to make it. For a checkout of the project.
    """
    from alpa.cli.listing import find_report

    path = find_report(benchmark)
    print(path)
    if opens:
        typer.launch(path.resolve().as_uri())
