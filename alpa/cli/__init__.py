"""The command `alpa`: detectors for a folder of images, and a look at a checkout's benchmarks.

Exit codes: 0, also where images are anomalous; 1 for bad input, in one sentence; 2 for a wrong command line.
"""

import io
import os
import sys
from collections.abc import Sequence

from alpa.errors import AlpaError, sentence

TRACEBACK = "--traceback"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    --traceback, anywhere, or ALPA_TRACEBACK=1 shows where an error came from, instead of its sentence alone.
    """
    from alpa.cli.app import app

    given = list(sys.argv[1:] if arguments is None else arguments)
    shows = TRACEBACK in given or os.environ.get("ALPA_TRACEBACK") == "1"
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may lack a letter of a file's name
    try:
        app(args=[argument for argument in given if argument != TRACEBACK], prog_name="alpa")
    except (AlpaError, OSError) as error:
        if shows:
            raise
        print(f"error: {sentence(error)}", file=sys.stderr)
        sys.exit(1)
