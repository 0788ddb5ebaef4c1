"""Every fault over every stage of a generated benchmark: python -m tests.faults --stages train,tune --kills 2."""

import argparse
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.faults import warm
from tests.faults.benchmark import DISTURBED
from tests.faults.series import FAULTS, KILLS, SHORT, Series, run_all
from tests.faults.table import COLUMNS, as_table, write_tables
from tests.faults.undisturbed import Undisturbed

OUTPUT = Path("reports/reliability")


def main() -> int:
    """Run the suite, print tried / survived / identical per fault, and return 0 if all are equal."""
    options = _options()
    started = time.monotonic()
    warm.warm_up()
    with contextlib.ExitStack() as stack:
        name = options.keep or stack.enter_context(tempfile.TemporaryDirectory(prefix="faults-"))
        undisturbed = Undisturbed(Path(name).absolute())
        undisturbed.run()
        seconds = sum(undisturbed.seconds.values())
        print(f"The undisturbed run takes {seconds:.1f} seconds, stage by stage.", flush=True)
        outcomes = []
        for series, found, took in run_all(undisturbed, _series(options), options.seed, options.jobs):
            outcomes += found
            wrong = [outcome for outcome in found if outcome.wrong or not outcome.survived]
            print(
                f"{series.fault}, {series.stage.name}: {len(found)} tried, {len(wrong)} wrong, {took:.0f} s", flush=True
            )
            for outcome in wrong:
                print(f"--- attempt {outcome.number}: {outcome.wrong[:8]}\n{outcome.log[-options.log :]}", flush=True)
            if options.output and not options.short:  # after each, since all take most of an hour
                write_tables(Path(options.output), as_table(options.faults, outcomes), list(FAULTS))
    table = as_table(options.faults, outcomes)
    print("\n" + table.groupby("fault", sort=False)[list(COLUMNS[2:])].sum().to_string())
    print(f"{(time.monotonic() - started) / 60:.1f} minutes")
    return int(bool((table["tried"] != table["identical"]).any()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=main.__doc__)
    stages = [stage.name for stage in DISTURBED]
    parser.add_argument("--stages", type=_names(stages), default=stages, help=f"some of {','.join(stages)}")
    parser.add_argument("--faults", type=_names(list(FAULTS)), default=list(FAULTS), help="parts of names, by comma")
    parser.add_argument("--kills", type=int, default=FAULTS[KILLS][1], help="random moments per stage")
    parser.add_argument("--most", type=int, help="attempts of every other fault per stage, if fewer than it has")
    parser.add_argument("--short", action="store_true", help="each fault once, in one stage, and no tables")
    parser.add_argument("--keep", help="a new folder, which keeps the undisturbed run and the runs that went wrong")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="runs side by side")
    parser.add_argument("--log", type=int, default=3000, help="characters to show of a run that went wrong")
    parser.add_argument("--output", default=str(OUTPUT), help="folder of the tables; '' writes none")
    return parser.parse_args()


def _names(known: list[str]) -> Callable[[str], list[str]]:
    """Return what reads a list of names, of which a part is enough."""

    def read(text: str) -> list[str]:
        parts = text.lower().split(",")
        unknown = [part for part in parts if not any(part in name.lower() for name in known)]
        if unknown:
            raise argparse.ArgumentTypeError(f"{unknown[0]} is none of {', '.join(known)}")
        return [name for name in known if any(part in name.lower() for part in parts)]

    return read


def _series(options: argparse.Namespace) -> list[Series]:
    """Return what is to be run; the longest series come first."""
    if options.short:
        stages = {stage.name: stage for stage in DISTURBED}
        return [Series(fault, stages[name], attempts=1, first=number) for fault, (name, number) in SHORT.items()]
    return [
        Series(
            fault, stage, options.kills if fault == KILLS else min(options.most or FAULTS[fault][1], FAULTS[fault][1])
        )
        for fault in options.faults
        for stage in DISTURBED
        if stage.name in options.stages
    ]


if __name__ == "__main__":
    sys.exit(main())
