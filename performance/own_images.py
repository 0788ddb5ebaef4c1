"""From 100 pictures to scores and heat maps of 100 others, by the command line: `python -m performance.own_images`.

The pictures are made up, 1280 x 960 pixels, as JPEG; each command starts a process of its own, with its defaults.
`load` is how many processes of the machine wanted a core on average in the minute before the command ended.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import joblib
import pandas as pd
from sklearn.metrics import roc_auc_score

from performance.timing import write
from tests.cli.made_up import washer

ROOT = Path(__file__).parent.parent
SETS = {"normal": (100, 0, False), "new": (50, 1000, False), "scratched": (50, 2000, True)}
COMMANDS = (
    ("fit", "normal", "-o", "model"),
    ("score", "model", "new", "scratched", "--csv", "scores.csv", "--heat-maps", "maps"),
    ("explain", "model", "scratched/000.jpg", "-o", "why.png"),
)


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, (n, first, scratched) in SETS.items():
            (folder / name).mkdir()
            for number in range(n):
                picture = washer(first + number, scratched, side=960).resize((1280, 960))
                picture.save(folder / name / f"{number:03}.jpg", quality=92)
        rows = [measured(command, folder) for command in COMMANDS]
        table = pd.read_csv(folder / "scores.csv")
    scratched = table["path"].str.startswith("scratched")
    found = {
        "auroc": round(roc_auc_score(scratched, table["score"]), 3),
        "normal_called": table["is_anomalous"][~scratched].mean(),
        "scratched_called": table["is_anomalous"][scratched].mean(),
    }
    write("own_images", [row | (found if row["command"] == "score" else {}) for row in rows])


def measured(command: tuple[str, ...], folder: Path) -> dict[str, object]:
    """Run a command and return its time by the clock, the time of cores it took, and the load of the machine."""
    before, started = os.times(), time.monotonic()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-m", "alpa", *command], cwd=folder, env=environment, check=True)
    seconds, after = time.monotonic() - started, os.times()
    core = after.children_user + after.children_system - before.children_user - before.children_system
    return {
        "command": command[0],
        "seconds": round(seconds, 1),
        "core_seconds": round(core, 1),
        "cores": joblib.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
    }


if __name__ == "__main__":
    main()
