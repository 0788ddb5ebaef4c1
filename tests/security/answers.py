"""What a server says to a download."""

import hashlib
from collections.abc import Callable
from email.message import Message

CONTENT = bytes(range(256)) * 40
CHECKSUM = hashlib.sha256(CONTENT).hexdigest()
Headers = dict[str, str]
Answer = Callable[[Message], tuple[int, Headers, bytes]]  # to the headers of a request


def whole(content: bytes, **headers: str) -> Answer:
    """Return an answer of the content whatever part is asked for."""
    return lambda _: (200, {"Content-Length": str(len(content))} | headers, content)


def moved(address: str) -> Answer:
    return lambda _: (302, {"Location": address, "Content-Length": "0"}, b"")
