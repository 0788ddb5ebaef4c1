"""Which sizes of images networks can halve, known without torch, so that settings are checked before it is imported."""

from alpa.errors import ConfigError

LEAST_HALVINGS = 3
SMALLEST_GRID = 4  # of the last feature map's shorter side, once there are enough halvings


def halvings(height: int, width: int) -> int:
    """Return how often images of this size are halved.

    Raises:
        ConfigError: they cannot be halved so often.
    """
    number = max(LEAST_HALVINGS, (min(height, width) // SMALLEST_GRID).bit_length() - 1)
    if min(height, width) < 8 or height % 2**number or width % 2**number:
        raise ConfigError(
            f"Images of {height} x {width} cannot be halved {number} times; give sides that are multiples of "
            f"{2**number}."
        )
    return number
