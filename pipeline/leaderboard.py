"""runs/scores/<benchmark>/ to the tables, metrics.json and facts.json in reports/<benchmark>/."""

from pathlib import Path

from alpa.data.protocols import find_protocol, target_classes
from alpa.evaluation.facts import gather_facts, read_split_facts
from alpa.evaluation.leaderboard import build_leaderboard, read_tables, write_leaderboard
from alpa.evaluation.readings import build_readings, write_readings
from alpa.files import write_json
from alpa.params import load_params
from alpa.tuning.finished import read_record, record_path
from pipeline import stage
from pipeline.alone import alone


@stage
@alone
def main(benchmark: str) -> None:
    params = load_params()
    settings = params.benchmark(benchmark)
    split = read_split_facts(Path(), benchmark, "test")
    classes = target_classes(find_protocol(settings.protocol), split["targets"], settings.classes, settings.dataset)
    tables, left_alone = read_tables(Path("runs/scores") / benchmark, params.pipeline.detectors)
    if left_alone:
        print(f"Left alone, as params.yaml does not name them: {', '.join(left_alone)}.")
    folder = Path("reports") / benchmark
    records = {name: read_record(record_path(benchmark, name)) for name in params.pipeline.detectors}
    tuned_on = {name: record.settings["objective"] for name, record in records.items() if record.trials}
    write_leaderboard(folder, build_leaderboard(tables, classes, settings.seeds, params.evaluation, tuned_on))
    smoothing = params.video_for(benchmark).smoothing
    write_readings(folder, build_readings(tables, classes, settings.seeds, smoothing))
    facts = gather_facts(params, benchmark)
    if facts["cells_without_facts"]:
        print(f"{facts['cells_without_facts']} cells have no record of their training; their time is not counted.")
    write_json(folder / "facts.json", facts)
    print(f"Wrote {folder}/leaderboard.csv.")


if __name__ == "__main__":
    main()
