"""How result tables become CSV: with fixed decimals, so that equal results are equal bytes."""

import pandas as pd

DECIMALS = 6


def as_csv(frame: pd.DataFrame) -> str:
    """Return a frame as CSV with fixed decimals; adding zero turns a rounded -0 into 0."""
    rounded = frame.round(DECIMALS)
    floats = rounded.select_dtypes("float").columns
    rounded[floats] = rounded[floats] + 0.0
    return rounded.to_csv(index=False, float_format=f"%.{DECIMALS}f", lineterminator="\n")
