"""A report as PDF, set by Typst in this process: no other program, no network, no font of this machine, no date."""

import base64
import io
import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
from PIL import Image, ImageChops

from alpa.reporting.document import Page, Picture, Table
from alpa.reporting.drawing import PAGE_COLOURS, colours
from alpa.reporting.templating import one_line, spans

if TYPE_CHECKING:
    import typst

TEMPLATE = Path(__file__).parent / "templates" / "report.typ"
FIGURE = b"""
#set document(date: none)
#set page(width: auto, height: auto, margin: 0pt, fill: none)
#image("figure.svg")
"""
FONT = "DejaVu Sans"  # the figures' own, which matplotlib brings; Typst brings the others
LETTERS_ACROSS = 150  # of a table, above which its page is turned
MOST_ROWS = 40  # of a table that is kept on one page
JPEG_QUALITY = 92
UNPRINTED = re.compile("[\x7f-\x9f]")  # control characters, of which no font has a sign
RASTER = re.compile(r'(<image [^<>]*?href="data:image/)png;base64,([^"]*)')  # no text of a figure holds a bare <


def render_pdf(page: Page) -> bytes:
    """Return the whole report as a PDF that a screen reader can read, as PDF/UA-1 asks for.

    What it says goes to the template as data: nothing of it is ever read as Typst's markup or code.
    """
    files = {"main.typ": TEMPLATE.read_bytes(), "page.json": json.dumps(_content(page)).encode()}
    files |= {f"{picture.name}.svg": _light(_as_svg(picture)).encode() for picture in page.pictures}
    return _compiled(files, pdf_standards=["ua-1"])


def figure_pdfs(page: Page) -> dict[str, bytes]:
    """Return the drawings among a page's pictures as PDF files, by their names in figures/."""
    drawings = [picture for picture in page.pictures if picture.is_vector]
    inputs = {picture.name: {"main.typ": FIGURE, "figure.svg": _as_svg(picture).encode()} for picture in drawings}
    older = {"pdf_standards": ["1.5"], "pdf_tags": False}  # as much as pdfTeX takes without a warning
    return {f"{name}.pdf": _compiled(files, **older) for name, files in inputs.items()}


def _compiled(files: dict[str, bytes], **settings: Any) -> bytes:
    pdf = _compiler().compile(files, format="pdf", **settings)
    assert isinstance(pdf, bytes)
    return pdf


@cache
def _compiler() -> "typst.Compiler":
    """Return the compiler, with Typst's fonts and matplotlib's."""
    import typst

    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return typst.Compiler(font_paths=[str(fonts)], ignore_system_fonts=True)


def _content(page: Page) -> dict[str, Any]:
    """Return what the template lays out."""
    colour = colours(page.detectors)
    return {
        "kicker": _runs(page.kicker),
        "title": _text(page.title),
        "summary": [_runs(paragraph) for paragraph in page.summary],
        "sections": [
            {
                "title": _text(section.title),
                "paragraphs": [_runs(paragraph) for paragraph in section.paragraphs],
                "blocks": [
                    _table(block, colour) if isinstance(block, Table) else _figure(block) for block in section.blocks
                ],
            }
            for section in page.sections
        ],
    }


def _table(table: Table, colour: dict[str, str]) -> dict[str, Any]:
    kinds = [column.kind for column in table.columns]
    shares = table.shares()
    fixed = sum(length + 2 for length, share in zip(table.lengths, shares, strict=True) if not share)
    return {
        "kind": "table",
        "name": table.name,
        "caption": _text(table.caption),
        "titles": [_text(column.title) for column in table.columns],
        "kinds": kinds,
        "shares": shares,
        "turned": fixed + 26 * sum(share > 0 for share in shares) > LETTERS_ACROSS,
        "breaks": any(shares) or len(table.rows) > MOST_ROWS,
        "ends_in_mean": table.ends_in_mean,
        "rows": [
            [
                {
                    "text": _text(cell),
                    "best": (row, place) in table.best,
                    "colour": colour.get(cell) if kinds[place] == "detector" else None,
                }
                for place, cell in enumerate(cells)
            ]
            for row, cells in enumerate(table.rows)
        ],
    }


def _figure(picture: Picture) -> dict[str, Any]:
    return {
        "kind": "figure",
        "file": f"{picture.name}.svg",
        "width": picture.width,
        "alt": _text(picture.alt),
        "caption": _text(picture.caption),
    }


def _runs(text: str) -> list[dict[str, Any]]:
    """Return a paragraph's parts; those between backticks are names."""
    return [{"text": _text(part), "name": is_name} for part, is_name in spans(text) if part]


def _text(text: str) -> str:
    return UNPRINTED.sub("\N{REPLACEMENT CHARACTER}", one_line(text)).replace(" %", "\N{NO-BREAK SPACE}%")


def _as_svg(picture: Picture) -> str:
    """Return a picture as an SVG file in ink on paper."""
    svg = picture.inline.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    for colour, variable in PAGE_COLOURS.items():
        svg = svg.replace(variable, colour)
    return UNPRINTED.sub("\N{REPLACEMENT CHARACTER}", svg.replace("var(--sans)", FONT))


def _light(svg: str) -> str:
    """Return an SVG file whose rasters are JPEG on white: a fraction of the bytes, and no difference on paper."""
    return RASTER.sub(lambda found: f"{found[1]}jpeg;base64,{_jpeg(found[2])}", svg)


def _jpeg(png: str) -> str:
    image = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGBA")
    flat = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    red, green, blue = flat.split()
    is_grey = ImageChops.difference(red, green).getbbox() is None and ImageChops.difference(red, blue).getbbox() is None
    content = io.BytesIO()
    (red if is_grey else flat).save(content, "JPEG", quality=JPEG_QUALITY, subsampling=0, optimize=True)
    return base64.b64encode(content.getvalue()).decode()
