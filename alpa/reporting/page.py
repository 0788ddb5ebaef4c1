"""A page to its forms: HTML, Markdown, LaTeX, PDF, JSON, and figures. Templates lay out; they compute nothing."""

import base64
import hashlib
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from markupsafe import Markup, escape

from alpa.files import whole_file, whole_folder, write_text
from alpa.reporting.document import Page
from alpa.reporting.drawing import colours
from alpa.reporting.latex import render_latex, render_latex_document
from alpa.reporting.machine import render_json
from alpa.reporting.paged import figure_pdfs, render_pdf
from alpa.reporting.templating import environment, escaping, one_line, spans

ARXIV = re.compile(r"arXiv:(\d{4}\.\d{5})")
MARKDOWN_SPECIAL = re.compile(r"([\\`*_{}\[\]>|#~$])")


def write_page(folder: Path, page: Page, results: Sequence[Path] = ()) -> None:
    """Write a report's forms into `folder`; equal pages give equal bytes.

    These are report.html, report.md, report.pdf, report.json, and report.tex with tables/*.tex and figures/*.

    Args:
        folder: the report's.
        page: what it says.
        results: the folders of the result tables that it was made from, by default `folder` itself.
    """
    texts = {
        "report.md": render_markdown(page),
        "report.tex": render_latex_document(page),
        "report.json": render_json(page, folder, results or (folder,)),
        "report.html": render_html(page),
    }
    pdf = render_pdf(page)
    figures = figure_pdfs(page)
    for picture in page.pictures:
        figures |= picture.files
    with whole_folder(folder / "figures") as temporary:
        for name, content in figures.items():
            (temporary / name).write_bytes(content)
    with whole_folder(folder / "tables") as temporary:
        for table in page.tables:
            (temporary / f"{table.name}.tex").write_text(render_latex(table), encoding="utf-8")
    with whole_file(folder / "report.pdf") as temporary:
        temporary.write_bytes(pdf)
    for name, text in texts.items():
        write_text(folder / name, text)


def render_html(page: Page) -> str:
    """Return one self-contained HTML file: no request leaves it, and its one script runs by its hash alone."""
    html = environment(autoescape=True)
    html.filters |= {"prose": _prose_html, "linked": _linked}
    script = files("alpa.reporting").joinpath("templates/report.js").read_text(encoding="utf-8")
    script_hash = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return html.get_template("report.html").render(
        page=page, colours=colours(page.detectors), script=Markup(script), script_hash=script_hash
    )


def render_markdown(page: Page) -> str:
    """Return the report as GitHub reads it, with links to figures/."""
    markdown = environment(finalize=escaping(escape_markdown))
    markdown.filters["prose"] = _prose_markdown
    return markdown.get_template("report.md").render(page=page)


def escape_markdown(text: str) -> str:
    """Return text that GitHub shows as it is, also inside a table."""
    return MARKDOWN_SPECIAL.sub(r"\\\1", one_line(text).replace("&", "&amp;").replace("<", "&lt;"))


def _prose_html(text: str) -> Markup:
    """Return a paragraph as HTML, names between backticks as code."""
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if is_name else _linked(part) for part, is_name in spans(text)
    )


def _linked(text: str) -> Markup:
    """Return text as HTML whose arXiv numbers are links: they are followed on a click, never loaded."""
    unbroken = str(escape(text)).replace(" %", "\N{NO-BREAK SPACE}%")
    return Markup(ARXIV.sub(r'<a href="https://arxiv.org/abs/\1" rel="noreferrer">arXiv:\1</a>', unbroken))


def _prose_markdown(text: str) -> Markup:
    """Return a paragraph as Markdown; a code span shows its content as it is."""
    return Markup("").join(Markup(f"`{part}`" if is_name else escape_markdown(part)) for part, is_name in spans(text))
