"""Write runs/tuned/<benchmark>/<detector>.yaml: the values the detector is trained with."""

import yaml

from alpa.config import load_params
from alpa.files import write_text
from alpa.training.tuned import tuned_path
from pipeline import stage


@stage
def main(benchmark: str, detector: str) -> None:
    """Write the untuned values of params.yaml; the detector's own dataclass checks them before it trains."""
    values = load_params().detector_section(benchmark, detector)
    write_text(tuned_path(benchmark, detector), yaml.safe_dump(values, sort_keys=True))


if __name__ == "__main__":
    main()
