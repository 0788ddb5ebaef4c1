"""All cases by theme."""

from tests.bad_input import (
    clips,
    data,
    environment,
    models,
    names,
    pictures,
    roots,
    scores,
    settings,
    splits,
    values,
)
from tests.bad_input.case import Case

MODULES = (settings, values, names, data, roots, splits, pictures, clips, models, scores, environment)
THEMES: dict[str, dict[str, Case]] = {theme: cases for module in MODULES for theme, cases in module.CASES.items()}
