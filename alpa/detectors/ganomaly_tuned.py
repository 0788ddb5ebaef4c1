"""GANomaly with settings that a study has chosen, beside `ganomaly`, which keeps the published ones."""

from alpa.detectors.ganomaly import GANomaly


class TunedGANomaly(GANomaly):
    """The same networks and training; only its section in params.yaml may be searched."""

    key = "ganomaly_tuned"
