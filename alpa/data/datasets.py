"""A data set by its key, be it published or a folder of the user's own: what it is called, and its images or clips."""

from pathlib import Path

from alpa.data.clips import Clip, find_clips
from alpa.data.folders import check_listed, read_folder, read_inventory
from alpa.data.images import read_raw
from alpa.data.raw import RawImages
from alpa.data.sources import RAW_FOLDER, SOURCES, check_files
from alpa.errors import DataError

OWN_CITATION = "A folder of images or clips that is not published"


def title_of(dataset: str) -> str:
    """Return the name of a data set for a reader; that of the user's own is its key."""
    return SOURCES[dataset].title if dataset in SOURCES else dataset


def citation_of(dataset: str) -> str:
    """Return what to cite."""
    return SOURCES[dataset].citation if dataset in SOURCES else OWN_CITATION


def read_images(dataset: str, size: int) -> RawImages:
    """Read a data set of still images from data/raw/, or from the folder whose inventory lies there.

    Raises:
        DataError: it holds clips, or a file is missing, damaged or not the one that was listed or published.
    """
    folder = RAW_FOLDER / dataset
    return read_raw(dataset, folder, size) if dataset in SOURCES else read_folder(dataset, folder, size)


def read_clips(dataset: str, protocol: str) -> list[Clip]:
    """Find the clips of a video data set; `protocol` is named where there are none.

    Raises:
        DataError: it holds still images, or a file is missing, damaged or not the one that was listed.
    """
    folder = RAW_FOLDER / dataset
    own = None if dataset in SOURCES else read_inventory(dataset, folder)
    kind = SOURCES[dataset].kind if own is None else own.kind
    if kind == "images":
        raise DataError(f"{dataset} holds still images, and protocol {protocol} is for clips; choose another one.")
    if own is None:
        check_files(dataset, folder, f"run `python -m pipeline.download {dataset}`")
        return find_clips(folder)
    check_listed(dataset, own)
    return find_clips(Path(own.folder))


def classes_of(dataset: str) -> tuple[str, ...] | None:
    """Return the classes of a data set so far as they are known without reading it, None if they are not."""
    if dataset in SOURCES:
        return SOURCES[dataset].class_names
    try:
        own = read_inventory(dataset, RAW_FOLDER / dataset)
    except DataError:
        return None
    return own.class_names or None
