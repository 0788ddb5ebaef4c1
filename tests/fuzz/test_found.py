"""Files that the fuzzer found to be neither read nor refused, once."""

import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from tests.fuzz.campaign import bounded_memory, read_files
from tests.fuzz.readers import EMPTY, READERS


def changed(name: str, **values: Any) -> Callable[[], bytes]:
    """Return what makes a valid JSON file with some values changed."""
    return lambda: json.dumps(json.loads(READERS[name].files()[0]) | values).encode()


FOUND: dict[str, tuple[str, Callable[[], bytes]]] = {
    "an idx file of 200 sides": ("idx", lambda: b"\0\0\x08\xc8" + bytes(800)),
    "a side that is infinite": ("description of PCA", changed("description of PCA", image_shape=[1, 32, float("inf")])),
    "a seed that is infinite": ("description of PCA", changed("description of PCA", seed=float("inf"))),
    "two sides": ("description of PCA", changed("description of PCA", image_shape=[32, 32])),
    "a cell of an infinite seed": ("cells' records", changed("cells' records", seed=float("inf"))),
    "a name of two lines": ("manifest", lambda: json.dumps({"files": {"a\nb": EMPTY}}).encode()),
    "a name of ten thousand letters": ("manifest", lambda: json.dumps({"files": {"a" * 10_000: EMPTY}}).encode()),
    "a checksum that is a number": ("manifest", lambda: json.dumps({"files": {"a.m": 3}}).encode()),
    "a pickle that promises a terabyte": (
        "CIFAR-10's pickles",
        lambda: pickle.PROTO + b"\4" + pickle.BINBYTES8 + (2**40).to_bytes(8, "little") + b"x",
    ),
    "a study without settings": ("records of studies", changed("records of studies", settings={"objective": "pseudo"})),
    "a study of an unknown space": ("records of studies", changed("records of studies", space={"strength": "{}"})),
    "a study of no objective": ("records of studies", changed("records of studies", settings={})),
    "a sweep of other columns": ("sweeps", lambda: b"kind,auroc\ntrial,0.5\n"),
    "a key of two lines": ("params.yaml", lambda: b'"a\\nb": 1\n'),
    "lists in lists in lists": ("params.yaml", lambda: b"a: " + b"[" * 2000),
    "a number of thousands of digits": ("params.yaml", lambda: b"pipeline: {default: 0x" + b"9" * 9000 + b"}\n"),
    "aliases that grow without end": (
        "params.yaml",
        lambda: b"".join(
            b"a%d: &a%d [%s]\n" % (n + 1, n + 1, b", ".join([b"*a%d" % n] * 9)) for n in range(1, 40)
        ).replace(b"*a1", b"x"),
    ),
}


@pytest.mark.parametrize(("name", "content"), FOUND.values(), ids=FOUND)
def test_it_is_refused(name: str, content: Callable[[], bytes]) -> None:
    with bounded_memory():
        tally = read_files(READERS[name], [content()])
    assert (tally.accepted, tally.refused, dict(tally.others)) == (0, 1, {})
