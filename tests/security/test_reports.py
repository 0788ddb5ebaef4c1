"""What classes and clips are called reaches the reports as text: in HTML, in Markdown and in LaTeX."""

import base64
import hashlib
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from alpa.reporting.benchmark import build_page
from alpa.reporting.page import write_page
from tests.reporting.conftest import load_fake, make_benchmark

SCRIPT, IMAGE = "<script>alert(1)</script>", '"><img src=http://evil.example/x onerror=alert(1)>'
NAMES = (
    SCRIPT,
    IMAGE,
    "{{7*7}}{% raw %}<<7*7>>",
    r"\input{/etc/passwd}",
    "a|b|c",
    "``<img src=x>",
    "line\n\n<img src=x>\n\n| - |",
    "[link](javascript:alert(1)) ![i](http://evil.example/y)",
    'base64,a" b</text><image href="http://evil.example/z"/>',
    "\x01\x1b[31mred",
)
ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "header", "p", "h1", "h2", "code", "nav", "ol", "li", "a", "main",
    "section", "figure", "div", "table", "thead", "tbody", "tr", "th", "td", "figcaption", "i", "svg", "defs", "g",
    "path", "use", "text", "clippath", "rect", "image", "dl", "dt", "dd", "lineargradient", "stop", "script",
}  # fmt: skip
OWN = files("alpa.reporting").joinpath("templates/report.js").read_bytes()
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    f"script-src 'sha256-{base64.b64encode(hashlib.sha256(OWN).digest()).decode()}'; "
    "require-trusted-types-for 'script'; base-uri 'none'; form-action 'none'"
)


class Page(HTMLParser):
    """The elements of a page with their attributes, and the text of its cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = [""]
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self.texts.append("")

    def handle_data(self, data: str) -> None:
        self.texts[-1] += data.replace("\N{NO-BREAK SPACE}", " ")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a report on classes that are called so."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("alpa.detectors.load_detector", load_fake)
        inputs = make_benchmark(tmp_path_factory.mktemp("hostile"), ("alpa", "autoencoder", "pca"), NAMES, (0,))
        write_page(inputs.report, build_page(inputs))
    return inputs.report


def test_html_holds_no_element_and_no_attribute_that_the_templates_do_not_write(report: Path) -> None:
    text = (report / "report.html").read_text()
    page = Page(text)
    assert re.findall("<script[^>]*>", text) == ["<script>"]
    assert f"<script>{OWN.decode()}</script>" in text
    assert {tag for tag, _ in page.elements} <= ALLOWED
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert SCRIPT in page.texts
    assert NAMES[2] in page.texts, "and no template inside a name is rendered"


def test_html_loads_nothing_and_forbids_itself_to(report: Path) -> None:
    text = (report / "report.html").read_text()
    page = Page(text)
    assert [each["content"] for tag, each in page.elements if each.get("http-equiv")] == [POLICY]
    assert text.index("Content-Security-Policy") < text.index("<style>")
    for tag, attributes in page.elements:
        for name, value in attributes.items():
            if name in ("src", "href", "xlink:href", "srcset", "data", "poster", "action", "background", "formaction"):
                followed_on_click = tag == "a" and value.startswith("https://arxiv.org/abs/")
                assert followed_on_click or value.startswith(("#", "data:image/png;base64,"))
            if name in ("style", "fill", "clip-path", "stroke", "filter", "mask"):
                assert re.findall(r"url\(\s*[^#\s]", value) == []
    style = text[text.index("<style>") : text.index("</style>")]
    assert not re.search(r"url\(|@import|expression", style)


def test_markdown_holds_no_element_and_no_link_from_a_name(report: Path) -> None:
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse((report / "report.md").read_text())
    flat = [child for token in tokens for child in (token, *(token.children or ()))]
    assert [token.content for token in flat if token.type in ("html_block", "html_inline")] == []
    assert [token for token in flat if token.type == "link_open"] == []
    images = [str(token.attrs["src"]) for token in flat if token.type == "image"]
    assert images
    assert all(re.fullmatch(r"figures/[a-z0-9_-]+\.(svg|png)", source) for source in images)
    rows = "\n".join(token.content for token in tokens if token.type == "inline" and token.level == 4)
    assert "a|b|c" in rows, "a bar in a name splits no cell"


def test_every_row_of_a_markdown_table_has_the_columns_of_its_head(report: Path) -> None:
    lines = (report / "report.md").read_text().splitlines()
    bars = [len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0 for line in lines]
    for line, count, before in zip(lines[1:], bars[1:], bars, strict=False):
        assert not (count and before) or count == before, line


def test_latex_reads_no_file_and_ends_no_cell(report: Path) -> None:
    text = (report / "tables/per_class.tex").read_text()
    assert r"\input{" not in text
    assert r"\textbackslash{}input\{/etc/passwd\}" in text
    assert "\n\n" not in text.strip()
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", text)
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 1 + len(NAMES) + 1, "the head, the classes and the mean"
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {3}, "the class and three detectors"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_latex_compiles(report: Path, tmp_path: Path) -> None:
    packages = r"\usepackage[T1]{fontenc}\usepackage{array,booktabs,graphicx,longtable,tabularx}"
    preamble = rf"\documentclass{{article}}{packages}\begin{{document}}"
    tables = [path.read_text() for path in sorted((report / "tables").glob("*.tex"))]
    (tmp_path / "all.tex").write_text("\n".join([preamble, *tables, r"\end{document}"]))
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


def test_every_figure_is_well_formed_and_named_by_the_suite(report: Path) -> None:
    figures = sorted((report / "figures").iterdir())
    assert all(re.fullmatch(r"[a-z0-9_-]+\.(svg|png|pdf)", path.name) for path in figures)
    for path in figures:
        if path.suffix == ".svg":
            tags = {element.tag.rpartition("}")[2] for element in ElementTree.parse(path).iter()}
            assert not tags & {"script", "foreignObject", "a", "iframe"}
