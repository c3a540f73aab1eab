"""How often the service is asked, by all threads together."""

from __future__ import annotations

import threading
import time

from .faults import StoppedError


class Pacer:
    """Gives each request its turn.

    Attributes:
        held_until: Nobody has a turn before this moment of ``time.monotonic``. A turn before it
            that was taken earlier is void.
    """

    def __init__(self, per_second: float | None, stopped: threading.Event) -> None:
        """Begin with a turn at once.

        Args:
            per_second: How many turns there are in a second; no limit if absent.
            stopped: What ends all waiting when it is set.
        """
        self._stopped = stopped
        self.held_until = 0.0
        self._interval = 0.0 if per_second is None else 1 / per_second
        self._next = 0.0
        self._lock = threading.Lock()

    def take_turn(self) -> float:
        """Take the next turn.

        Returns:
            How many seconds it is from now.
        """
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._interval
        return turn - now

    def hold(self, seconds: float) -> None:
        """Let nobody have a turn for some time: the service asked for it."""
        with self._lock:
            self.held_until = max(self.held_until, time.monotonic() + seconds)
            self._next = max(self._next, self.held_until)

    def sleep(self, seconds: float) -> None:
        """Wait.

        Raises:
            StoppedError: It is over.
        """
        if self._stopped.wait(max(0.0, seconds)):
            raise StoppedError
