"""A comparison of two results as a page, and a page for a terminal."""

import math
from collections.abc import Iterator, Sequence

from alpa.reporting.compare import Compared, changed_settings, compare, only
from alpa.reporting.document import Column, Page, Section, Table, present
from alpa.reporting.sides import Cell, Row, Side
from alpa.reporting.tables import NONE, RANKED_MARK
from alpa.reporting.templating import one_line
from alpa.reporting.wording import interval, name, percent, points, points_interval

MOST_NAMED = 4  # cells
UNPAIRED = "A difference is that of the means, and has no interval."


def comparison_page(a: Side, b: Side) -> Page:
    """Lay the comparison out.

    Raises:
        ScoreError: a table is damaged.
    """
    found = compare(a, b)
    sections = [
        Section("results", "Results", tuple(_explained(a, b, found)), (_table(found),)),
        _cells(a, b),
        _settings(a, b),
    ]
    detectors = tuple(dict.fromkeys(each.detector for each in found))
    summary = (f"A is {name(a.name)}, B is {name(b.name)}.",)
    return Page("Comparison", f"{a.name} and {b.name}", summary, tuple(s for s in sections if s), detectors)


def _explained(a: Side, b: Side, found: Sequence[Compared]) -> Iterator[str]:
    paired = [each.paired for each in found if each.paired]
    if a.benchmark != b.benchmark:
        titles = [" under ".join(side.benchmark) for side in (a, b)]
        yield f"A is {titles[0]} and B is {titles[1]}: no cell of one belongs to a cell of the other. {UNPAIRED}"
    elif not paired:
        yield f"No cell (class and seed) is on both sides. {UNPAIRED}"
    else:
        unit = {"class": "classes", "seed": "seeds"}[paired[0].unit]
        yield (
            f"Difference: B minus A in points of AUROC, over the cells (class and seed) that both have. Its 95 % "
            f"interval is Student's over {unit}, p is Wilcoxon's signed-rank test over the same, and p (Holm) "
            f"corrects it for the {len(paired)} rows. They take the {unit} for a sample; what other test images or "
            f"another training would change they do not cover. With fewer than six {unit} that differ, no p is below "
            "0.05."
        )
        if any(key == "data.test" for key, *_ in changed_settings(a, b)):
            yield "The two were tested on different splits, so equal cells need not be of the same images."


def _table(found: Sequence[Compared]) -> Table:
    titles = ("A", "95 % interval", "B", "95 % interval", "Difference", "95 % interval", "p", "p (Holm)", "Cells")
    columns = [Column("Detector", "detector"), Column("Score", "text"), *map(Column, titles), Column("Reading", "text")]
    rows = tuple(
        (
            each.detector,
            (RANKED_MARK if each.is_primary else "") + each.score,
            *_mean(each.a),
            *_mean(each.b),
            *_difference(each),
        )
        for each in found
    )
    caption = (
        f"Mean AUROC (%) of A and B over all cells of each. {RANKED_MARK} marks the score that ranks the detector."
    )
    return Table("compared", caption, tuple(columns), rows)


def _mean(row: Row | None) -> tuple[str, str]:
    return (percent(row["auroc_mean"]), interval(row["ci_low"], row["ci_high"])) if row else (NONE, NONE)


def _difference(compared: Compared) -> tuple[str, ...]:
    paired = compared.paired
    if paired is None:
        reading = "only in B" if compared.a is None else "only in A" if compared.b is None else "not paired"
        shown = NONE if math.isnan(compared.difference) else points(compared.difference)
        return shown, NONE, NONE, NONE, "0", reading
    difference, cells = paired.difference, str(paired.n_cells)
    if paired.n < 2:
        return points(difference.mean), NONE, NONE, NONE, cells, "one pair"
    same = difference.mean == difference.low == 0
    reading = {1: "B is better", -1: "B is worse", 0: "equal" if same else "no difference shown"}[difference.sign]
    p_values = (NONE if math.isnan(p) else f"{p:.3f}" for p in (paired.p_value, compared.p_holm))
    return points(difference.mean), points_interval(difference), *p_values, cells, reading


def _cells(a: Side, b: Side) -> Section | None:
    """The cells that one side alone has, None if there are none."""
    rows: list[tuple[str, ...]] = []
    for label, cells in (("A", only(a, b)), ("B", only(b, a))):
        by_key: dict[tuple[str, str], list[Cell]] = {}
        for cell in cells:
            by_key.setdefault(cell[:2], []).append(cell)
        rows += [(label, *key, str(len(group)), _named(group)) for key, group in by_key.items()]
    columns = (Column("Only in", "text"), Column("Detector", "detector"), Column("Score", "text"), Column("Cells"))
    table = Table("only", "Cells that one side alone has.", (*columns, Column("Which", "text")), tuple(rows))
    return Section("cells", "Cells in one only", (), (table,)) if rows else None


def _named(cells: Sequence[Cell]) -> str:
    shown = [f"class {target}, seed {seed}" for _, _, target, seed in cells[:MOST_NAMED]]
    more = len(cells) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more else "")


def _settings(a: Side, b: Side) -> Section:
    unknown = [label for label, side in (("A", a), ("B", b)) if not side.facts]
    if unknown:
        lacking = f"No record of the run belongs to the cells of {' and of '.join(unknown)}."
        return Section("settings", "Settings", (lacking,))
    rows = tuple(changed_settings(a, b))
    columns = (Column("Setting", "text"), Column("A", "text"), Column("B", "text"))
    table = Table("settings", "What the records of the two runs say differently.", columns, rows) if rows else None
    text = () if rows else ("The records of the two runs differ in nothing but their times.",)
    return Section("settings", "Settings that differ", text, present(table))


def as_text(page: Page) -> str:
    """Return a page for a terminal: its tables in columns of spaces, without figures."""
    parts = [one_line(part).replace("`", "") for part in (page.title, *page.summary)]
    for section in page.sections:
        parts += [one_line(part).replace("`", "") for part in (section.title.upper(), *section.paragraphs)]
        for table in (block for block in section.blocks if isinstance(block, Table)):
            parts += ["\n".join(_lines(table)), one_line(table.caption)]
    return "\n\n".join(parts) + "\n"


def _lines(table: Table) -> Iterator[str]:
    head = tuple(column.title for column in table.columns)
    for row in (head, *table.rows):
        cells = (
            one_line(cell).rjust(length) if column.kind == "number" else one_line(cell).ljust(length)
            for cell, column, length in zip(row, table.columns, table.lengths, strict=True)
        )
        yield "  ".join(cells).rstrip()
