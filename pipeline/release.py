"""reports/<benchmark>/facts.json to release.json, the tracked facts of the released numbers."""

from pathlib import Path

from alpa.evaluation.facts import release
from alpa.params import load_params
from pipeline import stage


@stage
def main(benchmark: str) -> None:
    load_params().benchmark(benchmark)
    folder = Path("reports") / benchmark
    release(folder)
    print(f"Wrote {folder}/release.json; commit it with the tables.")


if __name__ == "__main__":
    main()
