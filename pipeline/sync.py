"""Send the results that the tracking server lacks, of all benchmarks, and say how many runs that was."""

import sys

from alpa.errors import ConfigError
from alpa.tracking import sync
from pipeline import stage


@stage
def main(insist: str = "") -> None:
    """Send what is left; who insists tries even a server that failed within the last hour, and hears of its failure."""
    if insist not in ("", "insist"):
        raise ConfigError(f"{insist} means nothing here; leave it out, or write insist.")
    outcome = sync(insist=bool(insist))
    if not outcome.sent and not outcome.waiting:
        print("MLflow has all runs.")
    else:
        print(f"MLflow: {outcome.sent} runs sent, {outcome.waiting} left for `make sync`.")
    if insist and outcome.waiting:
        sys.exit(1)


if __name__ == "__main__":
    main()
