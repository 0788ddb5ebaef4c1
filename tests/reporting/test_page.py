import base64
import csv
import hashlib
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from alpa.reporting.benchmark import Inputs, build_page
from alpa.reporting.document import Column, Page, Section, Table
from alpa.reporting.latex import escape_latex, render_latex
from alpa.reporting.page import escape_markdown, render_html, render_markdown, write_page

LOADING = {"src", "srcset", "href", "xlink:href", "data", "poster", "action", "background"}
SCRIPT = "<script>alert('1')</script>|`_&%"


class Elements(HTMLParser):
    """Collects start tags with their attributes, and the cells of each table by its id."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: dict[str, list[list[str]]] = {}
        self._table = ""
        self._in_cell = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "table":
            self._table = dict(attrs)["id"] or ""
            self.rows[self._table] = []
        if tag == "tr":
            self.rows[self._table].append([])
        if tag in ("td", "th"):
            self._in_cell = True
            self.rows[self._table][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[self._table][-1][-1] += data


def test_the_page_loads_nothing_from_anywhere(written: Path) -> None:
    html = (written / "report.html").read_text()
    for tag, attributes in Elements(html).tags:
        assert tag not in ("link", "iframe", "object", "embed", "base", "form")
        assert not [name for name in attributes if name.startswith("on")]
        for name in LOADING & set(attributes):
            followed_on_click = tag == "a" and name == "href"
            assert followed_on_click or (attributes[name] or "").startswith(("data:", "#"))
    assert not re.search(r"url\((?!#)|@import", html)


def test_the_page_forbids_itself_to_load_anything(written: Path) -> None:
    metas = [attributes for tag, attributes in Elements((written / "report.html").read_text()).tags if tag == "meta"]
    policies = [meta["content"] or "" for meta in metas if meta.get("http-equiv") == "Content-Security-Policy"]
    assert len(policies) == 1
    assert "default-src 'none'" in policies[0]


def test_the_one_script_is_allowed_by_its_hash_alone(written: Path) -> None:
    html = (written / "report.html").read_text()
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", html, re.DOTALL)
    assert [attributes for attributes, _ in scripts] == [""]
    digest = base64.b64encode(hashlib.sha256(scripts[0][1].encode()).digest()).decode()
    assert re.findall(r"script-src ([^;]*);", html) == [f"'sha256-{digest}'"]
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|Function\(", scripts[0][1])


def test_no_two_elements_share_an_id_and_every_reference_has_its_target(written: Path) -> None:
    html = (written / "report.html").read_text()
    ids = Counter(attributes["id"] for _, attributes in Elements(html).tags if "id" in attributes)
    assert [name for name, times in ids.items() if times > 1] == []
    assert set(re.findall(r"(?:url\(|href=\")#([^)\"]*)", html)) <= set(ids)


def test_the_page_stays_small(written: Path) -> None:
    assert (written / "report.html").stat().st_size < 2_500_000


def test_figures_take_the_colours_of_the_page_and_stand_on_white_in_their_files(page: Page) -> None:
    for picture in page.pictures:
        assert "var(--ink)" in picture.inline
        assert "#1b1f24" not in picture.inline
    assert b"var(" not in b"".join(content for picture in page.pictures for content in picture.files.values())


def test_markdown_links_every_figure_that_was_written(written: Path) -> None:
    linked = re.findall(r"\]\((figures/[^)]*)\)", (written / "report.md").read_text())
    assert len(linked) == 12
    assert all((written / path).is_file() for path in linked)
    assert (written / "figures" / "leaderboard.png").read_bytes().startswith(b"\x89PNG")


def test_a_class_named_like_a_script_is_escaped_everywhere(make: Callable[..., Inputs]) -> None:
    page = build_page(make(detectors=("alpa", "pca"), class_names=(SCRIPT, "b"), seeds=(0,)))
    html = render_html(page)
    assert html.count("<script") == 1, "the page's own"
    assert "&lt;script&gt;" in html
    outside_code = re.sub(r"`[^`]*`", "", render_markdown(page).replace("\\`", ""))
    assert "<script" not in outside_code
    tables = {table.name: table for table in page.tables}
    assert r"\textless{}script\textgreater{}" in render_latex(tables["per_class"])


def test_markdown_and_latex_escape_what_they_would_interpret() -> None:
    assert escape_markdown("a|b_c <i>\n*d*") == r"a\|b\_c &lt;i\> \*d\*"
    assert escape_latex("50 % of a_b & c\\d −1.2–3") == r"50 \% of a\_b \& c\textbackslash{}d $-$1.2--3"


@pytest.mark.parametrize("name", ["leaderboard", "per_class", "ablation", "comparisons"])
def test_the_same_cells_stand_in_html_markdown_and_latex(written: Path, page: Page, name: str) -> None:
    table = next(table for table in page.tables if table.name == name)
    html = Elements((written / "report.html").read_text()).rows[f"table-{name}"][1:]
    assert [tuple(row) for row in html] == list(table.rows)
    markdown = [
        [re.sub(r"^\*\*|\*\*$", "", cell).replace("\\", "") for cell in line.strip("| ").split(" | ")]
        for line in (written / "report.md").read_text().splitlines()
        if line.startswith("| ")
    ]
    assert all(list(row) in markdown for row in table.rows)
    latex = (written / "tables" / f"{name}.tex").read_text()
    cells = [
        [re.sub(r"\\textbf\{(.*)\}", r"\1", cell).strip() for cell in line.removesuffix(r"\\").split(" & ")]
        for line in latex.splitlines()
        if line.endswith(r"\\")
    ]
    assert cells[1:] == [[escape_latex(cell) for cell in row] for row in table.rows]


def test_the_leaderboard_shows_the_numbers_of_its_csv(inputs: Inputs, page: Page) -> None:
    with (inputs.report / "leaderboard.csv").open() as stream:
        rows = {row["detector"]: row for row in csv.DictReader(stream) if row["is_primary"] == "True"}
    table = page.tables[0]
    assert [column.title for column in table.columns][:4] == ["Detector", "Ranked by", "AUROC", "95 % interval"]
    means = [float(rows[cells[0]]["auroc_mean"]) for cells in table.rows]
    assert means == sorted(means, reverse=True)
    for detector, score, auroc, interval, *_ in table.rows:
        row = rows[detector]
        assert score == row["score"]
        assert auroc == f"{100 * float(row['auroc_mean']):.1f}"
        assert interval == f"{100 * float(row['ci_low']):.1f}–{100 * float(row['ci_high']):.1f}"


def test_two_renders_give_the_same_bytes(make: Callable[..., Inputs], tmp_path: Path) -> None:
    inputs = make(detectors=("alpa", "autoencoder"), class_names=("a", "b"), seeds=(0,))
    for name in ("first", "second"):
        write_page(tmp_path / name, build_page(inputs))
    files = sorted(path.relative_to(tmp_path / "first") for path in (tmp_path / "first").rglob("*") if path.is_file())
    assert len(files) > 12
    for path in files:
        assert (tmp_path / "first" / path).read_bytes() == (tmp_path / "second" / path).read_bytes()


def test_writing_again_removes_figures_of_the_past(page: Page, tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "stale.svg").touch()
    write_page(tmp_path, page)
    assert not (tmp_path / "figures" / "stale.svg").exists()


def compiled(tables: list[str], folder: Path) -> str:
    """Compile tables as a document and return what LaTeX says."""
    packages = r"\usepackage[T1]{fontenc}\usepackage{array,booktabs,graphicx,longtable,tabularx}"
    preamble = rf"\documentclass{{article}}{packages}\begin{{document}}"
    (folder / "all.tex").write_text("\n".join([preamble, *tables, r"\end{document}"]))
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    return done.stdout


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_latex_tables_of_numbers_compile_and_fit_the_page(written: Path, tmp_path: Path) -> None:
    texts = [path.read_text() for path in sorted((written / "tables").glob("*.tex"))]
    of_numbers = [text for text in texts if r"\resizebox" in text]
    assert len(of_numbers) >= 4
    assert "Overfull" not in compiled(of_numbers, tmp_path)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_odd_text_compiles_as_latex(tmp_path: Path) -> None:
    odd = Table("odd", SCRIPT + '\\{}~^#$"−–×±·→', (Column("a_b", "text"), Column("%")), ((SCRIPT, "1"),))
    compiled([render_latex(odd)], tmp_path)


def test_a_page_without_blocks_is_still_a_page() -> None:
    page = Page("kicker", "title", ("one `name`",), (Section("key", "heading", ("text",)),), ())
    assert "<code>name</code>" in render_html(page)
    assert "## heading\n\ntext\n" in render_markdown(page)
