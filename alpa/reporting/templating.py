"""What the text forms of a report share: how templates are filled, and what is done to a text before it is escaped."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from alpa.reporting.drawing import CONTROLS


def environment(**settings: Any) -> Environment:
    """Return jinja2's environment of the templates in this package; a name that is missing in one is an error."""
    return Environment(
        loader=PackageLoader("alpa.reporting"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **settings,
    )


def escaping(function: Callable[[str], str]) -> Callable[[Any], Any]:
    """Return a jinja2 finalizer: everything printed is escaped unless a filter marked it as done."""
    return lambda value: value if isinstance(value, Markup) else function(str(value))


def one_line(text: str) -> str:
    """Return text without line breaks, which would end a cell or a paragraph, and without control characters."""
    return CONTROLS.sub("\N{REPLACEMENT CHARACTER}", re.sub(r"\s+", " ", text))


def spans(text: str) -> Iterator[tuple[str, bool]]:
    """Yield a paragraph's parts in order, each with whether it is a name between backticks.

    >>> list(spans("under `combined` alone"))
    [('under ', False), ('combined', True), (' alone', False)]
    """
    for place, part in enumerate(text.split("`")):
        yield part, bool(place % 2)
