"""Pausing and stopping a run, between two of its generations."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, Literal

SECONDS_BETWEEN_LOOKS: Final = 0.2
"""Some systems deliver Ctrl-C only between two waits, so a pause is made of short ones."""


class Control:
    """What the page's buttons ask of a run; the run's own thread does it in :meth:`hold`."""

    def __init__(self) -> None:
        self._may_go_on = threading.Event()
        self._may_go_on.set()
        self._stopping = False
        self._holding = False

    @property
    def state(self) -> Literal["running", "pausing", "paused", "stopping"]:
        """What the run does; while ``pausing`` or ``stopping`` it finishes its generation."""
        if self._stopping:
            return "stopping"
        if self._may_go_on.is_set():
            return "running"
        return "paused" if self._holding else "pausing"

    def pause(self) -> None:
        """Pause the run after its generation."""
        self._may_go_on.clear()

    def go_on(self) -> None:
        """End a pause."""
        self._may_go_on.set()

    def stop(self) -> None:
        """Stop the run after its generation, as Ctrl-C does."""
        self._stopping = True
        self._may_go_on.set()

    def hold(self) -> None:
        """Wait while the run is paused; then stop it if that was asked for.

        Raises:
            KeyboardInterrupt: The run is to stop, and this is not the main thread.
        """
        if not self._may_go_on.is_set():
            with _noticing_signals(self.go_on):
                self._holding = True
                try:
                    while not self._may_go_on.wait(SECONDS_BETWEEN_LOOKS):
                        pass
                finally:
                    self._holding = False
        if self._stopping:
            self._stopping = False
            _interrupt()


def _interrupt() -> None:
    """Do what Ctrl-C does: the run ends after this generation."""
    if threading.current_thread() is not threading.main_thread():
        # A signal would reach the main thread, which may do something else.
        raise KeyboardInterrupt
    signal.raise_signal(signal.SIGINT)


@contextmanager
def _noticing_signals(end: Callable[[], None]) -> Iterator[None]:
    """Call ``end`` on SIGINT or SIGTERM, and then do with the signal what is done elsewhere."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def pass_on(number: int, _frame: FrameType | None) -> None:
        end()
        signal.signal(number, before[signal.Signals(number)])
        signal.raise_signal(number)

    try:
        for number in before:
            signal.signal(number, pass_on)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
