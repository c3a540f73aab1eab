"""Ctrl-C stops a run without losing what it has done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Interrupts:
    """Ctrl-C: the first asks the run to stop after its generation, the second stops it at once."""

    def __init__(self, on_first: Callable[[], None] = lambda: None) -> None:
        self._stopping = False
        self._on_first = on_first

    def __call__(self) -> bool:
        """Whether a stop was asked for."""
        return self._stopping

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Handle SIGINT and SIGTERM inside the block, in the main thread; elsewhere do nothing."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        signals = (signal.SIGINT, signal.SIGTERM)
        before = [signal.signal(number, self._handle) for number in signals]
        try:
            yield
        finally:
            for number, handler in zip(signals, before, strict=True):
                signal.signal(number, handler)

    def _handle(self, *_: object) -> None:
        if self._stopping:
            raise KeyboardInterrupt
        self._stopping = True
        self._on_first()
