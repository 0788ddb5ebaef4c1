"""What samples are and how many there are: of clips, and of pixels before a network sees them."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from alpa.config import VideoConfig
from alpa.data.splits import Split
from alpa.data.video import corners
from alpa.reporting.cells import Cell, Key
from alpa.reporting.document import Column, Table
from alpa.reporting.results import Results
from alpa.reporting.settings import NONE
from alpa.reporting.wording import count

PREPARATIONS = {
    "unit": "Pixels are divided by 255, and nothing is fitted to prepare them.",
    "scaled": "Pixels are scaled so that the lowest and the highest of the normal training samples become 0 and 1; "
    "these two are fitted for each cell and kept with its model.",
    "gcn": "Each sample's pixels lose their own mean and contrast (global contrast normalisation), and are then scaled "
    "so that the lowest and the highest of the normal training samples become 0 and 1; these two are fitted for each "
    "cell and kept with its model.",
}


def preparations(cells: dict[Key, Cell]) -> Iterator[str]:
    """Yield how pixels were prepared and where that was fitted, as the cells' models say; nothing without models."""
    kinds: dict[str, list[str]] = {}
    for (detector, _, _), cell in cells.items():
        path = cell.folder / "detector.json"
        kind = json.loads(path.read_text(encoding="utf-8")).get("preparation") if path.is_file() else None
        if kind in PREPARATIONS and detector not in kinds.setdefault(kind, []):
            kinds[kind].append(detector)
    for kind, detectors in kinds.items():
        yield PREPARATIONS[kind] if len(kinds) == 1 else f"{', '.join(detectors)}: {PREPARATIONS[kind]}"


def clip_settings(video: VideoConfig) -> Iterator[str]:
    """Yield how clips became samples and windows became a frame's score."""
    apart = "consecutive frames" if video.step == 1 else f"frames, {video.step} apart"
    task = (
        "detectors that predict make the last of them from those before, others look at all of them"
        if video.form == "prediction"
        else "detectors look at all of them"
    )
    yield (
        f"A sample is a window of {video.window}×{video.window} pixels over {video.frames} {apart}; "
        f"{task}. Most training windows are drawn where something moves."
    )
    windows = "its highest window" if video.top == 1 else f"its {video.top} highest windows, on average"
    yield (
        f"A frame's score is that of {windows}; windows lie {count(video.stride, 'pixel')} apart or finer. At the "
        "start of a clip, where the frames before are missing, they are mirrored, so that every frame has a score."
    )


def clip_counts(
    results: Results, trained: Mapping[str, tuple[int, int]], train: Path, test: Split, video: VideoConfig
) -> Table:
    """Clips, frames and windows of each part; of training so far as its split or a trained cell is there."""
    cell = results.cells.iloc[0]
    normal, anomalous = int(cell["n_normal"]), int(cell["n_anomalous"])
    path = train / "split.json"
    facts = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    grid = [len(corners(length, video.window, video.stride)) for length in test.image_shape[1:]]
    fitted, held_out = next(iter(trained.values()), (None, None))
    rows = (
        ("Training", _shown(len(facts.get("clips", ())) or None), _shown(facts.get("n")), "0", _shown(fitted)),
        ("of these, validation", NONE, NONE, "0", _shown(held_out)),
        (
            "Test",
            _shown(len(test.clips)),
            _shown(normal + anomalous),
            _shown(anomalous),
            _shown((normal + anomalous) * grid[0] * grid[1]),
        ),
    )
    columns = (Column("Part", "text"), Column("Clips"), Column("Frames"), Column("Anomalous"), Column("Windows"))
    caption = (
        f"{results.dataset_title}: clips, frames of {test.image_shape[1]}×{test.image_shape[2]} pixels, and windows. "
        "Windows for training are drawn; those for validation are held out as whole clips, and no detector is fitted "
        "to them. In a test frame windows lie on a grid; a detector that scores whole frames looks more finely."
    )
    return Table("counts", caption, columns, rows)


def _shown(value: int | None) -> str:
    return NONE if value is None else f"{value:,}"
