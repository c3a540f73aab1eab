"""The devices, cores and memory to compute with.

A GPU computes like a CPU: in full float32, without variation.
"""

from __future__ import annotations

import ctypes
import math
import mmap
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias, TypeVar

from pydantic import AfterValidator

from neatfool.errors import ExperimentError

if TYPE_CHECKING:
    import torch


def is_gpu(device: torch.device) -> bool:
    """Tell whether a device is not the CPU: a GPU, or another accelerator."""
    return device.type != "cpu"


def pick_device(name: str = "auto") -> torch.device:
    """Find the device to compute on.

    Args:
        name: ``auto`` (the GPU if there is one), or torch's name of a device: ``cpu``, ``cuda``,
            ``cuda:1``, ``xpu``, ``mps`` … An ``mps`` has no double precision, and is used only
            if it is named.

    Raises:
        ExperimentError: There is no such device.
    """
    import torch

    there = torch.accelerator.is_available()
    found = torch.accelerator.current_accelerator() if there else None
    if name == "auto":
        return torch.device("cpu") if found is None or found.type == "mps" else found
    try:
        device = torch.device(_known(name))
    except ValueError as error:
        raise ExperimentError(f"device = {name}: {error}") from error
    count = torch.accelerator.device_count() if found and found.type == device.type else 0
    if device.type not in {"cpu", "meta"} and (device.index or 0) >= count:
        raise ExperimentError(f"device = {name}: torch finds no such GPU; give auto or cpu")
    return device


def _known(name: str) -> str:
    """Give a device's name back if it is ``auto``, or torch has such a kind of devices."""
    if name not in {"auto", "cpu"}:
        import torch

        try:
            torch.device(name)
        except RuntimeError:
            raise ValueError("torch knows no such device; give auto, cpu or cuda") from None
    return name


DeviceName: TypeAlias = Annotated[str, AfterValidator(_known)]
"""An option's type: ``auto``, or torch's name of a device, which need not be in this machine."""


class SharedContext:
    """A process-wide context that threads share: the first enters it, the last leaves it."""

    def __init__(self, make: Callable[[], AbstractContextManager[object]]) -> None:
        self._make = make
        self._lock = Lock()
        self._within = 0
        self._context: AbstractContextManager[object] = nullcontext()

    def __enter__(self) -> None:
        with self._lock:
            if not self._within:
                self._context = self._make()
                self._context.__enter__()
            self._within += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._within -= 1
            if not self._within:
                self._context.__exit__(None, None, None)


def _exact() -> AbstractContextManager[object]:
    import torch

    return torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)


EXACT_CONVOLUTIONS: Final = SharedContext(_exact)


@contextmanager
def computing_on(device: torch.device) -> Iterator[None]:
    """Enter the context to compute in on a device."""
    if not is_gpu(device):
        yield
        return
    import torch

    # An mps has one device, and no such context.
    chosen = getattr(torch.get_device_module(device), "device", nullcontext)
    with chosen(device), EXACT_CONVOLUTIONS:
        yield


Result = TypeVar("Result")


def threads_with_cores(name: str, cores: int | None, count: int = 1) -> ThreadPoolExecutor:
    """Make threads in which torch uses so many cores, or as many as elsewhere if None."""
    use = None if cores is None else partial(_use_cores, cores)
    return ThreadPoolExecutor(count, name, initializer=use)


def with_cores(cores: int, work: Callable[[], Result]) -> Result:
    """Call a function in a thread where torch uses ``cores`` cores, and wait for its result."""
    with threads_with_cores("neatfool-cores", cores) as executor:
        return executor.submit(work).result()


def _use_cores(cores: int) -> None:
    """Set torch's number of cores in this thread alone."""
    import torch

    # Torch also changes the number for later threads. A short-lived thread restores that, as
    # restoring it here would change this thread's number again.
    others = torch.get_num_threads()
    torch.set_num_threads(cores)
    restore = Thread(target=torch.set_num_threads, args=(others,))
    restore.start()
    restore.join()


_WORDS: Final = (
    "out of memory",  # torch on a GPU
    "not enough memory",  # torch on a CPU
    "allocate memory",  # torch on a CPU, onnxruntime, the system
    "bad_alloc",  # C++
    "failed to map segment",  # the system, of a library that does not fit
    "can't start new thread",  # Python, as each has a stack
    "alloc_failed",  # cuDNN and cuBLAS
)

MUCH: Final = 192 << 20
"""Refinement exceeds this in each generation; scoring does not, and so does not wait for pages."""


class OutOfMemory(Exception):  # noqa: N818 - no error yet: a smaller batch may fit
    """A call of a target ran out of memory. It holds the message, and none of the call's arrays."""


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether an exception, or one that caused it, means that memory ran out."""
    if isinstance(error, MemoryError | OutOfMemory) or type(error).__name__ == "OutOfMemoryError":
        return True
    if any(words in str(error).casefold() for words in _WORDS):
        return True
    return error.__cause__ is not None and is_out_of_memory(error.__cause__)


class FreedMemory:
    """What malloc keeps of freed memory: given back when much of it has gathered."""

    _resident = 0

    def give_back(self, growth: float = -math.inf) -> None:
        """Give the system what malloc keeps, if the process grew by more than that since then."""
        with suppress(AttributeError, OSError, TypeError, IndexError, ValueError):
            if self._now() - self._resident > growth:
                ctypes.CDLL(None).malloc_trim(0)
                self._resident = self._now()

    @staticmethod
    def _now() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE
