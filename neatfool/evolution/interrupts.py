"""Ctrl-C and SIGTERM end a run after the current generation, and a second one at once."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event


@contextmanager
def interruptible(
    on_first: Callable[[], object] = lambda: None, *, at_once: bool = False
) -> Iterator[Callable[[], bool]]:
    """Give what says whether Ctrl-C or SIGTERM asked for a stop; a second one stops at once.

    The first one does if ``at_once``: a metered target keeps its answers, and may give none.
    """
    stopping = Event()

    def handle(*_: object) -> None:
        if at_once or stopping.is_set():
            raise KeyboardInterrupt
        stopping.set()
        on_first()

    is_main = threading.current_thread() is threading.main_thread()
    signals = (signal.SIGINT, signal.SIGTERM) if is_main else ()
    before = [signal.signal(number, handle) for number in signals]
    try:
        yield stopping.is_set
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)
