"""The paper's tables: the result tables of its benchmarks to reports/paper/report.html, .md, tables and figures."""

from pathlib import Path

from alpa.params import load_params
from pipeline import stage
from pipeline.alone import alone


@stage
@alone
def main() -> None:
    """Write reports/paper/ from the benchmarks in pipeline.paper that have results."""
    from alpa.reporting.page import write_page
    from alpa.reporting.paper import build_paper

    reports = Path("reports")
    write_page(reports / "paper", build_paper(reports, load_params().pipeline.paper))
    print(f"Wrote {reports / 'paper' / 'report.html'}.")


if __name__ == "__main__":
    main()
