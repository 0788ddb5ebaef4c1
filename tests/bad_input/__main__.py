"""Run every case and write how it ended to reports/reliability/bad_input.csv: `python -m tests.bad_input`."""

import contextlib
import io
import sys
import tempfile
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from alpa.files import write_text
from tests.bad_input.bases import ROOT, Bases
from tests.bad_input.running import run_case
from tests.bad_input.themes import THEMES

TABLE = ROOT / "reports/reliability/bad_input.csv"


def main() -> None:
    """Run all cases, and exit with 1 if one of them ended otherwise than it should."""
    rows, wrong = [], []
    cases = [(theme, name, case) for theme, named in THEMES.items() for name, case in named.items()]
    with tempfile.TemporaryDirectory() as folder:
        bases = Bases(Path(folder, "bases"))
        for number, (theme, name, case) in enumerate(tqdm(cases, unit="case")):
            home = Path(folder, str(number))
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                done = run_case(case, bases, home)
            sentence = done.sentence.removeprefix("error: ").replace(str(home), "<folder>")
            way = "command" if case.as_command else "call"
            rows.append((theme, name, case.command, way, done.code, len(done.changed), sentence))
            if done.code != 1 or done.changed or not all(part in done.sentence for part in case.says):
                wrong.append(f"{theme}, {name}: {done}")
    columns = ["theme", "case", "command", "run_as", "exit_code", "files_changed", "sentence"]
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    write_text(TABLE, pd.DataFrame(rows, columns=columns).to_csv(index=False, lineterminator="\n"))
    print(f"{len(rows)} cases, {len(wrong)} of them wrong; see {TABLE.relative_to(ROOT)}.")
    sys.exit("\n".join(wrong) or None)


if __name__ == "__main__":
    main()
