"""Put one benchmark's leaderboard among those that the paper is made of: runs/paper/<benchmark>.csv."""

from pathlib import Path

from alpa.errors import ScoreError
from alpa.files import write_text
from alpa.params import load_params
from pipeline import stage
from pipeline.alone import alone


@stage
@alone
def main(benchmark: str) -> None:
    """Copy the leaderboard, so that the paper waits for the report of each of its benchmarks."""
    load_params().benchmark(benchmark)
    leaderboard = Path("reports") / benchmark / "leaderboard.csv"
    if not leaderboard.is_file():
        raise ScoreError(f"{leaderboard} does not exist; run `dvc repro pipeline/dvc.yaml:report@{benchmark}`.")
    write_text(Path("runs/paper") / f"{benchmark}.csv", leaderboard.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
