"""Read a YAML file that people write: of a key that stands twice YAML would take the last, so it is refused."""

from pathlib import Path
from typing import Any

import yaml

from alpa.errors import ConfigError
from alpa.files import read_text

MERGE = "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):
    """YAML without objects and without doubled keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) and key.tag != MERGE else None
            if name in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {name} stands twice", key.start_mark)
            seen |= {name} - {None}
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """Return what the file holds.

    Raises:
        ConfigError: it is missing, cannot be read, or is not YAML.
    """
    try:
        return yaml.load(read_text(path), _Loader)
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist; run this from the project's folder.") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}); put a file there that can.") from None
    except UnicodeDecodeError as error:
        reason = f"byte {error.start} is not UTF-8"
    except RecursionError:
        reason = "it is nested too deeply"
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        reason = f"{where}{error.problem}"
    except (yaml.YAMLError, ValueError) as error:  # such as a control character, or a month 13
        reason = " ".join(str(error).split())
    raise ConfigError(f"{path} is not valid YAML ({reason}); correct it.")
