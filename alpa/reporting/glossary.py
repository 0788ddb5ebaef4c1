"""What each score measures, in one sentence, for the readers of its tables."""

from collections.abc import Sequence

from alpa.reporting.document import Column, Table

# x an image, E and D the encoder and the decoder, z = E(x).
DEFINITIONS = {
    "reconstruction": "Mean squared difference between the image x and its reconstruction D(z), z = E(x), in [0, 1].",
    "latent": "Squared distance between z and E(D(z)): how far encoding the reconstruction moves the latent.",
    "feature": "Mean squared difference between the encoder's feature maps of x and of D(z).",
    "combined": "The sum of latent and feature, each first standardised by its mean and deviation on held-out "
    "validation normals.",
    "perturbed": "As reconstruction, with the distorter's perturbation added to z.",
    "relative": "Mean absolute difference between a frame and its prediction in a window, divided by the window's root "
    "mean square gradient plus that of training: where there is more contrast, the same motion makes a larger error.",
    "encoder_gap": "Mean squared difference between the latents of GANomaly's first encoder, of x, and of its second, "
    "of the reconstruction.",
    "distance": "Mean distance, in pixels, to the nearest training images.",
    "outside": "Logarithm of the one-class support vector machine's limit over the image's weighted sum of "
    "similarities to its support vectors.",
    "isolation": "2 to the power of minus the mean depth at which random cuts isolate an image, in usual depths.",
    "factor": "Mean density around the nearest training images, relative to that around the image, in pixels.",
    "centre_distance": "Squared distance of Deep SVDD's encoding to its centre, less its squared radius, if any.",
    "improbability": "Negative log-probability of x under the distribution that the variational autoencoder decodes, a "
    "pixel's mean.",
    "masked": "As reconstruction, of the image whose places OLED's mask hides.",
    "context": "Mean absolute difference between x and that reconstruction, of the hidden places alone.",
}


def glossary(scores: Sequence[str], of_clips: bool) -> Table:
    """Return a row per score; one that is not known here is its detector's own."""
    rows = tuple((score, DEFINITIONS.get(score, "Defined by its detector.")) for score in scores)
    caption = "The scores. Higher means more anomalous; each is computed for one image alone."
    if of_clips:
        caption = (
            "The scores. Higher means more anomalous; each is computed for one window of a few frames alone, the image "
            "x. Where frames are predicted, x is the last of them and D(z) what is made of those before it."
        )
    return Table("scores", caption, (Column("Score", "text"), Column("What it measures", "text")), rows)
