"""A thread in which torch uses only one core.

On a CPU, torch divides an operation among threads that then wait for each other. A render has
hundreds of operations of some 10 microseconds, too short for that; on a busy machine each wait may
take milliseconds. Threads that render a tile each are no faster: they wait for Python's lock.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import torch

from neatfool.network.threads import threads_with_cores

Result = TypeVar("Result")


def on_one_core(work: Callable[[], Result]) -> Result:
    """Call a function in a thread where torch uses one core, and wait for its result."""
    if torch.get_num_threads() == 1:
        return work()
    return _worker(os.getpid()).submit(work).result()


@cache
def _worker(_process: int) -> ThreadPoolExecutor:
    # One a process: a forked process would inherit the executor without its thread.
    return threads_with_cores("neatfool-render", 1)
