"""Show a copy of all studies in optuna-dashboard, on 127.0.0.1."""

import re
import tempfile
from pathlib import Path

from alpa.errors import ConfigError, StudyError
from pipeline import stage


@stage
def main(port: str = "8080") -> None:
    """Serve until interrupted. A copy, since the dashboard obeys any page that the browser has open: it checks neither
    Host nor Origin, so that a foreign page may rename or delete studies.
    """
    if not re.fullmatch("[1-9][0-9]{0,4}", port) or int(port) >= 2**16:
        raise ConfigError(f"{port} is no port; name a whole number from 1 to 65535.")
    try:
        from optuna_dashboard import run_server
    except ImportError:
        raise StudyError("optuna-dashboard is missing; run `make dashboard`, which installs it.") from None
    from alpa.tuning.study import FOLDER, copy_studies

    with tempfile.TemporaryDirectory() as folder:
        storage, number = copy_studies(FOLDER, Path(folder) / "studies.journal")
        print(f"A copy of {number} studies: http://127.0.0.1:{port} (Ctrl-C ends it)", flush=True)
        run_server(storage, host="127.0.0.1", port=int(port))


if __name__ == "__main__":
    main()
