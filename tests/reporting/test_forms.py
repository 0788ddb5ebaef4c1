"""A report's forms beside HTML and Markdown: PDF, LaTeX and JSON; and all of them say the same numbers."""

import csv
import io
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import TypeAdapter
from pypdf import PdfReader

from alpa.reporting.benchmark import Inputs
from alpa.reporting.document import Column, Page, Picture, Section, Table
from alpa.reporting.latex import escape_latex, render_latex, render_latex_document
from alpa.reporting.machine import MachineReport, render_json
from alpa.reporting.page import write_page
from alpa.reporting.paged import render_pdf
from alpa.reporting.paper import build_paper
from tests.reporting.test_page import Elements

HOSTILE = (
    '#image("/etc/passwd")',
    "<script>alert(1)</script>",
    "#{sys.inputs}",
    "$x^2$ *bold* _it_ @ref <label>",
    "= heading",
    "https://evil.example // comment",
    r"\input{/etc/passwd}",
    "[2mm] * -- ?` !` ``''",
    "~^&%#{}|<>\"'",
)
TYPESET = (
    r"\\(?:textbackslash|textasciitilde|textasciicircum|textless|textgreater|textbar|textquotedbl|textasciigrave)\{\}"
)
Leaderboard = list[tuple[str, ...]]


def hostile_page() -> Page:
    columns = (Column("Normal class", "text"), Column(HOSTILE[3]), Column(HOSTILE[0], "detector"))
    table = Table("per_class", HOSTILE[0], columns, tuple((name, "99.5", name) for name in HOSTILE))
    long = Table("long", HOSTILE[6], columns, tuple((name * 3, "1.0", name * 3) for name in HOSTILE))
    sections = (Section("a", HOSTILE[1], (f"`{HOSTILE[0]}` {HOSTILE[3]}",), (table, long)),)
    return Page(HOSTILE[0], HOSTILE[2], HOSTILE, sections, ())


@pytest.fixture(scope="module")
def written(page: Page, inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole report."""
    folder = tmp_path_factory.mktemp("forms") / "mnist"
    shutil.copytree(inputs.report, folder)
    write_page(folder, page)
    return folder


@pytest.fixture(scope="module")
def expected(inputs: Inputs) -> Leaderboard:
    """What leaderboard.csv says, rounded as a report rounds: detector, score, mean and interval, best first."""
    with (inputs.report / "leaderboard.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["is_primary"] == "True"]
    rows.sort(key=lambda row: -float(row["auroc_mean"]))
    numbers = ("auroc_mean", "ci_low", "ci_high")
    return [(row["detector"], row["score"], *(f"{100 * float(row[name]):.1f}" for name in numbers)) for row in rows]


def text_of(pdf: bytes) -> str:
    """Return the text of a PDF, whose lines end in spaces."""
    pages = (page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
    return " ".join(" ".join(pages).replace("\N{ZERO WIDTH SPACE}", "").split())


def split_interval(rows: list[list[str]]) -> Leaderboard:
    return [(*row[:3], *re.split("–|--", row[3])) for row in rows]


def from_html(folder: Path) -> Leaderboard:
    return split_interval(Elements((folder / "report.html").read_text()).rows["table-leaderboard"][1:])


def from_markdown(folder: Path) -> Leaderboard:
    table = (folder / "report.md").read_text().split("| Detector | Ranked by |")[1].split("\n\n")[0]
    lines = table.splitlines()[2:]
    return split_interval([re.sub(r"[*\\]", "", line).strip("| ").split(" | ") for line in lines])


def from_latex(folder: Path) -> Leaderboard:
    text = (folder / "tables/leaderboard.tex").read_text().replace(r"\_", "_")
    rows = [re.sub(r"\\textbf\{(.*?)\}", r"\1", line.removesuffix(r" \\")) for line in text.splitlines()]
    return split_interval([row.split(" & ") for row in rows if " & " in row][1:])


def from_json(folder: Path) -> Leaderboard:
    report = json.loads((folder / "report.json").read_text())
    table = next(each for section in report["sections"] for each in section["tables"] if each["name"] == "leaderboard")
    return [
        (detector, score, *(f"{value:.1f}" for value in (mean, *interval)))
        for detector, score, mean, interval, *_ in table["values"]
    ]


def from_json_in_full(folder: Path) -> Leaderboard:
    report = json.loads((folder / "report.json").read_text())
    table = next(each for each in report["results"][0]["tables"] if each["file"] == "leaderboard.csv")
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
    numbers = ("auroc_mean", "ci_low", "ci_high")
    found = [row for row in rows if row["is_primary"]]
    found.sort(key=lambda row: -row["auroc_mean"])
    return [(row["detector"], row["score"], *(f"{100 * row[name]:.1f}" for name in numbers)) for row in found]


@pytest.mark.parametrize("form", [from_html, from_markdown, from_latex, from_json, from_json_in_full])
def test_every_form_has_the_numbers_of_leaderboard_csv(
    written: Path, expected: Leaderboard, form: Callable[[Path], Leaderboard]
) -> None:
    assert [row[:5] for row in form(written)] == expected


def test_the_pdf_has_the_numbers_of_leaderboard_csv(written: Path, expected: Leaderboard) -> None:
    text = text_of((written / "report.pdf").read_bytes())
    lines = [f"{detector} {score} {mean} {low}–{high}" for detector, score, mean, low, high in expected]
    places = [text.find(line) for line in lines]
    assert -1 not in places
    assert places == sorted(places)


def test_the_pdf_has_every_cell_of_every_table(written: Path, page: Page) -> None:
    text = text_of((written / "report.pdf").read_bytes()).replace("\N{NO-BREAK SPACE}", " ")
    squeezed = re.sub(r"\s", "", text)
    for table in page.tables:
        for row in table.rows:
            assert all(re.sub(r"\s", "", cell) in squeezed for cell in row), row


def test_a_name_like_code_stands_in_the_pdf_as_text() -> None:
    squeezed = re.sub(r"\s", "", text_of(render_pdf(hostile_page())))
    assert all(squeezed.count(re.sub(r"\s", "", name)) >= 3 for name in HOSTILE)
    assert "root:" not in squeezed


def test_no_pdf_tells_a_time_or_a_place(written: Path) -> None:
    paths = [written / "report.pdf", *(written / "figures").glob("*.pdf")]
    assert len(paths) > 4
    for path in paths:
        metadata = PdfReader(path).metadata
        assert metadata is None or metadata.creation_date is metadata.modification_date is None
        assert not re.search(rb"CreateDate|ModifyDate|CreationDate|/home/|/tmp/", path.read_bytes())


def test_the_pdf_is_a_titled_tagged_document_with_numbered_pages(written: Path, page: Page) -> None:
    reader = PdfReader(written / "report.pdf")
    assert reader.metadata is not None
    assert reader.metadata.title == page.title
    assert reader.root_object["/MarkInfo"]["/Marked"]
    assert [item.title for item in reader.outline if not isinstance(item, list)] == [
        f"{place} {section.title}" for place, section in enumerate(page.sections, start=1)
    ]
    pages = [sheet.extract_text() for sheet in reader.pages]
    assert all(f"{number} / {len(pages)}" in text for number, text in enumerate(pages, start=1))
    assert all(section.title in pages[0] for section in page.sections), "the contents"


@pytest.mark.parametrize(
    "odd", ["中文", "😀", "\ue000", "\ufdd0", "\x85", "a\u00adb", "עברית", "\u200b", "\u0300", "\x7f", ""]
)
def test_the_pdf_is_accessible_whatever_a_class_is_called(odd: str) -> None:
    svg = f'<svg viewBox="0 0 9 9"><text y="9" style="font-family: var(--sans); fill: var(--ink)">{odd}</text></svg>'
    table = Table("t", odd, (Column(odd, "text"), Column(odd)), ((odd, "1"),))
    blocks = (table, Picture("p", f"of {odd}", odd, 100, svg, {}))
    page = Page(odd, f"of {odd}", (odd,), (Section("s", f"on {odd}", (f"`{odd}` {odd}",), blocks),), ())
    assert b"<pdfuaid:part>1</pdfuaid:part>" in render_pdf(page)


def test_the_pdf_brings_its_fonts_and_takes_none_of_the_machine(written: Path) -> None:
    used = set()
    for sheet in PdfReader(written / "report.pdf").pages:
        for font in sheet["/Resources"].get("/Font", {}).values():
            for descendant in font.get_object()["/DescendantFonts"]:
                used.add(str(descendant["/BaseFont"]).partition("+")[2])
                assert {"/FontFile2", "/FontFile3"} & set(descendant["/FontDescriptor"])
    assert used
    assert all(name.startswith(("Libertinus", "DejaVu")) for name in used)


def test_the_pdf_stays_small(written: Path) -> None:
    assert (written / "report.pdf").stat().st_size < 1_000_000


@pytest.mark.parametrize("n_columns", [20, 40])
def test_a_wide_table_is_scaled_or_turned_and_stays_on_its_page(n_columns: int) -> None:
    columns = (Column("Class", "text"), *(Column(f"detector_{place}") for place in range(n_columns)))
    row = ("a class", *["99.9"] * (n_columns - 1), "12.3")
    pdf = render_pdf(Page("k", "t", (), (Section("s", "s", (), (Table("wide", "c", columns, (row,)),)),), ()))
    places: list[float] = []  # from the left, as a share of the page's width
    for sheet in PdfReader(io.BytesIO(pdf)).pages:

        def see(text: str, page: list[float], *_: object, wide: float = float(sheet.mediabox.width)) -> None:
            if "12.3" in text:
                places.append(page[4] / wide)

        sheet.extract_text(visitor_text=see)
    assert len(places) == 1
    assert 0 < places[0] < 0.93


def test_rasters_lie_in_the_pdf_as_jpeg(written: Path) -> None:
    filters = {
        str(image.indirect_reference.get_object().get("/Filter"))
        for sheet in PdfReader(written / "report.pdf").pages
        for image in sheet.images
    }
    assert filters == {"/DCTDecode"}


def without_escapes(text: str) -> str:
    """Return LaTeX without what stands for a single letter, and without comments."""
    lines = (re.sub(r"(?<!\\)%.*", "", line) for line in text.splitlines())
    return re.sub(rf"{TYPESET}|\{{[\[\]*]\}}|-\{{\}}|\\[&%$#_{{}}]", "", "\n".join(lines))


def assert_balanced(text: str) -> None:
    plain = without_escapes(text)
    depth = 0
    for brace in re.findall(r"[{}]", plain):
        depth += 1 if brace == "{" else -1
        assert depth >= 0
    assert depth == 0
    opened: list[str] = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", plain):
        if kind == "begin":
            opened.append(name)
        else:
            assert opened.pop() == name
    assert opened == []


def test_the_latex_document_is_balanced_and_finds_all_its_files(written: Path, page: Page) -> None:
    text = (written / "report.tex").read_text()
    tables, figures = re.findall(r"\\input\{(.*?)\}", text), re.findall(r"\\includegraphics\[.*?\]\{(.*?)\}", text)
    assert tables == [f"tables/{table.name}" for table in page.tables]
    assert len(figures) == len([picture for picture in page.pictures if picture.files])
    assert all((written / f"{name}.tex").is_file() for name in tables)
    assert all((written / name).read_bytes()[:4] in (b"%PDF", b"\x89PNG") for name in figures)
    for name in ("report", *tables):
        assert_balanced((written / f"{name}.tex").read_text())


def test_latex_sets_hostile_names_as_they_are() -> None:
    page = hostile_page()
    texts = [render_latex_document(page), *map(render_latex, page.tables)]
    for text in texts:
        assert_balanced(text)
        assert not re.search(r"\\input\{(?!tables/)|\\image|\n\s*[\[*]", text)
    for name in HOSTILE:
        plain = without_escapes(escape_latex(name))
        assert not re.search(r"[\\&%#$_^~{}<>|\"`]|--", plain), plain


def test_a_picture_without_files_stands_in_the_pdf_and_not_in_latex() -> None:
    svg = '<svg viewBox="0 0 9 9"><text y="9" style="font-family: var(--sans); fill: var(--ink)">drawn</text></svg>'
    picture = Picture("free", "alt", "A caption.", 100, svg, {})
    page = Page("k", "t", (), (Section("s", "s", (), (picture,)),), ())
    assert "drawn" in text_of(render_pdf(page))
    assert "figure" not in render_latex_document(page).partition(r"\begin{document}")[2]


def test_a_number_in_text_is_typeset_as_one() -> None:
    assert escape_latex("−1.2–3 ± 0.1 × 2") == r"$-$1.2--3 $\pm$ 0.1 $\times$ 2"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex: install TeX Live's latex-recommended")
@pytest.mark.parametrize("case", ["whole", "hostile"])
def test_the_latex_document_compiles(written: Path, tmp_path: Path, case: str) -> None:
    folder = written
    if case == "hostile":
        folder = tmp_path
        write_page(folder, hostile_page())
    for _ in range(2):
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "report.tex"]
        command.insert(1, f"-output-directory={tmp_path}")
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:]
    assert "undefined" not in done.stdout
    overfull = [float(points) for points in re.findall(r"Overfull \\hbox \(([\d.]+)pt too wide\)", done.stdout)]
    assert case == "hostile" or not [points for points in overfull if points > 20]


def test_the_json_follows_its_schema_and_names_its_sources(written: Path) -> None:
    text = (written / "report.json").read_text()
    report = TypeAdapter(MachineReport).validate_json(text, strict=True)
    assert [each.folder for each in report.results] == ["."]
    tables = {table.name: table for section in report.sections for table in section.tables}
    assert all((written / str(tables[name].source)).is_file() for name in ("leaderboard", "per_class", "comparisons"))
    files = [name for section in report.sections for figure in section.figures for name in figure.files]
    assert all((written / name).is_file() for name in files)


def test_the_json_holds_the_csv_files_in_full(written: Path) -> None:
    report = json.loads((written / "report.json").read_text())
    for table in report["results"][0]["tables"]:
        with (written / table["file"]).open() as stream:
            columns, *rows = csv.reader(stream)
        assert table["columns"] == columns
        assert len(table["rows"]) == len(rows)
        for row, fields in zip(table["rows"], rows, strict=True):
            for value, text in zip(row, fields, strict=True):
                if isinstance(value, float):
                    assert float(text) == value
                else:
                    assert str("" if value is None else value) == text


def test_a_class_of_digits_stays_a_name_in_the_json(written: Path) -> None:
    report = json.loads((written / "report.json").read_text())
    cells = next(table for table in report["results"][0]["tables"] if table["file"] == "cells.csv")
    assert {type(row[cells["columns"].index("normal_class")]) for row in cells["rows"]} == {str}
    per_class = next(
        each for section in report["sections"] for each in section["tables"] if each["name"] == "per_class"
    )
    assert [row[0] for row in per_class["values"][:2]] == ["0", "1"]


def test_printed_cells_become_numbers_intervals_and_nothing(tmp_path: Path) -> None:
    columns = (Column("Detector", "detector"), *(Column(name) for name in "abcdefg"))
    row = ("42", "1,024", "−0.30", "+1.20 to +3.00", "99.0 (98.1–99.5)", "*95.0", "–", "0 of 4")
    page = Page("k", "t", (), (Section("s", "s", (), (Table("n", "c", columns, (row,)),)),), ())
    values = json.loads(render_json(page, tmp_path, ()))["sections"][0]["tables"][0]["values"]
    assert values == [["42", 1024, -0.3, [1.2, 3.0], [99.0, 98.1, 99.5], 95.0, None, "0 of 4"]]


def test_the_paper_has_the_same_forms_and_the_results_of_every_benchmark(
    make: Callable[..., Inputs], tmp_path: Path
) -> None:
    few = {"detectors": ("alpa", "knn"), "class_names": ("a", "b"), "seeds": (0,)}
    reports = make(**few).report.parent
    make(**few, benchmark="fashion", dataset="fashion_mnist")
    folder, keys = reports / "paper", ["mnist", "fashion"]
    write_page(folder, build_paper(reports, keys), [reports / key for key in keys])
    found = {path.name for path in folder.iterdir()}
    assert found == {"report.html", "report.md", "report.pdf", "report.tex", "report.json", "tables", "figures"}
    report = json.loads((folder / "report.json").read_text())
    assert [each["folder"] for each in report["results"]] == ["../mnist", "../fashion"]
    text = text_of((folder / "report.pdf").read_bytes())
    for row in report["sections"][0]["tables"][0]["values"]:
        assert f"{row[0]} {row[1][0]:.1f} ({row[1][1]:.1f}–{row[1][2]:.1f})" in text
