"""A thread in which torch uses one core only.

On a CPU, torch shares an operation among threads that then wait for each other. A render is made
of hundreds of operations of some 10 microseconds, for which that does not pay, and where other
programs want the cores too, each such wait may take milliseconds. Threads that render a tile each
do not pay either: between operations this short they wait for Python's lock.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

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
    return ThreadPoolExecutor(1, "neatfool-render", initializer=_use_one_core)


def _use_one_core() -> None:
    """Set torch to one core in this thread.

    Torch keeps the number both for each thread and for those to come. The latter is put back, by
    another thread, as that sets its own number too.
    """
    others = torch.get_num_threads()
    torch.set_num_threads(1)
    restore = Thread(target=torch.set_num_threads, args=(others,))
    restore.start()
    restore.join()
