"""The stages of the workflow: thin commands that read params.yaml, call alpa, and write files."""

import functools
import inspect
import io
import os
import sys
from collections.abc import Callable

from alpa.errors import AlpaError, sentence

TRACEBACK = "--traceback"


def stage(main: Callable[..., None]) -> Callable[[], None]:
    """Turn a function of names into a command: one positional argument per parameter, one sentence per error.

    An error that is the user's to mend ends the command with exit code 1; --traceback, or ALPA_TRACEBACK=1 where a
    command is called by another, shows where it came from.
    """

    @functools.wraps(main)
    def command() -> None:
        _write_any_name()
        signature = inspect.signature(main)
        arguments = [argument for argument in sys.argv[1:] if argument != TRACEBACK]
        try:
            signature.bind(*arguments)
        except TypeError:
            module = main.__module__ if main.__module__ != "__main__" else _module()
            sys.exit(" ".join(["usage: python -m", module, *map(_placeholder, signature.parameters.values())]))
        try:
            main(*arguments)
        except (AlpaError, OSError) as error:
            if TRACEBACK in sys.argv or os.environ.get("ALPA_TRACEBACK") == "1":
                raise
            sys.exit(f"error: {sentence(error)}")

    return command


def _write_any_name() -> None:
    """Let a terminal that lacks a letter of a name show it escaped: no reason to stop after hours of work."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _placeholder(parameter: inspect.Parameter) -> str:
    return f"<{parameter.name}>" if parameter.default is inspect.Parameter.empty else f"[{parameter.name}]"


def _module() -> str:
    spec = sys.modules["__main__"].__spec__
    return spec.name if spec else sys.argv[0]
