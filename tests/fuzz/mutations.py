"""Damaged files: valid ones with bits flipped, pieces cut, doubled or exchanged, and values replaced in their text."""

import json
import re
from collections.abc import Sequence
from random import Random
from typing import Any

import yaml

MOST_CHANGES = 6
NEAR = 200  # bytes from the beginning or the end, where headers and indices lie
LARGE = (0, 1, 127, 128, 255, 256, 32767, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1)
WORDS = (b"", b"-1", b"0", b"1e999", b"nan", b"null", b"NaN", b"9" * 40, b"9" * 5000, b"true", b"[]", b"{}")
WORDS += (b'"', b"\xff", b"\0", b",", b"\n", b"\xed\xa0\x80", b"[" * 500, b"*a", b"&a", b"<<: ")
SCALARS = (
    None,
    True,
    False,
    0,
    -1,
    1,
    7,
    2**31,
    2**63,
    -(2**70),
    10**400,
    0.5,
    -0.0,
    1e308,
    float("nan"),
    float("inf"),
)
SCALARS += ("", "a", "../x", "nan", "1", "1e-3", "é\n", "\0", "0" * 200, "\ud800")


def damaged(random: Random, files: Sequence[bytes]) -> bytes:
    """Return one of the valid files with some changes of its bytes."""
    content = random.choice(files)
    for _ in range(random.randint(1, MOST_CHANGES)):
        content = random.choice(CHANGES)(random, content, files)
    return content


def revalued(random: Random, value: Any, as_yaml: bool) -> bytes:
    """Return what a valid JSON or YAML file holds, some of it replaced: well-formed, and seldom sensible."""
    for _ in range(random.randint(1, 3)):
        value = _changed(random, value)
    text = yaml.safe_dump(value) if as_yaml else json.dumps(value)
    return text.encode("utf-8", "surrogatepass")


def _place(random: Random, content: bytes) -> int:
    most = max(0, len(content) - 1)
    near = random.randint(0, min(most, NEAR))
    return random.choice([near, most - near, random.randint(0, most)])


def _flip(random: Random, content: bytes, files: Sequence[bytes]) -> bytes:
    if not content:
        return b"\1"
    at = _place(random, content)
    return content[:at] + bytes([content[at] ^ (1 << random.randrange(8))]) + content[at + 1 :]


def _cut_off(random: Random, content: bytes, files: Sequence[bytes]) -> bytes:
    return content[: _place(random, content)]


def _remove(random: Random, content: bytes, files: Sequence[bytes]) -> bytes:
    at = _place(random, content)
    return content[:at] + content[at + random.randint(1, 64) :]


def _insert(random: Random, content: bytes, files: Sequence[bytes]) -> bytes:
    at = _place(random, content)
    piece = random.randbytes(random.randint(1, 16)) if random.random() < 0.5 else random.choice(WORDS)
    return content[:at] + piece + content[at:]


def _double(random: Random, content: bytes, files: Sequence[bytes]) -> bytes:
    at = _place(random, content)
    piece = content[at : at + random.randint(1, NEAR)]
    return content[:at] + piece * random.randint(2, 5) + content[at + len(piece) :]


def _number(random: Random, content: bytes, files: Sequence[bytes]) -> bytes:
    """Overwrite a field with a number at the edge of what it can hold."""
    at, width = _place(random, content), random.choice([1, 2, 4, 8])
    value = random.choice(LARGE) % 2 ** (8 * width)
    return content[:at] + value.to_bytes(width, random.choice(["little", "big"])) + content[at + width :]


def _digits(random: Random, content: bytes, files: Sequence[bytes]) -> bytes:
    """Replace a number that is written out, as in headers and tables."""
    match = re.compile(rb"[0-9]+").search(content, _place(random, content))
    if match is None:
        return content
    written = random.choice([*WORDS, *(str(value).encode() for value in LARGE)])
    return content[: match.start()] + written + content[match.end() :]


def _splice(random: Random, content: bytes, files: Sequence[bytes]) -> bytes:
    """Go on as another valid file does."""
    other = random.choice(files)
    return content[: _place(random, content)] + other[_place(random, other) :]


CHANGES = (_flip, _cut_off, _remove, _insert, _double, _number, _digits, _splice)


def _value(random: Random, depth: int = 2) -> Any:
    """Return any value that JSON and YAML can hold."""
    kind = random.random()
    if depth and kind < 0.15:
        return [_value(random, depth - 1) for _ in range(random.randrange(4))]
    if depth and kind < 0.3:
        return {str(random.choice(SCALARS)): _value(random, depth - 1) for _ in range(random.randrange(4))}
    return random.choice(SCALARS)


def _changed(random: Random, value: Any) -> Any:
    """Return a value with something in it replaced, renamed, added or taken out."""
    if isinstance(value, list) and value and random.random() < 0.8:
        place = random.randrange(len(value))
        return [*value[:place], _changed(random, value[place]), *value[place + 1 :]]
    if not isinstance(value, dict) or not value or random.random() < 0.05:
        return _value(random)
    key = random.choice(list(value))
    rest = {name: held for name, held in value.items() if name != key}
    way = random.random()
    if way < 0.1:
        return rest
    if way < 0.2:
        return rest | {str(random.choice(SCALARS)): value[key]}
    if way < 0.3:
        return value | {str(random.choice(SCALARS)): _value(random)}
    return value | {key: _changed(random, value[key])}
