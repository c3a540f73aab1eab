"""The usable cores, how many runs fit on this machine side by side, and Python's collector."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

BYTES_A_RUN: Final = 2 * 2**30
"""Memory that one run may need: Python with torch, an ImageNet network and a batch of images."""

THRESHOLDS: Final = (100_000, 20, 20)
"""The arguments of ``gc.set_threshold``; Python's own are 700, 10 and 10."""


def usable_cores() -> int:
    """Count the cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def jobs_that_fit() -> int:
    """Say how many runs fit side by side: one a core, and 2 GiB of memory each, free or not."""
    cores = usable_cores()
    if not hasattr(os, "sysconf"):  # Windows
        return cores
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(1, min(cores, memory // BYTES_A_RUN))


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
