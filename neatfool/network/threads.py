"""Threads of Python in which torch uses a given number of cores.

Torch keeps its number of cores for each thread of Python, and another for threads to come.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")


def threads_with_cores(name: str, cores: int | None, count: int = 1) -> ThreadPoolExecutor:
    """Make an executor of threads.

    Args:
        name: What the threads are called.
        cores: How many cores torch uses in each; None: as many as elsewhere.
        count: How many threads.
    """
    if cores is None:
        return ThreadPoolExecutor(count, name)
    return ThreadPoolExecutor(count, name, initializer=_use_cores, initargs=(cores,))


def with_cores(cores: int, work: Callable[[], Result]) -> Result:
    """Call a function in a thread where torch uses so many cores, and wait for its result."""
    with threads_with_cores("neatfool-cores", cores) as executor:
        return executor.submit(work).result()


def _use_cores(cores: int) -> None:
    """Set torch's number of cores in this thread alone.

    The number for threads to come is put back, by another thread, as that sets its own number too.
    """
    others = torch.get_num_threads()
    torch.set_num_threads(cores)
    restore = Thread(target=torch.set_num_threads, args=(others,))
    restore.start()
    restore.join()
