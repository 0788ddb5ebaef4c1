"""Copy the frames of a video set, with their masks and frame labels, and list them with their checksums.

Two layouts are known, and kept as they are: UCSD's own (Train/Train001/001.tif, Test/Test001/001.tif, masks in
Test/Test001_gt/, frame labels in Test/UCSDped1.m) and the one of most of the literature's code (training/frames/01/,
testing/frames/01/, frame labels beside them). The copies that circulate in the latter are compressed in different ways,
so no checksum is published for a frame.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from alpa.data.places import video_parts
from alpa.data.sources import MANIFEST
from alpa.errors import DataError
from alpa.files import write_json

IMAGE_SUFFIXES = (".tif", ".tiff", ".jpg", ".jpeg", ".png", ".bmp")


def copy_frames(place: Path, folder: Path) -> None:
    """Copy the video set in `place` to `folder`, and list it there in a manifest, which is written last.

    Raises:
        DataError: there are no frames in `place`, or something leads out of it.
    """
    paths = sorted(_find_files(place))
    if not any(path.suffix.lower() in IMAGE_SUFFIXES for path in paths):
        raise DataError(f"{place} holds no frames; get a fresh copy of it.")
    checksums = {}
    for path in tqdm(paths, desc=f"copying {place.name}", unit="file", disable=None):
        name = path.relative_to(place)
        content = path.read_bytes()
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        checksums[name.as_posix()] = hashlib.sha256(content).hexdigest()
    write_json(folder / MANIFEST, {"files": checksums})


def _find_files(place: Path) -> Iterator[Path]:
    """Yield the frames, masks and frame labels in `place`, each of which must be a file in it."""
    parts = video_parts(place)
    assert parts is not None, place
    home = place.resolve()
    patterns = [f"{part}/*/*" for part in parts] + [f"{part}/*.m" for part in parts] + ["*.m"]
    for path in (path for pattern in patterns for path in place.glob(pattern)):
        if path.name.startswith(".") or path.suffix.lower() not in (*IMAGE_SUFFIXES, ".m"):
            continue
        if not path.resolve().is_relative_to(home):
            raise DataError(f"{path} is a link that leads out of {place}; put what it leads to in its place.")
        if not path.is_file():
            raise DataError(f"{path} is not a file; get a fresh copy of {place}.")
        yield path
