"""The long run: `python -m tests.fuzz --minutes 10` reads damaged files of every kind for that time in all.

It prints what became of them and writes reports/reliability/fuzz.csv. Each reader has a process of its own, so that one
that crashes or takes all memory is a result too.
"""

import argparse
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import pandas as pd
from tqdm import tqdm

from alpa.files import write_text
from tests.bad_input.bases import ROOT
from tests.fuzz import seeds
from tests.fuzz.campaign import Tally, bounded_memory, fuzz
from tests.fuzz.readers import READERS

TABLE = ROOT / "reports/reliability/fuzz.csv"


def run(name: str, seconds: float, seed: int) -> Tally:
    """Fuzz one reader for so many seconds."""
    READERS[name].files()  # which may take a while to make
    with bounded_memory():
        return fuzz(READERS[name], lambda tally: tally.seconds < seconds, seed)


def in_a_process(name: str, seconds: float, seed: int) -> Tally:
    """Fuzz one reader in a process of its own; its crash is one more thing that should not be."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        try:
            return pool.submit(run, name, seconds, seed).result()
        except BrokenProcessPool:
            crashed = Tally()
            crashed.others["the process crashed"] += 1
            return crashed


def main() -> None:
    """Fuzz all readers one after the other, and exit with 1 if anything happened that should not."""
    parser = argparse.ArgumentParser(description="Read damaged files of every kind.")
    parser.add_argument("--minutes", type=float, default=10.0, help="in all, shared evenly")
    parser.add_argument("--seed", type=int, default=0, help="equal seeds give equal files")
    parser.add_argument("readers", nargs="*", help=f"some of: {', '.join(READERS)}")
    options = parser.parse_args()
    names = options.readers or list(READERS)
    rows, wrong = [], []
    seeds.finished()  # before the processes, which all use it
    for name in tqdm(names, unit="reader"):
        tally = in_a_process(name, 60 * options.minutes / len(names), options.seed)
        others = sum(tally.others.values())
        rows.append((name, tally.executions, tally.accepted, tally.refused, others, tally.seconds, tally.slowest))
        wrong += [f"{name}: {count} x {line}" for line, count in tally.others.most_common()]
    columns = ["reader", "executions", "accepted", "refused", "other_exceptions", "seconds", "slowest_seconds"]
    table = pd.DataFrame(rows, columns=columns).round(2)
    print(table.to_string(index=False))
    if not options.readers:
        TABLE.parent.mkdir(parents=True, exist_ok=True)
        write_text(TABLE, table.to_csv(index=False, lineterminator="\n"))
    sys.exit("\n".join(wrong) or None)


if __name__ == "__main__":
    main()
