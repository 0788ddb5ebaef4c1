"""The stages of the workflow: thin commands that read params.yaml, call alpa, and write files."""

import functools
import inspect
import os
import sys
from collections.abc import Callable

from alpa.errors import AlpaError


def stage(main: Callable[..., None]) -> Callable[[], None]:
    """Turn a function of names into a command: one positional argument per parameter, one sentence per error.

    An error that is the user's to mend ends the command with exit code 1; ALPA_TRACEBACK=1 shows where it came from.
    """

    @functools.wraps(main)
    def command() -> None:
        signature = inspect.signature(main)
        arguments = sys.argv[1:]
        try:
            signature.bind(*arguments)
        except TypeError:
            module = main.__module__ if main.__module__ != "__main__" else _module()
            sys.exit(" ".join(["usage: python -m", module, *map(_placeholder, signature.parameters.values())]))
        try:
            main(*arguments)
        except (AlpaError, OSError) as error:
            if os.environ.get("ALPA_TRACEBACK") == "1":
                raise
            sys.exit(f"error: {sentence(error)}")

    return command


def sentence(error: AlpaError | OSError) -> str:
    """Return the error as one sentence; a failed write names its file and what to do."""
    if isinstance(error, AlpaError):
        return str(error)
    where = f" at {error.filename}" if error.filename else ""
    return f"{error.strerror or error}{where}; no file was half-written: mend that and run the command again."


def _placeholder(parameter: inspect.Parameter) -> str:
    return f"<{parameter.name}>" if parameter.default is inspect.Parameter.empty else f"[{parameter.name}]"


def _module() -> str:
    spec = sys.modules["__main__"].__spec__
    return spec.name if spec else sys.argv[0]
