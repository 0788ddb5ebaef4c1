"""Record in runs/plugins/ what the detectors and data sets of other packages consist of that params.yaml names."""

from alpa.params import load_params
from alpa.plugin_code import described, record
from pipeline import stage
from pipeline.alone import alone


@stage
@alone
def main() -> None:
    """Do as `pipeline.preflight` does before each run, so that DVC sees that a package was changed."""
    params = load_params()
    record(described(params.pipeline.detectors, params.pipeline.datasets))


if __name__ == "__main__":
    main()
