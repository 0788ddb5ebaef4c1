import os
import subprocess
import sys

import pytest
import torch
from threadpoolctl import threadpool_info

from alpa.config import RuntimeConfig, fill
from alpa.errors import ConfigError
from alpa.runtime import Runtime, resolve, seeded


def gpu(present: bool, bf16: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that this machine has a GPU or none, and bf16 arithmetic in all it has or nowhere."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: present)
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation=True: bf16)
    monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda: bf16)
    monkeypatch.setattr("torch.cpu._is_amx_tile_supported", lambda: False)


@pytest.mark.parametrize(
    ("asked", "present", "found"),
    [
        ("auto", False, "cpu"),
        ("auto", True, "cuda"),
        ("cpu", True, "cpu"),
        ("cpu", False, "cpu"),
        ("cuda", True, "cuda"),
    ],
)
def test_auto_takes_the_gpu_where_there_is_one(
    asked: str, present: bool, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu(present, bf16=False, monkeypatch=monkeypatch)
    assert resolve(fill(RuntimeConfig, {"device": asked}, "runtime")).device == found


def test_a_gpu_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu(present=False, bf16=False, monkeypatch=monkeypatch)
    with pytest.raises(ConfigError, match=r"^runtime\.device is 'cuda' but torch sees no GPU; choose auto or cpu\.$"):
        resolve(RuntimeConfig(device="cuda"))


@pytest.mark.parametrize("present", [False, True])
@pytest.mark.parametrize(
    ("asked", "bf16", "found"),
    [("auto", True, "bf16"), ("auto", False, "fp32"), ("fp32", True, "fp32"), ("bf16", False, "bf16")],
)
def test_auto_takes_bf16_where_the_hardware_multiplies_it(
    asked: str, bf16: bool, found: str, present: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu(present, bf16, monkeypatch)
    assert resolve(fill(RuntimeConfig, {"precision": asked}, "runtime")).precision == found


def test_threads_are_as_asked_and_workers_are_no_part_of_a_runtime() -> None:
    first = resolve(RuntimeConfig(device="cpu", threads_per_cell=3, workers=1))
    assert first.threads == 3
    assert first == resolve(RuntimeConfig(device="cpu", threads_per_cell=3, workers=7))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_mixed_precision_is_on_only_for_bf16(precision: str) -> None:
    weights = torch.ones(2, 2)
    with Runtime(precision=precision).autocast():
        assert (weights @ weights).dtype == {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]


def test_threads_are_limited_inside_the_block_only_even_after_an_error() -> None:
    before = torch.get_num_threads(), [pool["num_threads"] for pool in threadpool_info()]

    def use() -> None:
        with Runtime(threads=1).limited_threads():
            assert torch.get_num_threads() == 1
            assert {pool["num_threads"] for pool in threadpool_info()} == {1}
            raise KeyError

    torch.set_num_threads(2)
    try:
        with pytest.raises(KeyError):
            use()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before[0])
    assert [pool["num_threads"] for pool in threadpool_info()] == before[1]


def test_seeded_decides_the_draws_inside_and_leaves_those_outside_alone() -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    with seeded(7):
        first = torch.rand(3)
    with seeded(7):
        second = torch.rand(3)
    with seeded(8):
        third = torch.rand(3)
    assert torch.equal(first, second)
    assert not torch.equal(first, third)
    assert torch.equal(torch.get_rng_state(), state)


def test_seeded_gives_the_state_back_after_an_error() -> None:
    def use() -> None:
        with seeded(7):
            raise KeyError

    state = torch.get_rng_state()
    with pytest.raises(KeyError):
        use()
    assert torch.equal(torch.get_rng_state(), state)


FAULTS = """
import resource, sys
import torch
from alpa.runtime import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
torch.set_num_threads(1)
for turn in range(20):
    if turn == 2:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    parts = [torch.ones(2**20) for _ in range(10)]
    del parts
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(os.confstr("CS_GNU_LIBC_VERSION") is None, reason="glibc's")
def test_memory_that_was_freed_is_used_again_whatever_dask_has_set() -> None:
    as_dask = os.environ | {"MALLOC_TRIM_THRESHOLD_": "65536"}
    given_back, kept = (
        int(subprocess.run([sys.executable, "-c", FAULTS, way], env=as_dask, check=True, capture_output=True).stdout)
        for way in ("given back", "kept")
    )
    assert given_back > 10_000  # 180 allocations of 4 MiB
    assert kept < given_back / 20
