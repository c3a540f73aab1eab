"""Python threads in which torch uses a given number of cores.

Torch has such a number for each Python thread, and one for threads that begin later.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import TypeVar

import torch

Result = TypeVar("Result")


def threads_with_cores(name: str, cores: int | None, count: int = 1) -> ThreadPoolExecutor:
    """Make an executor of ``count`` threads, in each of which torch uses ``cores`` cores.

    With None, torch uses as many as in other threads.
    """
    if cores is None:
        return ThreadPoolExecutor(count, name)
    return ThreadPoolExecutor(count, name, initializer=_use_cores, initargs=(cores,))


def with_cores(cores: int, work: Callable[[], Result]) -> Result:
    """Call a function in a thread where torch uses ``cores`` cores, and wait for its result."""
    with threads_with_cores("neatfool-cores", cores) as executor:
        return executor.submit(work).result()


def _use_cores(cores: int) -> None:
    """Set torch's number of cores in this thread alone.

    Torch also changes the number for later threads. A short-lived thread restores that, as
    restoring it here would change this thread's number again.
    """
    others = torch.get_num_threads()
    torch.set_num_threads(cores)
    restore = Thread(target=torch.set_num_threads, args=(others,))
    restore.start()
    restore.join()
