"""The usable cores, and what makes a process fast."""

import ctypes
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final

THRESHOLDS: Final = (100_000, 20, 20)
"""The arguments of ``gc.set_threshold``; Python's own are 700, 10 and 10."""

_TRIM_THRESHOLD: Final = -1
_TOP_PAD: Final = -2
_MMAP_MAX: Final = -4
_ARENA_MAX: Final = -8


def usable_cores() -> int:
    """Count the cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


@contextmanager
def collected_rarely() -> Iterator[None]:
    """Collect less often inside the block, in all threads.

    A generation makes tens of thousands of genes without cycles. They make the collector run, which
    searches all objects of torch: in large generations that took half of the time.
    """
    before = gc.get_threshold()
    # Zero turns the collector off.
    gc.set_threshold(
        *(own and max(own, ours) for own, ours in zip(before, THRESHOLDS, strict=True))
    )
    try:
        yield
    finally:
        gc.set_threshold(*before)


def tune_process() -> None:
    """Make scoring on a CPU faster in this process, from now on; the command does it by itself.

    Nothing else in neatfool changes the process that imports it. Call this once, before torch is
    imported:

    - Freed memory is kept (glibc's ``mallopt``): a large network on a CPU takes half the time.
    - OpenMP's threads do not spin while they wait, unless the environment variable
      ``OMP_WAIT_POLICY`` says otherwise: beside other programs, calls take less than half of the
      processor time.

    The scores stay the same.
    """
    # OpenMP reads this when torch is first imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    keep_freed_memory()


@cache
def keep_freed_memory() -> bool:
    """Make malloc keep freed memory from now on; False if it is not glibc's, and will not.

    By default it gives freed arrays back and asks for them again a moment later. Zeroing the pages
    takes two to five times as long as the network. Other threads' arenas ignore the thresholds.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    trim, pad = (_TRIM_THRESHOLD, 2**31 - 1), (_TOP_PAD, 2**26)
    return all(mallopt(*each) for each in ((_ARENA_MAX, 1), (_MMAP_MAX, 0), trim, pad))
