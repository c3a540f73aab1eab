"""What this machine has left for runs side by side."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from neatfool.errors import ExperimentError

BYTES_A_RUN: Final = 2 * 2**30
"""What a run is taken to need: an interpreter with torch, a network of ImageNet's size, a batch."""
_GROUPS: Final = (
    ("memory.max", "memory.current", "memory.stat"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat"),
)
"""Files of a control group (version 2; 1): its limit, what it uses, and what that consists of."""


def usable_cores() -> int:
    """Count the cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def jobs_that_fit(runs: int) -> int:
    """Say how many runs the machine can make side by side: one a core, 2 GiB of free memory each.

    Args:
        runs: How many there are to make.

    Raises:
        ExperimentError: The system does not say how much memory is free.
    """
    free = free_memory()
    if free is None:
        raise ExperimentError(
            "--jobs auto: this system does not say how much memory is free; give a number"
        )
    return max(1, min(runs, usable_cores(), free // BYTES_A_RUN))


def free_memory(
    meminfo: Path = Path("/proc/meminfo"), groups: Path = Path("/sys/fs/cgroup")
) -> int | None:
    """Read how many bytes can be taken without swapping, within the limits of a container too.

    Args:
        meminfo: The kernel's account of the memory.
        groups: The folder of the control group that this process sees.

    Returns:
        Bytes, None where the system does not say.
    """
    try:
        lines = meminfo.read_text("ascii").splitlines()
    except OSError:
        return None
    available = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    if not available:
        return None
    free = 1024 * int(available[0])
    for limit, used, parts in _GROUPS:
        try:
            left = int((groups / limit).read_text()) - int((groups / used).read_text())
            free = min(free, left + _given_back(groups / parts))
        except (OSError, ValueError):
            continue  # no such group, or a limit of "max"
    return max(free, 0)


def _given_back(parts: Path) -> int:
    """Read how many of a group's bytes are copies of files, which make room when it is needed."""
    found = re.findall(r"^(?:total_)?inactive_file (\d+)$", parts.read_text("ascii"), re.MULTILINE)
    return int(found[-1]) if found else 0
