"""A program in a file's place, and how a test sees that a reader refused it and did not run it."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alpa.errors import AlpaError


class Evil:
    """Makes the folder `ran` beside the file when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.marker = str(folder / "ran")

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.marker,)


def write(path: Path, content: bytes | str | dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content) if isinstance(content, dict) else content
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def refusal(read: Callable[[], Any], ran: Path) -> str:
    """Read what must be refused without running anything, and return the message."""
    with pytest.raises(AlpaError) as caught:
        read()
    assert not ran.exists()
    message = str(caught.value)
    assert "\n" not in message
    return message
