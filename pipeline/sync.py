"""Send the results that the tracking server lacks, of all benchmarks, and say how many runs that was."""

from alpa.tracking import sync
from pipeline import stage


@stage
def main() -> None:
    outcome = sync(insist=True)
    if not outcome.sent and not outcome.waiting:
        print("MLflow has all runs.")
    else:
        print(f"MLflow: {outcome.sent} runs sent, {outcome.waiting} left for `make sync`.")


if __name__ == "__main__":
    main()
