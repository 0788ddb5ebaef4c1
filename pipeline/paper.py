"""The paper's tables: the result tables of its benchmarks to reports/paper/, in all forms."""

from pathlib import Path

from alpa.params import load_params
from pipeline import stage
from pipeline.alone import alone


@stage
@alone
def main() -> None:
    """Write reports/paper/ from the benchmarks in pipeline.paper that have results."""
    from alpa.reporting.page import write_page
    from alpa.reporting.paper import build_paper, with_results

    reports, benchmarks = Path("reports"), load_params().pipeline.paper
    results = [reports / key for key in with_results(reports, benchmarks)]
    write_page(reports / "paper", build_paper(reports, benchmarks), results)
    print(f"Wrote {reports / 'paper' / 'report.html'}.")


if __name__ == "__main__":
    main()
