"""glibc's memory allocator, told to keep what is freed.

It gives large arrays back to the system when they are freed and asks for them again a moment
later, whose zeroed pages cost two to five times what a network then computes in them.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Final

_TRIM_THRESHOLD: Final = -1
_TOP_PAD: Final = -2
_MMAP_MAX: Final = -4


@cache
def keep_freed_memory() -> bool:
    """Tell malloc to keep freed memory for the rest of this process.

    Returns:
        Whether it took it; False where malloc is not glibc's.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(
        mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, 2**31 - 1) and mallopt(_TOP_PAD, 2**26)
    )
