"""Ask for more trials in params.yaml, whose comments and layout stay: python -m pipeline.grow digits 50 alpa."""

import io
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from alpa.errors import ConfigError
from alpa.files import write_text
from alpa.params import load_params
from pipeline import stage

PARAMS = Path("params.yaml")
WIDTH = 120


@stage
def main(benchmark: str, trials: str, *detectors: str) -> None:
    """Set how many trials the studies of a benchmark's detectors get in total: of these, or of all if none is named."""
    params = load_params()
    tuning = params.tuning_for(benchmark)
    if tuning is None:
        raise ConfigError(f"Tuning of {benchmark} is off; give it a section in params.yaml.")
    known = [name for name in params.pipeline.detectors if tuning.space.get(name)]
    for name in detectors:
        if name not in known:
            raise ConfigError(f"{name} has no study on {benchmark}; choose {', '.join(known)}.")
    if not trials.isdecimal() or not int(trials):
        raise ConfigError(f"{trials} is no number of trials; name a whole number from 1.")
    wanted = {name: int(trials) for name in detectors or known if tuning.trials_for(name) != int(trials)}
    if wanted:
        write_text(PARAMS, with_trials(PARAMS.read_text(encoding="utf-8"), benchmark, wanted))
        print(f"params.yaml: benchmarks.{benchmark}.tuning.trials_of now asks for {trials} of {', '.join(wanted)}.")


def with_trials(text: str, benchmark: str, wanted: dict[str, int]) -> str:
    """Return the text of params.yaml with these numbers of trials."""
    yaml = YAML()
    yaml.width = WIDTH
    yaml.preserve_quotes = True
    yaml.representer.add_representer(type(None), _null)
    values = yaml.load(text)
    section: Any = values["benchmarks"][benchmark].setdefault("tuning", {})
    section.setdefault("trials_of", {}).update(wanted)
    buffer = io.StringIO()
    yaml.dump(values, buffer)
    return buffer.getvalue()


def _null(representer: Any, value: None) -> Any:
    return representer.represent_scalar("tag:yaml.org,2002:null", "null")


if __name__ == "__main__":
    main()
