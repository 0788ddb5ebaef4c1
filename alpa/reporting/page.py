"""A page to report.html, report.md, LaTeX tables and figure files. Templates lay out; they compute nothing."""

import base64
import hashlib
import re
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from alpa.files import whole_folder, write_text
from alpa.reporting.document import Page, Table
from alpa.reporting.drawing import CONTROLS, colours

ARXIV = re.compile(r"arXiv:(\d{4}\.\d{5})")
MARKDOWN_SPECIAL = re.compile(r"([\\`*_{}\[\]>|#~$])")
TEX_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "−": "$-$",
    "–": "--",
    "×": r"$\times$",
    "±": r"$\pm$",
    "·": r"$\cdot$",
    "→": r"$\rightarrow$",
} | {character: f"\\{character}" for character in "&%$#_"}
LATEX_TABLES = ("leaderboard", "per_class", "ablation", "paper", "comparisons", "readings", "regret", "correlations")


def write_page(folder: Path, page: Page) -> None:
    """Write report.html, report.md, tables/*.tex and figures/* into `folder`; equal pages give equal bytes."""
    html, markdown = render_html(page), render_markdown(page)
    tables = {f"{table.name}.tex": render_latex(table) for table in page.tables if table.name in LATEX_TABLES}
    with whole_folder(folder / "figures") as temporary:
        for picture in page.pictures:
            for name, content in picture.files.items():
                (temporary / name).write_bytes(content)
    with whole_folder(folder / "tables") as temporary:
        for name, text in tables.items():
            (temporary / name).write_text(text, encoding="utf-8")
    write_text(folder / "report.md", markdown)
    write_text(folder / "report.html", html)


def render_html(page: Page) -> str:
    """Return one self-contained HTML file: no request leaves it, and its one script runs by its hash alone."""
    environment = _environment(autoescape=True)
    environment.filters |= {"prose": _prose_html, "linked": _linked}
    script = files("alpa.reporting").joinpath("templates/report.js").read_text(encoding="utf-8")
    script_hash = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template("report.html").render(
        page=page, colours=colours(page.detectors), script=Markup(script), script_hash=script_hash
    )


def render_markdown(page: Page) -> str:
    """Return the report as GitHub reads it, with links to figures/."""
    environment = _environment(finalize=_escaping(escape_markdown))
    environment.filters["prose"] = _prose_markdown
    return environment.get_template("report.md").render(page=page)


def render_latex(table: Table) -> str:
    """Return a table float for `\\input`, which needs the packages booktabs and graphicx."""
    environment = _environment(
        finalize=_escaping(escape_latex),
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
    )
    return environment.get_template("table.tex").render(table=table)


def escape_markdown(text: str) -> str:
    """Return text that GitHub shows as it is, also inside a table."""
    return MARKDOWN_SPECIAL.sub(r"\\\1", _one_line(text).replace("&", "&amp;").replace("<", "&lt;"))


def escape_latex(text: str) -> str:
    """Return text that LaTeX sets as it is."""
    return "".join(TEX_SPECIAL.get(character, character) for character in _one_line(text))


def _one_line(text: str) -> str:
    """Return text without line breaks, which would end a cell or a paragraph, and without control characters."""
    return CONTROLS.sub("\N{REPLACEMENT CHARACTER}", re.sub(r"\s+", " ", text))


def _environment(**settings: Any) -> Environment:
    return Environment(
        loader=PackageLoader("alpa.reporting"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **settings,
    )


def _escaping(function: Callable[[str], str]) -> Callable[[Any], Any]:
    """Return a jinja2 finalizer: everything printed is escaped unless a filter marked it as done."""
    return lambda value: value if isinstance(value, Markup) else function(str(value))


def _prose_html(text: str) -> Markup:
    """Return a paragraph as HTML, names between backticks as code."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else _linked(part) for place, part in enumerate(parts)
    )


def _linked(text: str) -> Markup:
    """Return text as HTML whose arXiv numbers are links: they are followed on a click, never loaded."""
    unbroken = str(escape(text)).replace(" %", "\N{NO-BREAK SPACE}%")
    return Markup(ARXIV.sub(r'<a href="https://arxiv.org/abs/\1" rel="noreferrer">arXiv:\1</a>', unbroken))


def _prose_markdown(text: str) -> Markup:
    """Return a paragraph as Markdown; a code span shows its content as it is."""
    parts = text.split("`")
    return Markup("").join(
        Markup(f"`{part}`" if place % 2 else escape_markdown(part)) for place, part in enumerate(parts)
    )
