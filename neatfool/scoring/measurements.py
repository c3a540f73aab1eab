"""Measurements of this machine, kept from one run to the next."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from neatfool.files import write_whole
from neatfool.machine import usable_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PLACE: Final = "NEATFOOL_CACHE"
"""The environment variable that names a folder to use in place of the user's cache."""
_SECONDS_TO_WAIT: Final = 60
NOISY: Final = 0.15
"""A measurement with more noise does not serve long: less than this hardly changes a choice."""
NOISY_SECONDS: Final = 600
"""So long it serves, so that runs that begin together are alike."""


def cache_folder() -> Path:
    """Give the cache folder: ``NEATFOOL_CACHE``, or the user's cache."""
    given = os.environ.get(PLACE)
    return Path(given) if given else user_cache_path("neatfool")


class MeasurementCache:
    """Keeps one measurement in a file, by its ``key``; without a usable file it is made again."""

    def __init__(self, of: Sequence[str]) -> None:
        """Say what the measurement depends on, in addition to the machine and torch."""
        machine = [platform.node(), platform.processor(), *_processor(), str(usable_cores())]
        machine += [str(torch.get_num_threads()), torch.__version__]
        self.key = hashlib.sha256(json.dumps([*machine, *of]).encode()).hexdigest()[:24]
        self._file = _file(self.key)

    def get_or_make(self, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Give the kept measurement, unless it is old and noisy, or make it (as JSON)."""
        lock = FileLock(self._file.with_suffix(".lock"), timeout=_SECONDS_TO_WAIT)
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            # Two runs that start together would disturb each other's measurements.
            with lock:
                return self._read() or self._write(make())
        except (OSError, Timeout):
            return make()

    def _read(self) -> dict[str, Any] | None:
        try:
            record = json.loads(self._file.read_text("utf-8"))
            age = time.time() - self._file.stat().st_mtime
        except (OSError, ValueError):
            return None
        # Without noise, an older neatfool measured, perhaps on a busy machine.
        noise = record.get("noise") if isinstance(record, dict) else None
        usable = noise is not None and (noise <= NOISY or age < NOISY_SECONDS)
        return record if usable else None

    def _write(self, record: dict[str, Any]) -> dict[str, Any]:
        with suppress(OSError):
            write_whole(self._file, json.dumps(record).encode())
        return record


def forget_measurement(key: str) -> None:
    """Let the next run measure again. A run has recorded the key, perhaps on another machine."""
    with suppress(OSError):
        _file(key).unlink()


def _file(key: str) -> Path:
    return cache_folder() / "measurements" / f"{Path(key).name}.json"


def _processor() -> list[str]:
    """Give the processor's model where Linux names it, else its architecture."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.startswith(("model name", "flags")):
                return [line]
    return [platform.machine()]
