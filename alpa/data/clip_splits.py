"""The split of clips: their frames, resized and written one by one, so that memory does not grow with the video."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from alpa.data.clips import Clip, frame_labels
from alpa.data.frames import count_channels, read_frames
from alpa.data.images import read_npy
from alpa.data.splits import Part, Split, with_shared, write_facts
from alpa.data.stored import StoredImages, digest
from alpa.errors import DataError
from alpa.files import whole_folder, write_npy

CLASS_NAMES = ("normal", "anomalous")  # of a frame; the first is what training clips hold


def write_clip_splits(
    folder: Path, dataset: str, protocol: str, clips: Sequence[Clip], size: tuple[int, int]
) -> tuple[int, int]:
    """Write `folder`/train and `folder`/test, both or neither, and return how many frames each has.

    Args:
        folder: of the benchmark.
        dataset: its key.
        protocol: its key.
        clips: of both parts.
        size: (H, W) of the frames.

    Raises:
        DataError: a frame cannot be read, or labels go past the end of their clip or leave a class without frames.
    """
    channels = count_channels(clips)
    splits = []
    with ExitStack() as both:  # if the test clips are bad, no train split is left alone
        for part in ("train", "test"):
            own = [clip for clip in clips if clip.part == part]
            temporary = both.enter_context(whole_folder(folder / part))
            labels, group = _write_frames(temporary / "images.npy", own, size, channels, f"frames to {part} on")
            if part == "test" and len(np.unique(labels)) < len(CLASS_NAMES):
                state = "normal" if not labels.any() else "anomalous"
                raise DataError(f"All test frames of {dataset} are labelled {state}; a test needs both kinds.")
            write_npy(temporary / "labels.npy", labels)
            write_npy(temporary / "group.npy", group)
            splits.append((temporary, _described(temporary, dataset, protocol, part, own, labels, group)))
        for (temporary, _), split in zip(splits, with_shared(splits[0][1], splits[1][1]), strict=True):
            write_facts(temporary, split)
    return len(splits[0][1].labels), len(splits[1][1].labels)


def _write_frames(
    path: Path, clips: Sequence[Clip], size: tuple[int, int], channels: int, title: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Write all frames as one array file (N, C, H, W) and return the label and the clip of each."""
    labels: list[NDArray[np.int64]] = []
    header = {"descr": "|u1", "fortran_order": False, "shape": (0, channels, *size)}
    with (
        path.open("wb") as file,
        tqdm(
            desc=title,
            unit="frame",
        ) as progress,
    ):
        np.lib.format.write_array_header_1_0(file, header)
        for clip in clips:
            before = progress.n
            for frame in read_frames(clip, size, channels):
                file.write(frame.tobytes())
                progress.update()
            labels.append(frame_labels(clip, progress.n - before).astype(np.int64))
        # numpy leaves room in the header, so that the number of frames can be filled in.
        file.seek(0)
        np.lib.format.write_array_header_1_0(file, header | {"shape": (sum(map(len, labels)), channels, *size)})
    return np.concatenate(labels), np.repeat(np.arange(len(clips)), [len(part) for part in labels])


def _described(
    folder: Path,
    dataset: str,
    protocol: str,
    part: Part,
    clips: Sequence[Clip],
    labels: NDArray[np.int64],
    group: NDArray[np.int64],
) -> Split:
    images = StoredImages.of(read_npy(folder / "images.npy"))
    _, channels, height, width = images.shape
    return Split(
        images=images,
        labels=labels,
        group=group,
        class_names=CLASS_NAMES,
        image_shape=(channels, height, width),
        dataset=dataset,
        protocol=protocol,
        part=part,
        digest=digest(images, labels, group),
        targets=CLASS_NAMES[:1],
        clips=tuple(clip.name for clip in clips),
    )
