"""How every figure looks, and how it becomes bytes: the same input gives the same bytes, with no date in them."""

import base64
import io
import re
from collections.abc import Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from alpa.reporting.document import Picture
from alpa.reporting.rasters import with_palette

# One colour and marker per detector, everywhere; Okabe and Ito's palette, told apart without colour vision.
COLOURS = {
    "alpa": "#d55e00",
    "autoencoder": "#0072b2",
    "denoising": "#56b4e9",
    "ganomaly": "#cc79a7",
    "pca": "#009e73",
    "knn": "#e69f00",
}
MARKERS = {"alpa": "o", "autoencoder": "s", "denoising": "D", "ganomaly": "^", "pca": "v", "knn": "P"}
FURTHER_COLOURS = ("#882255", "#999933", "#332288", "#44aa99", "#aa4499", "#6b7280")
FURTHER_MARKERS = ("X", "p", "h", "<", ">", "*")

# Inline, these become the page's own colours, so that a figure follows its light and dark forms.
INK, MUTED, LINE, FAINT, PAPER = "#1b1f24", "#5d6672", "#d9dde2", "#a3abb5", "#ffffff"
PAGE_COLOURS = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    LINE: "var(--line)",
    FAINT: "var(--faint)",
    PAPER: "var(--paper)",
}

# What XML cannot hold, Markdown and LaTeX should not, and a class may be called.
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")

# The content of an image, and never of a text that looks like one.
BASE64 = re.compile(r'(?<=href="data:image/png;base64,)[\w+/=\s]*')

POINTS = 72  # an inch
RESOLUTION = 160  # dots per inch of PNG files, and of what is drawn as pixels in others
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Arial", "sans-serif"],
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": FAINT,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "text.color": INK,
    "text.parse_math": False,  # a class may be called $a$
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.6,
    "figure.facecolor": PAPER,
}
styled = matplotlib.rc_context(STYLE)


def colours(detectors: Sequence[str]) -> dict[str, str]:
    """Return each detector's colour; those without a fixed one share out the further colours by name."""
    return _assigned(detectors, COLOURS, FURTHER_COLOURS)


def markers(detectors: Sequence[str]) -> dict[str, str]:
    """Return each detector's marker, likewise."""
    return _assigned(detectors, MARKERS, FURTHER_MARKERS)


def _assigned(detectors: Sequence[str], fixed: dict[str, str], further: Sequence[str]) -> dict[str, str]:
    others = sorted(set(detectors) - set(fixed))
    return {**fixed, **{key: further[place % len(further)] for place, key in enumerate(others)}}


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure whose size is given in points."""
    return Figure(figsize=(width / POINTS, height / POINTS), layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.06))


def horizontal_only(axes: Axes) -> None:
    """Leave of the axes what a chart of horizontal dots needs: vertical lines and no tick marks."""
    axes.grid(False, axis="y")
    axes.tick_params(length=0)
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_visible(False)


def to_picture(figure: Figure, name: str, alt: str, caption: str, kinds: Sequence[str] = ("svg",)) -> Picture:
    """Render a figure for the page, and on white as figures/<name>.<kind> for each kind, svg or png."""
    if engine := figure.get_layout_engine():
        engine.execute(figure)
        figure.set_layout_engine("none")  # the layout is found: every file shows the same one
    svg = _svg(figure, name)
    files = {f"{name}.{kind}": _on_white(svg).encode() if kind == "svg" else _png(figure) for kind in kinds}
    return Picture(name, alt, caption, round(figure.get_figwidth() * POINTS), _inline(svg, alt), files)


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=RESOLUTION, metadata={"Software": None})
    return buffer.getvalue()


def _svg(figure: Figure, name: str) -> str:
    """Return a figure without a ground as SVG, whose text is text."""
    buffer = io.StringIO()
    # The name salts the ids that clip paths and markers get, so that figures on one page do not share them.
    with matplotlib.rc_context(STYLE | {"svg.hashsalt": name}):
        figure.savefig(
            buffer, format="svg", dpi=RESOLUTION, transparent=True, metadata=dict.fromkeys(("Date", "Creator"))
        )
    return CONTROLS.sub("\N{REPLACEMENT CHARACTER}", buffer.getvalue())


def _on_white(svg: str) -> str:
    """Return an SVG file with a white ground."""
    ground = f'<rect width="100%" height="100%" style="fill: {PAPER}"/>'
    return svg.replace("</defs>", f"</defs>\n {ground}", 1)


def _inline(svg: str, alt: str) -> str:
    """Turn an SVG file into an element for an HTML page: no prologue, no global style, the page's fonts and colours."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r"<g id=\"[^\"]*\"", "<g", body)
    body = re.sub(r"font-family: [^;\"]*", "font-family: var(--sans)", body)
    body = BASE64.sub(lambda data: _lighter(data[0]), body).replace("xlink:href", "href")
    for colour, variable in PAGE_COLOURS.items():
        body = body.replace(colour, variable)
    box = re.search(r"viewBox=\"[^\"]*\"", body)
    assert box is not None
    start = f'<svg {box[0]} role="img" aria-label="{_attribute(alt)}" stroke-linejoin="round">'
    return re.sub(r"\s*\n\s*", " ", start + body[body.index(">") + 1 :]).strip()


def _lighter(content: str) -> str:
    """Return the content of a PNG, in base64, as a smaller one's."""
    return base64.b64encode(with_palette(base64.b64decode(content))).decode()


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
