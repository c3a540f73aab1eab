"""What a worker of this machine loads first: Ctrl-C is meant for the run's process alone."""

from __future__ import annotations

import signal


def dask_setup(_worker: object) -> None:
    """Ignore Ctrl-C; the worker ends when the run's process ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
