"""The usable cores, and how many runs fit on this machine side by side."""

from __future__ import annotations

import os
from typing import Final

BYTES_A_RUN: Final = 2 * 2**30
"""Memory that one run may need: Python with torch, an ImageNet network and a batch of images."""


def usable_cores() -> int:
    """Count the cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def jobs_that_fit() -> int:
    """Say how many runs the machine can make side by side: one a core, and 2 GiB of memory each.

    Memory counts whether it is free or not, and only where the system tells how much there is.
    """
    cores = usable_cores()
    if not hasattr(os, "sysconf"):  # Windows
        return cores
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(1, min(cores, memory // BYTES_A_RUN))
