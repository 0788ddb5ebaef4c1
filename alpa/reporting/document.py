"""What a report consists of, with every number formatted already: templates only lay it out."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

ONE_LINE = 32  # letters, above which a text in a table on paper may take several lines


@dataclass(frozen=True)
class Column:
    """A table's column; a `detector` column shows the detector's colour beside its name."""

    title: str
    kind: Literal["number", "text", "detector"] = "number"


@dataclass(frozen=True)
class Table:
    """Formatted cells; `best` holds the (row, column) of those to stress, `name` is the file of the LaTeX form.

    A page may let its reader sort the rows, and filter them: by words, and by whether a row is among the `ranked` ones.
    """

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    best: frozenset[tuple[int, int]] = frozenset()
    ends_in_mean: bool = False
    sortable: bool = False
    filterable: bool = False
    ranked: frozenset[int] = frozenset()

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """How many letters the longest text of each column has."""
        texts = [[column.title, *cells] for column, *cells in zip(self.columns, *self.rows, strict=True)]
        return tuple(max(map(len, each)) for each in texts)

    def shares(self, longest: int = ONE_LINE) -> tuple[float, ...]:
        """Return which share of the rest of a line each column gets that has a text of more letters, 0 for others."""
        wraps = [
            column.kind == "text" and length > longest
            for column, length in zip(self.columns, self.lengths, strict=True)
        ]
        typical = [is_long * sum(len(row[place]) for row in self.rows) ** 0.5 for place, is_long in enumerate(wraps)]
        return tuple(each / (sum(typical) or 1) for each in typical)


@dataclass(frozen=True)
class Picture:
    """A figure: `inline` is SVG that follows the page's colours, `files` are the contents of figures/, best first."""

    name: str
    alt: str
    caption: str
    width: int
    inline: str
    files: dict[str, bytes]

    @property
    def file(self) -> str:
        """The file that a document links to."""
        return next(iter(self.files))

    @property
    def is_vector(self) -> bool:
        """Whether it is a drawing rather than a sheet of images."""
        return f"{self.name}.svg" in self.files


def present(*blocks: Table | Picture | None) -> tuple[Table | Picture, ...]:
    """Return those blocks for which there was something to show."""
    return tuple(block for block in blocks if block is not None)


@dataclass(frozen=True)
class Section:
    """A heading with paragraphs, then tables and pictures. In a paragraph, `backticks` mark names."""

    key: str
    title: str
    paragraphs: tuple[str, ...]
    blocks: tuple[Table | Picture, ...] = ()

    def noted(self, note: str) -> "Section":
        """Return the section with a sentence added to each table's caption, which goes where the table goes."""
        blocks = (
            replace(block, caption=f"{block.caption} {note}") if isinstance(block, Table) else block
            for block in self.blocks
        )
        return replace(self, blocks=tuple(blocks)) if note else self


@dataclass(frozen=True)
class Page:
    """A whole report; `kicker` is the line above the title."""

    kicker: str
    title: str
    summary: tuple[str, ...]
    sections: tuple[Section, ...]
    detectors: tuple[str, ...]

    @property
    def tables(self) -> tuple[Table, ...]:
        """All tables, in order."""
        return tuple(block for section in self.sections for block in section.blocks if isinstance(block, Table))

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """All pictures, in order."""
        return tuple(block for section in self.sections for block in section.blocks if isinstance(block, Picture))
