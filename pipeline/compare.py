"""Two results side by side on the screen, and as Markdown or CSV in a file: benchmarks, folders, or commits' own."""

from pathlib import Path

from alpa.errors import ConfigError
from alpa.files import write_text
from pipeline import stage


@stage
def main(a: str, b: str, out: str = "") -> None:
    """Print how B differs from A; `out` may name a file that ends in .md or .csv."""
    if out and Path(out).suffix not in (".md", ".csv"):
        raise ConfigError(f"A comparison cannot be written to {out}; name a file that ends in .md or .csv.")

    # These bring pandas and matplotlib, and what is wrong with the arguments is said before.
    from alpa.reporting.compare import as_csv, compare
    from alpa.reporting.comparison import as_text, comparison_page
    from alpa.reporting.page import render_markdown
    from alpa.reporting.sides import read_side

    sides = read_side(a), read_side(b)
    page = comparison_page(*sides)
    print(as_text(page), end="")
    if out:
        write_text(Path(out), render_markdown(page) if Path(out).suffix == ".md" else as_csv(compare(*sides)))
        print(f"Wrote {out}.")


if __name__ == "__main__":
    main()
