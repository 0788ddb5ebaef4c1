"""The detectors' own account of where they leave the paper or fill its gaps: the marked comments in their source."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import alpa
from alpa.plugin_code import sources
from alpa.reporting.document import Column, Table

MARK = re.compile(r"(?P<kind>Deviation|Unstated in the paper): (?P<text>.*)")

DETECTORS = Path(alpa.__file__).parent / "detectors"


def choices(detectors: Sequence[str], folder: Path = DETECTORS) -> Table | None:
    """Return every `Deviation:` and `Unstated in the paper:` in a folder's modules, None if there is none.

    The modules of detectors other than these and those that they build on are left out; those of the packages that
    bring some of them are there too.
    """
    left_out = _of_others(detectors)
    paths = [path for path in sorted(folder.glob("*.py")) if path.stem not in left_out]
    rows = tuple(
        (path.name, kind, text)
        for path in (*paths, *sources(detectors))
        for kind, text in _marked(path.read_text("utf-8"))
    )
    columns = (Column("File", "text"), Column("Kind", "text"), Column("Choice", "text"))
    return Table("choices", "Our own choices, as the code marks them.", columns, rows) if rows else None


def _of_others(detectors: Sequence[str]) -> set[str]:
    """Return the keys of registered detectors that none of these is or inherits from."""
    from alpa.detectors import DETECTORS as REGISTERED

    bases = {base for name in detectors if name in REGISTERED for base in REGISTERED[name].__mro__}
    return {key for key, own in REGISTERED.items() if own not in bases}


def _marked(source: str) -> Iterator[tuple[str, str]]:
    """Yield the kind and the whole text of each mark, which ends where its paragraph does."""
    lines = source.splitlines()
    for place, line in enumerate(lines):
        if found := MARK.search(line):
            text = " ".join([found["text"], *_continued(lines[place + 1 :], line.lstrip().startswith("#"))])
            yield found["kind"], text.removesuffix('"""').strip()


def _continued(lines: Sequence[str], in_comment: bool) -> Iterator[str]:
    for line in map(str.strip, lines):
        ends = not line.startswith("#") if in_comment else line in ("", '"""') or line.startswith("#")
        if ends or MARK.search(line):
            return
        yield line.lstrip("# ")
