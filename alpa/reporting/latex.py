"""A report as LaTeX: each table to paste into a paper, and a whole document of them with the figures."""

import re

from jinja2 import Environment
from markupsafe import Markup

from alpa.reporting.document import Page, Picture, Table
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
} | {character: f"\\{character}" for character in "&%$#_"}
SPECIAL_TEXT = re.compile("-(?=-)|" + "|".join(re.escape(character) for character in SPECIAL if character != "-"))
MOST_ROWS = 45  # of a table that must fit on a page
LETTER = 0.0085  # how much of a line's width a letter takes in a table's font


def render_latex(table: Table) -> str:
    """Return a table for `\\input`, whose first line names the packages that it needs.

    It floats and is scaled down to the line's width, unless its texts need more than a line or its rows more than a
    page: then it stands where it is put, and breaks.
    """
    is_long = any(table.shares) or len(table.rows) > MOST_ROWS
    columns = [_column(table, place) for place in range(len(table.columns))]
    return (
        _environment().get_template("table.tex").render(table=table, is_long=is_long, columns=Markup("".join(columns)))
    )


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


def _column(table: Table, place: int) -> str:
    """Return how LaTeX sets a column; one that wraps gets its share of what the others leave."""
    if share := table.shares[place]:
        letters = sum(length + 3 for length, other in zip(table.lengths, table.shares, strict=True) if not other)
        width = share * max(0.9 - LETTER * letters, 0.3)
        return rf">{{\raggedright\arraybackslash}}p{{{width:.2f}\linewidth}}"
    return "r" if table.columns[place].kind == "number" else "l"


def _prose(text: str) -> Markup:
    """Return a paragraph as LaTeX, names between backticks in a typewriter's font."""
    return Markup("").join(
        Markup(rf"\texttt{{{escape_latex(part)}}}" if is_name else escape_latex(part)) for part, is_name in spans(text)
    )
