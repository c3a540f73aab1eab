"""A thread in which torch uses one core only.

On a CPU, torch shares an operation among threads that then wait for each other. A render is made
of hundreds of operations of some 10 microseconds, for which that does not pay, and where other
programs want the cores too, each such wait may take milliseconds. Threads that render a tile each
do not pay either: between operations this short they wait for Python's lock.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, TypeVar

import torch

from neatfool.network.threads import threads_with_cores

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import ThreadPoolExecutor

Result = TypeVar("Result")


def on_one_core(work: Callable[[], Result]) -> Result:
    """Call a function where torch uses one core, and wait for its result.

    Args:
        work: The function. What it raises is raised here.
    """
    if torch.get_num_threads() == 1:
        return work()
    return _worker(os.getpid()).submit(work).result()


@cache
def _worker(_process: int) -> ThreadPoolExecutor:
    # One a process: a forked one would have the executor, but not its thread.
    return threads_with_cores("neatfool-render", 1)
