"""A benchmark's studies side by side, with what they were worth on test: reports/<benchmark>/tuning/."""

from pathlib import Path

from alpa.data.datasets import title_of
from alpa.evaluation.evidence import gather, read_sweep
from alpa.files import whole_folder
from alpa.params import load_params
from alpa.tuning.finished import read_record, record_path
from pipeline import stage
from pipeline.alone import alone


@stage
@alone
def main(benchmark: str) -> None:
    """Write the tables, and a page that needs no trained model."""
    from alpa.reporting.page import write_page
    from alpa.reporting.studies import read_studies, tuning_page

    params = load_params()
    title = title_of(params.benchmark(benchmark).dataset)
    records = {name: read_record(record_path(benchmark, name)) for name in params.pipeline.detectors}
    sweeps = {name: read_sweep(Path("runs/sweeps", benchmark, f"{name}.csv")) for name in records}
    evidence = gather(records, sweeps)
    with whole_folder(Path("reports") / benchmark / "tuning") as folder:
        for name, table in vars(evidence).items():
            table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
        if studies := read_studies(folder):
            write_page(folder, tuning_page(benchmark, title, studies))


if __name__ == "__main__":
    main()
