"""DVC, once the run before has ended: python -m pipeline.in_turn dvc --wait-for-lock repro.

Two runs of DVC side by side take turns at its own lock between stages, and fail at a stage that both want. What a
killed run has left of DVC's files is mended first, which nobody may do while another run is at work.
"""

import runpy
import sys
from pathlib import Path

from filelock import FileLock, Timeout

from pipeline import stage
from pipeline.mend import mend_lock_files
from pipeline.unlock import drop_stale_locks

LOCK = Path(".cache/locks/run.lock")


@stage
def main(module: str, *arguments: str) -> None:
    """Run a module with its arguments in this process, as `python -m` does."""
    lock = FileLock(LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print("Another run is at work here; this one goes on when it has ended.", flush=True)
        lock.acquire()
    drop_stale_locks()
    mend_lock_files()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
