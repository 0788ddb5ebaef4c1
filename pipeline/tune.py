"""Write runs/tuned/<benchmark>/<detector>.yaml: the values the detector is trained with."""

import yaml

from alpa.config import fill, load_params
from alpa.detectors import detector_class
from alpa.files import write_text
from alpa.training.grid import tuned_path
from pipeline import stage


@stage
def main(benchmark: str, detector: str) -> None:
    """Write the untuned values of params.yaml, checked by the detector's own dataclass."""
    values = load_params().detector_section(benchmark, detector)
    fill(detector_class(detector).config_class, values, f"detectors.{detector}")
    write_text(tuned_path(benchmark, detector), yaml.safe_dump(values, sort_keys=True))


if __name__ == "__main__":
    main()
