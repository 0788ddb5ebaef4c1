"""Video data sets as clips: their names, their files, and which of their frames are anomalous."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alpa.data.clip_labels import LABELS_CSV, Ranges, read_csv, read_m, read_masks
from alpa.data.clip_layouts import MASKS, Layout, Part, find_layout, frame_files, is_clip_folder
from alpa.errors import DataError

__all__ = ["Clip", "clip_files", "find_clips", "frame_files", "frame_labels", "is_clip_folder"]


AT_LEAST_TWO = "a clip needs at least two frames"  # motion is what tells a clip from a picture


@dataclass(frozen=True)
class Clip:
    """A clip: `path` is a folder of frames or a video file, `anomalous` its ranges of anomalous frames.

    The ranges are half-open, counted from 0, in order and disjoint; a train clip has none. Names are unique in a part.
    """

    name: str
    part: Part
    path: Path
    anomalous: Ranges


def find_clips(folder: Path) -> list[Clip]:
    """Return the train clips and then the test clips, each in natural order (clip2 before clip10).

    Raises:
        DataError: a part has no clips, two clips of a part have the same name, a folder has less than two frames or
            what is no frame, or the labels are missing, ambiguous, damaged or do not fit the clips.
    """
    layout = find_layout(folder)
    paths = [path for clips in layout.clips.values() for path in clips.values() if path.is_dir()]
    counts = {path: len(frame_files(path)) for path in paths}
    for path, count in counts.items():
        if count < 2:
            raise DataError(f"Clip {path} has {'one frame' if count else 'no frames'}; {AT_LEAST_TWO}.")
    labels = _read_labels(layout, counts)
    train = [Clip(name, "train", path, ()) for name, path in layout.clips["train"].items()]
    test = [Clip(name, "test", path, labels[name]) for name, path in layout.clips["test"].items()]
    for clip in test:
        if clip.path in counts:
            frame_labels(clip, counts[clip.path])
    return train + test


def clip_files(folder: Path) -> list[Path]:
    """Return all files that decide the data: frames and video files, then the labels or, where there are none, masks.

    Raises:
        DataError: as `find_clips` for what names tell.
    """
    layout = find_layout(folder)
    paths = [path for clips in layout.clips.values() for path in clips.values()]
    files = [file for path in paths for file in (frame_files(path) if path.is_dir() else [path])]
    if layout.labels is not None:
        return [*files, layout.labels]
    return files + [file for masks in layout.masks.values() for file in frame_files(masks)]


def frame_labels(clip: Clip, n_frames: int) -> NDArray[np.bool_]:
    """Return which of the clip's frames are anomalous, (n_frames,).

    Raises:
        DataError: a range ends after the clip's last frame.
    """
    labels = np.zeros(n_frames, dtype=np.bool_)
    for first, last in clip.anomalous:
        if last > n_frames:
            raise DataError(
                f"Clip {clip.name} ({clip.path}) has {n_frames} frames, but its labels have a range from {first + 1} "
                f"to {last}; correct them."
            )
        labels[first:last] = True
    return labels


def _read_labels(layout: Layout, counts: dict[Path, int]) -> dict[str, Ranges]:
    """Return the ranges of each test clip from the file of labels or, where there is none, from the masks."""
    clips = layout.clips["test"]
    if layout.labels is not None:
        return (read_csv if layout.labels.name == LABELS_CSV else read_m)(layout.labels, list(clips))
    if not layout.masks:
        raise DataError(
            f"{layout.home} has no labels; add labels.csv with the header clip,first,last for the test clips."
        )
    masks = {}
    for name, path in clips.items():
        if name not in layout.masks:
            raise DataError(
                f"Test clip {name} has no folder {path}{MASKS}; add its masks, or a labels.csv for all clips."
            )
        masks[name] = frame_files(layout.masks[name])
        if len(masks[name]) != counts.get(path):
            found = f"{len(masks[name])} masks for {counts.get(path, 'a video instead of')} frames"
            raise DataError(f"{layout.masks[name]} holds {found}; give every frame one mask.")
    return read_masks(masks)
