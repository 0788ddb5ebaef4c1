"""After tuning, for the report alone: a study's trials and a row of strengths on the test split, to runs/sweeps/."""

from pathlib import Path

from alpa.files import write_text
from alpa.params import Params, TuningConfig, load_params
from alpa.tuning.finished import StudyRecord, read_record, record_path
from pipeline import stage
from pipeline.alone import alone

CACHE = Path(".cache")
HEADER = "kind,place,strength,target_class,measure,auroc\n"


@stage
@alone
def main(benchmark: str, detector: str) -> None:
    """Measure the trials of a detector's study; one without trials has nothing to measure."""
    params = load_params()
    params.detector_section(benchmark, detector)
    tuning, record = params.tuning_for(benchmark), read_record(record_path(benchmark, detector))
    text = HEADER if tuning is None or not record.trials else measure(params, benchmark, detector, tuning, record)
    write_text(Path("runs/sweeps") / benchmark / f"{detector}.csv", text)


def measure(params: Params, benchmark: str, detector: str, tuning: TuningConfig, record: StudyRecord) -> str:
    """Return what every trial and every point of the curve over strength is worth, as CSV."""
    from alpa.data.splits import load_split
    from alpa.evaluation.sweep import of_curve, of_trials, sweep, under_test
    from alpa.training.cells import CellStore
    from alpa.training.grid import SPLITS
    from alpa.tuning.prepare import prepare

    plan, trials = prepare(params, benchmark, detector, CellStore(CACHE / "cells"), everything=True)
    split, seed = load_split(SPLITS / benchmark / "test"), params.benchmark(benchmark).split_seed
    video = params.video_for(benchmark)
    tests = [under_test(split, name, seed, video) for name in trials.classes]
    settings = of_trials(record.trials) + of_curve(plan.space, plan.untuned, tuning.strengths)
    table = sweep(settings, trials, tests, f"sweep {detector} on {benchmark}")
    return str(table.to_csv(index=False, lineterminator="\n"))


if __name__ == "__main__":
    main()
