"""Ask for more trials in params.yaml, whose comments and layout stay: python -m pipeline.grow digits 50 alpa."""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from alpa.errors import ConfigError
from alpa.files import write_text
from alpa.params import load_params
from pipeline import stage

PARAMS = Path("params.yaml")


@stage
def main(benchmark: str, trials: str, *detectors: str) -> None:
    """Set how many trials the studies of a benchmark's detectors get in total: of these, or of all if none is named."""
    params = load_params()
    tuning = params.tuning_for(benchmark)
    if tuning is None:
        raise ConfigError(f"Tuning of {benchmark} is off; give it a section in params.yaml.")
    known = [name for name in params.pipeline.detectors if tuning.space.get(name)]
    for name in detectors:
        if name not in known:
            raise ConfigError(f"{name} has no study on {benchmark}; choose {', '.join(known)}.")
    if not re.fullmatch("0*[1-9][0-9]{0,8}", trials):
        raise ConfigError(f"{trials} is no number of trials; name a whole number from 1.")
    wanted = {name: int(trials) for name in detectors or known if tuning.trials_for(name) != int(trials)}
    if wanted:
        write_text(PARAMS, with_trials(PARAMS.read_text(encoding="utf-8"), benchmark, wanted))
        print(f"params.yaml: benchmarks.{benchmark}.tuning.trials_of now asks for {trials} of {', '.join(wanted)}.")


def with_trials(text: str, benchmark: str, wanted: dict[str, int]) -> str:
    """Return the text of params.yaml with these numbers of trials.

    A benchmark that took its tuning from this one with `<<` gets a section of its own, which holds what it took.

    Raises:
        ConfigError: the section is written in a way that cannot be changed without changing more.
    """
    expected = yaml.safe_load(text)
    before = {key: section.get("tuning", {}) for key, section in expected["benchmarks"].items()}
    own = before[benchmark]
    before[benchmark] = own | {"trials_of": own.get("trials_of", {}) | wanted}
    for key, tuning in before.items():
        if key == benchmark or "tuning" in expected["benchmarks"][key]:
            expected["benchmarks"][key]["tuning"] = tuning
    try:
        grown = text
        for detector, number in wanted.items():
            grown = with_value(grown, ("benchmarks", benchmark, "tuning", "trials_of", detector), number)
        for key, tuning in before.items():
            if yaml.safe_load(grown)["benchmarks"][key].get("tuning", {}) != tuning:
                grown = with_value(grown, ("benchmarks", key, "tuning"), tuning)
                expected["benchmarks"][key]["tuning"] = tuning
        is_right = yaml.safe_load(grown) == expected
    except yaml.YAMLError:
        is_right = False
    if not is_right:
        place = f"benchmarks.{benchmark}.tuning.trials_of"
        raise ConfigError(f"{place} is written in a way that is not understood here; set it in params.yaml yourself.")
    return grown


def with_value(text: str, path: Sequence[str], value: Any) -> str:
    """Return a YAML text with the value at a path of keys, written where the text itself has the longest part of it.

    What is merged or an alias belongs to others: it is copied.
    """
    effective, node = yaml.safe_load(text), yaml.compose(text)
    for depth, key in enumerate(path, start=1):
        effective = effective.get(key) if isinstance(effective, dict) else None
        pair = next((pair for pair in node.value if pair[0].value == key), None)
        if pair is None:
            return _inserted(text, node, f"{key}: {_flow(_nested(effective, path[depth:], value))}")
        name, child = pair
        is_alias = child.start_mark.index < name.start_mark.index
        if is_alias or depth == len(path) or not isinstance(child, yaml.MappingNode):
            break
        node = child
    start, end = child.start_mark.index, child.end_mark.index
    if is_alias:
        alias = re.compile(r"\*[^\s,{}\[\]]+").search(text, name.end_mark.index)
        assert alias is not None, "an alias begins with *"
        start, end = alias.span()
    return text[:start] + _flow(_nested(effective, path[depth:], value)) + text[end:]


def _nested(section: Any, path: Sequence[str], value: Any) -> Any:
    """Return a section with the value at a path within it, or the value where the path is empty."""
    if not path:
        return value
    section = section if isinstance(section, dict) else {}
    return section | {path[0]: _nested(section.get(path[0]), path[1:], value)}


def _inserted(text: str, mapping: yaml.MappingNode, entry: str) -> str:
    """Return the text with one more entry at the end of a mapping."""
    if mapping.flow_style:
        end = mapping.end_mark.index - 1
        content = text[:end].rstrip()
        return f"{content}{', ' if mapping.value else ''}{entry}{text[end:]}"
    end = text.find("\n", _end(mapping, 0))
    end = len(text) if end < 0 else end
    return f"{text[:end]}\n{' ' * mapping.value[0][0].start_mark.column}{entry}{text[end:]}"


def _end(node: yaml.Node, start: int) -> int:
    """Return where a node ends that is written after `start`; PyYAML counts comments behind a block to it."""
    if node.start_mark.index < start:  # an alias, whose node is elsewhere
        return start
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        last = node.value[-1]
        return _end(last[1], last[0].end_mark.index) if isinstance(last, tuple) else _end(last, start)
    return node.end_mark.index


def _flow(value: Any) -> str:
    """Return a value as one line of YAML."""
    line = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=math.inf)
    return line.removesuffix("...\n").strip()


if __name__ == "__main__":
    main()
