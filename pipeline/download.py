"""Put the published files of a data set, checked, into data/raw/<dataset>/."""

from alpa.data.download import fetch
from alpa.data.sources import RAW_FOLDER
from alpa.params import load_params
from pipeline import stage
from pipeline.alone import alone


@stage
@alone
def main(dataset: str) -> None:
    """Fetch `dataset` from scikit-learn, from the local root, or from the internet."""
    fetch(dataset, RAW_FOLDER / dataset, load_params().data)


if __name__ == "__main__":
    main()
