"""The detectors' own account of where they leave the paper or fill its gaps: the marked comments in their source."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import alpa
from alpa.reporting.document import Column, Table

MARK = re.compile(r"(?P<kind>Deviation|Unstated in the paper): (?P<text>.*)")

DETECTORS = Path(alpa.__file__).parent / "detectors"


def choices(folder: Path = DETECTORS, further: Sequence[Path] = ()) -> Table | None:
    """Return every `Deviation:` and `Unstated in the paper:` in a folder's and `further` modules, None if none is."""
    rows = tuple(
        (path.name, kind, text)
        for path in (*sorted(folder.glob("*.py")), *further)
        for kind, text in _marked(path.read_text("utf-8"))
    )
    columns = (Column("File", "text"), Column("Kind", "text"), Column("Choice", "text"))
    return Table("choices", "Our own choices, as the code marks them.", columns, rows) if rows else None


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
