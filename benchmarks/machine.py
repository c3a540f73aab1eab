"""The machine that a benchmark ran on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch


def machine() -> dict[str, Any]:
    """Describe processor, threads, versions and GPU, JSON-able."""
    return {
        "processor": _cpuinfo("model name") or platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "threads": torch.get_num_threads(),
        "bf16": bf16_of_the_processor(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": version("numpy"),
        "numba": _version("numba"),
    }


def bf16_of_the_processor() -> list[str] | None:
    """Give the processor's instructions for bf16; None where it cannot be asked."""
    flags = _cpuinfo("flags") or _cpuinfo("Features")
    if flags is None:
        return None
    return sorted(flag for flag in flags.split() if "bf16" in flag)


def multiplies_tiles() -> bool:
    """Whether the processor has AMX, with which half precision is five times as fast as float32.

    Screening then takes so little time that all that surrounds it weighs more.
    """
    return "amx_bf16" in (bf16_of_the_processor() or ())


def _cpuinfo(key: str) -> str | None:
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return None
    for line in path.read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
