"""A report as LaTeX: each table to paste into a paper, and a whole document of them with the figures."""

import math
import re
from collections.abc import Sequence

from jinja2 import Environment
from markupsafe import Markup

from alpa.reporting.document import Column, Page, Picture, Table
from alpa.reporting.templating import environment, escaping, one_line, spans

SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "[": "{[}",  # behind the end of a row, this and a star would be read as the end's argument
    "*": "{*}",
    "-": "-{}",
    "−": "$-$",
    "–": "--",
    "×": r"$\times$",
    "±": r"$\pm$",
    "·": r"$\cdot$",
    "→": r"$\rightarrow$",
    "\N{REPLACEMENT CHARACTER}": r"\textbf{?}",
} | {character: f"\\{character}" for character in "&%$#_"}
SPECIAL_TEXT = re.compile("-(?=-)|" + "|".join(re.escape(character) for character in SPECIAL if character != "-"))
MOST_LINES = 40  # of a table that floats
MANY_LETTERS = 60  # of the columns that do not wrap, above which a table is set smaller
SHORT = 12  # letters, above which a text of such a table wraps
LETTER = {"footnotesize": 0.0115, "scriptsize": 0.0101}  # how much of an article's line a letter takes in a font


def render_latex(table: Table) -> str:
    """Return a table for `\\input`, whose first line names the packages that it needs.

    It floats, and is scaled down to the line's width or has columns that wrap; one that is too long for a page stands
    where it is put, and breaks.
    """
    shares, size = table.shares(), "footnotesize"
    if any(shares) and _letters(table, shares) > MANY_LETTERS:
        shares, size = table.shares(SHORT), "scriptsize"
    left = max(0.9 - LETTER[size] * _letters(table, shares), 0.2)
    lines = sum(
        max(_lines(text, share * left / LETTER[size]) for text, share in zip(row, shares, strict=True))
        for row in table.rows
    )
    form = "breaks" if lines > MOST_LINES else "wraps" if any(shares) else "fits"
    width = left if form == "breaks" else sum(share > 0 for share in shares)
    columns = Markup("".join(_column(*each, form, width) for each in zip(table.columns, shares, strict=True)))
    latex = _environment().get_template("table.tex")
    return latex.render(table=table, form=form, columns=columns, size=Markup(size))


def render_latex_document(page: Page) -> str:
    """Return a document for pdflatex in the report's folder, which reads tables/*.tex and figures/*."""
    return _environment().get_template("report.tex").render(page=page)


def figure_file(picture: Picture) -> str:
    """Return the file in figures/ that LaTeX reads: the vector form as PDF, else the picture's own."""
    return f"{picture.name}.pdf" if picture.is_vector else picture.file


def escape_latex(text: str) -> str:
    """Return text that LaTeX sets as it is."""
    return SPECIAL_TEXT.sub(lambda found: SPECIAL[found[0]], one_line(text))


def _environment() -> Environment:
    latex = environment(
        finalize=escaping(escape_latex),
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
    )
    latex.filters |= {"prose": _prose, "file": figure_file}
    return latex


def _letters(table: Table, shares: Sequence[float]) -> int:
    """Return how many letters wide the columns are that do not wrap, with the space between."""
    return sum(length + 3 for length, share in zip(table.lengths, shares, strict=True) if not share)


def _column(column: Column, share: float, form: str, width: float) -> str:
    """Return how LaTeX sets a column: of its texts' width, or with its share of a width where it wraps."""
    if not share:
        return "r" if column.kind == "number" else "l"
    if form == "breaks":
        return rf">{{\raggedright\arraybackslash}}p{{{share * width:.2f}\linewidth}}"
    return rf">{{\hsize={share * width:.2f}\hsize\raggedright\arraybackslash}}X"  # their factors add to their number


def _lines(text: str, letters: float) -> int:
    """Return about how many lines a text takes in a column of so many letters; one that does not wrap has none."""
    return max(1, math.ceil(len(text) / letters)) if letters else 1


def _prose(text: str) -> Markup:
    """Return a paragraph as LaTeX, names between backticks in a typewriter's font."""
    return Markup("").join(
        Markup(rf"\texttt{{{escape_latex(part)}}}" if is_name else escape_latex(part)) for part, is_name in spans(text)
    )
