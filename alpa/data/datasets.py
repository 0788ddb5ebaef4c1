"""A data set by its key: what it is called, and its images or clips.

It is one of ALPA's own list, or another package brings it, or it is a folder of the user's own.
"""

from pathlib import Path

from alpa.data.clips import Clip, find_clips
from alpa.data.folders import check_listed, read_folder, read_inventory
from alpa.data.images import read_raw
from alpa.data.packaged import Dataset, find_packaged, is_packaged, stored_source
from alpa.data.raw import RawImages
from alpa.data.sources import RAW_FOLDER, SOURCES, Source, check_files
from alpa.errors import DataError

OWN_CITATION = "A folder of images or clips that is not published"


def title_of(dataset: str) -> str:
    """Return the name of a data set for a reader; that of the user's own is its key."""
    described = _described(dataset)
    return described.title if described else dataset


def citation_of(dataset: str) -> str:
    """Return what to cite."""
    described = _described(dataset)
    return described.citation if described else OWN_CITATION


def read_images(dataset: str, size: int) -> RawImages:
    """Read a data set of still images from data/raw/, or from the folder whose inventory lies there.

    Raises:
        DataError: it holds clips, or a file is missing, damaged or not the one that was listed or published.
    """
    folder = RAW_FOLDER / dataset
    if packaged := find_packaged(dataset):
        source = stored_source(packaged, folder, f"run `python -m pipeline.download {dataset}`")
        return read_raw(dataset, folder, size, source)
    return read_raw(dataset, folder, size) if dataset in SOURCES else read_folder(dataset, folder, size)


def read_clips(dataset: str, protocol: str) -> list[Clip]:
    """Find the clips of a video data set; `protocol` is named where there are none.

    Raises:
        DataError: it holds still images, or a file is missing, damaged or not the one that was listed.
    """
    folder = RAW_FOLDER / dataset
    stills = is_packaged(dataset) or (dataset in SOURCES and SOURCES[dataset].kind == "images")
    own = None if stills or dataset in SOURCES else read_inventory(dataset, folder)
    if stills or (own and own.kind == "images"):
        raise DataError(f"{dataset} holds still images, and protocol {protocol} is for clips; choose another one.")
    if own is None:
        check_files(dataset, folder, f"run `python -m pipeline.download {dataset}`")
        return find_clips(folder)
    check_listed(dataset, own)
    return find_clips(Path(own.folder))


def classes_of(dataset: str) -> tuple[str, ...] | None:
    """Return the classes of a data set so far as they are known without reading it, None if they are not."""
    if described := _described(dataset):
        return described.class_names
    try:
        own = read_inventory(dataset, RAW_FOLDER / dataset)
    except DataError:
        return None
    return own.class_names or None


def _described(dataset: str) -> Source | Dataset | None:
    """Return a data set that has a title and a citation, None for a folder of the user's own."""
    return find_packaged(dataset) or SOURCES.get(dataset)
