"""anomalib, in an environment of its own beside this file."""

import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
ENVIRONMENT = HERE / ".venv"
SCRIPT = HERE / "ganomaly.py"


def python() -> str:
    """Return the path of the peer's Python, whose environment is made on the first call: about 6 GB."""
    executable = ENVIRONMENT / "bin" / "python"
    if not executable.exists():
        print("Installing anomalib into performance/peer/.venv ...", flush=True)
        venv.create(ENVIRONMENT, with_pip=True)
        requirements = HERE / "requirements.txt"
        installed = subprocess.run([executable, "-m", "pip", "install", "-q", "-r", requirements], check=False)
        if installed.returncode:
            sys.exit("anomalib could not be installed; the lines above say why. Or run with --no-peer.")
    return str(executable)
