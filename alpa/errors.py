"""The errors a user can cause. Each message is one sentence with the offending value and the remedy."""

import os
import re


def redacted(text: str) -> str:
    """Return text whose addresses hold neither a user with a password nor a query, either of which may be secret.

    >>> redacted("No answer from https://me:word@host/file?key=1, so far.")
    'No answer from https://host/file?..., so far.'
    """
    return re.sub(r"(://[^\s?]*\?)[^\s,;'\")]+", r"\1...", re.sub(r"://\S*@", "://", text))


def one_line(text: str) -> str:
    """Return a text as one line of printable characters: names of files and keys may hold any others."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


class AlpaError(Exception):
    """Base of every error that is the input's fault, not the program's; commands print it and exit with 1."""

    def __init__(self, message: str) -> None:
        super().__init__(redacted(message))

    def __str__(self) -> str:
        return one_line(super().__str__())


class ConfigError(AlpaError):
    """A parameter is unknown, of the wrong type, or out of range."""


class DataError(AlpaError):
    """A data set is missing, damaged, or not what its key promises."""


class ModelError(AlpaError):
    """A detector is not fitted, diverged, or was saved by something else."""


class ScoreError(AlpaError):
    """A score table is incomplete, constant, or not finite."""


class StudyError(AlpaError):
    """A study is damaged, was made with another search space, or has no trial to choose."""


def sentence(error: AlpaError | OSError) -> str:
    """Return the error as one sentence; a failed write names its file and what to do."""
    if isinstance(error, AlpaError):
        return str(error)
    where = one_line(f" at {error.filename}" if error.filename else "")
    reason = os.strerror(error.errno) if error.errno else str(error)  # libraries word it in ways of their own
    return f"{reason}{where}; no file was half-written: mend that and run the command again."
