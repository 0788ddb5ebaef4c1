"""Choose a detector's values without the test split: runs/tuned/<benchmark>/<detector>.yaml, and the study's record."""

import time
from pathlib import Path

import yaml

from alpa.files import write_text
from alpa.params import Params, TuningConfig, load_params
from alpa.tracking import WORTH_A_SYNC, sync
from alpa.training.tuned import tuned_path
from alpa.tuning.finished import StudyRecord, choose, record_path, write_record
from pipeline import stage
from pipeline.alone import alone

CACHE = Path(".cache")


@stage
@alone
def main(benchmark: str, detector: str) -> None:
    """Run the study of a detector with a search space; one without keeps the untuned values of params.yaml."""
    started = time.monotonic()
    params = load_params()
    values = params.detector_section(benchmark, detector)
    tuning = params.tuning_for(benchmark)
    record = StudyRecord(f"{benchmark}-{detector}")
    if tuning is not None and tuning.space.get(detector):
        record = study(params, benchmark, detector, tuning)
    if record.trials:
        chosen = choose(record.trials)
        values |= chosen.values
        print(f"{record.name}: trial {chosen.trial} of {len(record.trials)} is best: {chosen.values}")
    write_record(record_path(benchmark, detector), record)
    write_text(tuned_path(benchmark, detector), yaml.safe_dump(values, sort_keys=True))
    if time.monotonic() - started > WORTH_A_SYNC:
        sync(benchmark)


def study(params: Params, benchmark: str, detector: str, tuning: TuningConfig) -> StudyRecord:
    """Go on with the study, or begin it, and return its record."""
    from alpa.training.cells import CellStore
    from alpa.tuning.journal import study_path
    from alpa.tuning.prepare import prepare
    from alpa.tuning.space import describe
    from alpa.tuning.study import run_study

    path = study_path(benchmark, detector, tuning.study)
    plan, trials = prepare(params, benchmark, detector, CellStore(CACHE / "cells"))
    finished = run_study(path, plan, trials.run, tuning.trials_for(detector), tuning.minutes) if plan.space else []
    return StudyRecord(path.stem, describe(plan.space), plan.settings, tuple(finished))


if __name__ == "__main__":
    main()
