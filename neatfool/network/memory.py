"""Memory: failures for lack of it, and glibc's allocator, which is to keep freed memory.

By default glibc gives freed arrays back to the system and asks for them again a moment later.
Zeroing their pages then takes two to five times as long as the network's computation in them.
Threads other than the first have arenas of small pieces, which ignore the thresholds; so all share
one arena.
"""

import ctypes
import math
import mmap
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

_WORDS: Final = (
    "out of memory",  # torch on a GPU
    "not enough memory",  # torch on a CPU
    "allocate memory",  # torch on a CPU, onnxruntime, the system
    "bad_alloc",  # C++
    "alloc_failed",  # cuDNN and cuBLAS
)

_TRIM_THRESHOLD: Final = -1
_TOP_PAD: Final = -2
_MMAP_MAX: Final = -4
_ARENA_MAX: Final = -8
MUCH: Final = 192 << 20
"""Refinement exceeds this in each generation; scoring does not, and so does not wait for pages."""


class OutOfMemory(Exception):  # noqa: N818 - no error yet: a smaller batch may fit
    """A call of a target ran out of memory. It holds the message, and none of the call's arrays."""


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether an exception, or one that caused it, means that memory ran out."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if any(words in str(error).casefold() for words in _WORDS):
        return True
    return error.__cause__ is not None and is_out_of_memory(error.__cause__)


@cache
def keep_freed_memory() -> bool:
    """Make malloc keep freed memory from now on; False if it is not glibc's, and will not."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return all(
        mallopt(option, value)
        for option, value in (
            (_ARENA_MAX, 1),
            (_MMAP_MAX, 0),
            (_TRIM_THRESHOLD, 2**31 - 1),
            (_TOP_PAD, 2**26),
        )
    )


class FreedMemory:
    """What malloc keeps of freed memory: given back when much of it has gathered.

    Arrays of gradient refinement seldom fit into what a scoring call left, where a small array
    still stands in between. So what malloc keeps grows.
    """

    _resident = 0

    def give_back(self, growth: float = -math.inf) -> None:
        """Give the system what malloc keeps, if the process grew by more than that since then."""
        with suppress(AttributeError, OSError, TypeError, IndexError, ValueError):
            if _resident() - self._resident > growth:
                ctypes.CDLL(None).malloc_trim(0)
                self._resident = _resident()


def _resident() -> int:
    """Give the bytes of memory that this process takes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE
