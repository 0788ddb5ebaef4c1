"""All cases by theme."""

from tests.bad_input import clips, data, environment, models, parameters, pictures, scores
from tests.bad_input.case import Case

THEMES: dict[str, dict[str, Case]] = {
    theme: cases
    for module in (parameters, data, pictures, clips, models, scores, environment)
    for theme, cases in module.CASES.items()
}
