"""Makes glibc's memory allocator keep freed memory.

By default it gives freed arrays back to the system and asks for them again a moment later. Zeroing
their pages then takes two to five times as long as the network's computation in them. Threads other
than the first have arenas of small pieces, which ignore the thresholds; so all share one arena.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress
from functools import cache
from typing import Final

_TRIM_THRESHOLD: Final = -1
_TOP_PAD: Final = -2
_MMAP_MAX: Final = -4
_ARENA_MAX: Final = -8


@cache
def keep_freed_memory() -> bool:
    """Make malloc keep freed memory from now on, in threads that begin later too.

    Returns:
        Whether it will; False if malloc is not glibc's.
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


def give_back_freed_memory() -> None:
    """Give the system what malloc keeps now; what is freed later is kept again.

    For a moment after which another kind of work begins: a small array that is still there may
    stand where the large ones of that work no longer fit.
    """
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
