"""What the commands on models do."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from tqdm import tqdm

from alpa.arrays import Pixels
from alpa.errors import DataError
from alpa.files import whole_file
from alpa.fitting import fit
from alpa.model import Model, joined, load_model, require_free
from alpa.own import find_files, find_normal, is_video, open_whole

if TYPE_CHECKING:
    import pandas as pd


def fit_folder(folder: Path, output: Path, detector: str, **settings: Any) -> None:
    """Fit and save a model, and say what was done."""
    require_free(output)
    print(find_normal(folder).says, file=sys.stderr)
    model = fit(folder, detector, **settings, progress=True)
    model.save(output)
    channels, height, width = model.image_shape
    seen = f"{height} x {width} pixels, {'grey' if channels == 1 else 'RGB'}"
    numbers = f"{model.facts['n_fitted']} images fitted, {len(model.held_out)} held out"
    print(f"Wrote {output}: {detector}, judged by {model.by}, {seen}, {numbers}.")


def score_paths(
    model_folder: Path,
    paths: Sequence[Path],
    level: float | None,
    csv: Path | None,
    heat_maps: Path | None,
    top: int,
    as_json: bool,
) -> None:
    """Score images; print a table or JSON, and write a CSV file and heat maps where they are asked for."""
    model = load_model(model_folder)
    level = model.level if level is None else level
    threshold = model.peak_threshold(level) if heat_maps else model.threshold(level)
    files = find_files(paths)
    home = Path(os.path.commonpath([file.absolute().parent for file in files]))
    total = None if any(map(is_video, files)) else len(files)  # nobody knows how many frames there are
    tables = []
    with tqdm(desc="score", total=total, unit="image", disable=None) as bar:
        for images, rows in model.score_in_parts(files, level):
            if heat_maps:
                _write_maps(model, images, rows, threshold, heat_maps, home)
            tables.append(rows)
            bar.update(len(rows))
    table = joined(tables)
    if csv:
        with whole_file(csv) as temporary:
            table.to_csv(temporary, index=False)
    if as_json:
        print(json.dumps({"level": level, "images": json.loads(table.to_json(orient="records"))}, indent=1))
        return
    _print(table, level, top)
    print("".join(f"Wrote {path}.\n" for path in (csv, heat_maps) if path), end="")


def explain_image(model_folder: Path, image: Path, output: Path) -> None:
    """Draw an image beside what the detector makes of it."""
    if is_video(image) or image.is_dir():
        raise DataError(f"{image} is not a single image; name a picture file.")
    explanation = load_model(model_folder).explain(image)
    explanation.save(output)
    print(f"score {explanation.score:.6g}, p = {explanation.p_value:.3g}. Wrote {output}.")


def export_model(model_folder: Path, file: Path) -> None:
    """Write a model as one file."""
    from alpa.export import TOLERANCE, export

    difference = export(load_model(model_folder), file)
    checked = f"its scores differ from the model's by {difference:.1g} of themselves at most"
    print(f"Wrote {file}; {checked} (allowed: {TOLERANCE:g}).")


def _write_maps(model: Model, images: Pixels, rows: "pd.DataFrame", threshold: float, folder: Path, home: Path) -> None:
    """Write a heat map per image, named as its file is, from the folder on that holds all of them."""
    from alpa.reporting.pixels import heat_picture

    maps = model.error_maps(images)
    for source, number, pixels, heat in zip(rows["path"], rows["frame"], images, maps, strict=True):
        name = folder / Path(source).absolute().relative_to(home)
        video = is_video(name)
        path = name / f"{number:06}.png" if video else name.with_name(f"{name.name}.png")
        whole = pixels if video else np.atleast_3d(np.asarray(open_whole(Path(source)))).transpose(2, 0, 1)
        with whole_file(path) as temporary:
            Image.fromarray(heat_picture(whole, heat, threshold)).save(temporary, format="PNG")


def _print(table: "pd.DataFrame", level: float, top: int) -> None:
    shown = table.sort_values("score", ascending=False, kind="stable").head(top)
    if len(shown):
        formats = {
            "score": "{:.6g}".format,
            "p_value": "{:.3g}".format,
            "is_anomalous": lambda yes: "yes" if yes else "",
        }
        print(shown.to_string(index=False, formatters=formats))
    number = int(table["is_anomalous"].sum())
    rest = f"; the {top} highest are shown" if len(table) > top else ""
    print(f"{number} of {len(table)} images are anomalous at level {level:g}{rest}.")
