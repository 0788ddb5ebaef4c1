"""Report on a benchmark: its result tables, scores and models to its report in all forms."""

from pathlib import Path

from alpa.params import load_params
from alpa.tracking import sync
from pipeline import stage
from pipeline.alone import alone


@stage
@alone
def main(benchmark: str) -> None:
    """Write reports/<benchmark>/report.{html,md,pdf,tex,json}, tables/ and figures/."""
    video = load_params().video_for(benchmark)

    # These bring torch, which takes seconds, and what is wrong with the settings is said before.
    from alpa.reporting.benchmark import Inputs, build_page
    from alpa.reporting.page import write_page

    report = Path("reports") / benchmark
    runs = Path("runs")
    inputs = Inputs(
        report=report,
        scores=runs / "scores" / benchmark,
        models=runs / "models" / benchmark,
        tuning=report / "tuning",
        test=Path("data") / "splits" / benchmark / "test",
        video=video,
    )
    write_page(report, build_page(inputs))
    print(f"Wrote {report / 'report.html'}.")
    sync(benchmark)


if __name__ == "__main__":
    main()
