"""Where and how exactly a cell runs: device, precision, threads, seeds; and so how far its numbers can be had again.

On a CPU, a cell with equal data, settings, seed and code has the same bits on the same kind of processor with the same
versions of packages: beside any number of other cells, in any process, interrupted or not. All that is random comes
from generators of the cell's own, and `threads`, which decide the order of sums, belong to its key. Another kind of
processor may round otherwise.

On a GPU, initial weights and batches are those of the CPU, but nothing makes its kernels deterministic: no flag of
cuDNN or cuBLAS is set, some add in an order that changes, and equal runs agree but for rounding, which training grows.
"""

import contextlib
import ctypes
import functools
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from threadpoolctl import threadpool_limits

from alpa.config import RuntimeConfig
from alpa.errors import ConfigError

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


@dataclass(frozen=True)
class Runtime:
    """A resolved RuntimeConfig; all three fields decide bits and so belong to a cell's key."""

    device: str = "cpu"
    precision: str = "fp32"
    threads: int = 1

    def autocast(self) -> torch.autocast:
        """Return the mixed-precision context of a training step; scoring always runs in fp32."""
        return torch.autocast(self.device, dtype=torch.bfloat16, enabled=self.precision == "bf16")

    @contextlib.contextmanager
    def limited_threads(self) -> Iterator[None]:
        """Give torch and the linear algebra below it this many threads, and the process its own back afterwards."""
        before = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            with threadpool_limits(self.threads):
                yield
        finally:
            torch.set_num_threads(before)


def resolve(config: RuntimeConfig) -> Runtime:
    """Turn `auto` into what this machine has.

    Raises:
        ConfigError: CUDA is asked for and torch sees none.
    """
    if config.device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("runtime.device is 'cuda' but torch sees no GPU; choose auto or cpu.")
    has_gpu = config.device != "cpu" and torch.cuda.is_available()
    device = "cuda" if has_gpu else "cpu"
    precision = config.precision
    if precision == "auto":
        precision = "bf16" if _multiplies_bf16(device) else "fp32"
    return Runtime(device, precision, config.threads_per_cell)


def _multiplies_bf16(device: str) -> bool:
    """Tell whether the hardware has bf16 arithmetic, so that mixed precision is faster than fp32."""
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    # torch has no public query for these two instruction sets.
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


@functools.cache
def keep_freed_memory() -> None:
    """Let this process, from here on, use again what it frees, instead of giving it back to the system.

    Every step of a training allocates the same tensors anew; having their pages mapped each time costs some 5 % of a
    step, and a third with the threshold that Dask sets for its workers. Without glibc, nothing changes.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):
        set_option = ctypes.CDLL(None).mallopt
        for option in (M_TRIM_THRESHOLD, M_MMAP_THRESHOLD):  # both: setting one stops glibc from adapting the other
            set_option(option, 2**31 - 1)


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's CPU generator inside the block only, so that building a detector does not reseed the process."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would reseed the GPUs too, and for good
        yield
