"""glibc's memory allocator, told to keep what is freed.

It gives large arrays back to the system when they are freed and asks for them again a moment
later, whose zeroed pages cost two to five times what a network then computes in them. In threads
other than the first it does so whatever its thresholds, as each has an arena of its own, of small
pieces; so all threads are given the first one's arena.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Final

_TRIM_THRESHOLD: Final = -1
_TOP_PAD: Final = -2
_MMAP_MAX: Final = -4
_ARENA_MAX: Final = -8


@cache
def keep_freed_memory() -> bool:
    """Tell malloc to keep freed memory for the rest of this process.

    It counts for threads that begin later.

    Returns:
        Whether it took it; False where malloc is not glibc's.
    """
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
