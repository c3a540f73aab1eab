"""Sends requests at the permitted rate, and decides whether to send them again."""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any, Final, TypeVar

import tenacity

from neatfool import TargetError, TargetUnavailable

from .answers import NotJsonError, RefusedError, RejectedError, TransientError
from .exchange import Exchange

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx2

    from neatfool import Ledger

    from .connection_options import ConnectionOptions
    from .credentials import Credentials

ReadT = TypeVar("ReadT")

_log = logging.getLogger("neatfool.target.http")

FIRST_WAIT: Final = 0.5
"""Seconds between a request and the next try, the first time; each time is twice as long."""
LONGEST_WAIT: Final = 30.0
"""The most seconds between two tries, unless the service asks for more."""
SILENCE: Final = 10.0
"""Seconds between two messages on what is being waited for."""
LEAST: Final = 0.1
"""The share of a request's time without which it is not sent again: it may cost something."""
MOST_NOT_JSON: Final = 3
"""How often a request is sent again whose whole answer was no JSON: each may cost something."""

_jitter = random.SystemRandom()  # many clients must not come back at the same time


class Service:
    """What is asked over HTTP, by several threads at once.

    Attributes:
        ledger: What each request with images is entered in; nothing is while it is absent.
    """

    def __init__(self, options: ConnectionOptions, credentials: Credentials) -> None:
        """Prepare to connect; nothing is sent.

        Raises:
            ExperimentError: The proxy or the certificates cannot be used.
            TargetError: The address must not be connected to.
        """
        self.ledger: Ledger | None = None
        self._timeout, self._give_up_after = options.timeout, options.give_up_after
        rate = options.requests_per_second
        self._interval = 0.0 if rate is None else 1 / rate
        self._next_turn = 0.0
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._silent_until = time.monotonic() + SILENCE / 2
        self._exchange = Exchange(options, credentials)

    def ask(
        self, request: httpx2.Request, read: Callable[[Any], ReadT], *, images: int = 0
    ) -> ReadT:
        """Send a request until it is answered.

        Args:
            request: The request.
            read: Makes of the answer's JSON what is wanted; raises :class:`RefusedError` where it
                cannot be used.
            images: How many it has; a request without any is not entered in the ledger.

        Returns:
            What ``read`` made.

        Raises:
            RefusedError: The answer cannot be used.
            TargetUnavailable: There was no answer in time, or the target was closed.
            TargetError: The service does not want it, or it must not be asked.
            BudgetSpent: The budget does not suffice for it.
        """
        until, not_json = math.inf, 0
        tries = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(TransientError),
            wait=_choose_pause,
            stop=lambda state: self._is_too_late(state.upcoming_sleep, until),
            sleep=self._sleep,
            before_sleep=lambda state: self._report(state, until),
            reraise=True,
        )
        try:
            for attempt in tries:
                with attempt:
                    self._wait_for_turn(until)
                    until = min(until, time.monotonic() + self._give_up_after)
                    try:
                        return self._send(request, read, until, images)
                    except NotJsonError as fault:
                        not_json += 1
                        if not_json <= MOST_NOT_JSON:
                            raise
                        raise TargetError(
                            f"http: {not_json} times {fault}; check that [target] url is the "
                            f"address of the API on {self._exchange.host}"
                        ) from None
        except TransientError as fault:
            wanted = fault.retry_after
            asked_for = f", and asks for {wanted:.0f} s of quiet" if wanted else ""
            raise TargetUnavailable(
                f"http: {self._exchange.host} did not answer within {self._give_up_after:g} s "
                f"(give_up_after); last, {fault}{asked_for}"
            ) from None
        except CancelledError:
            what = f"http: closed while {self._exchange.host} was waited for"
            raise TargetUnavailable(what) from None
        raise AssertionError("the last try gave neither an answer nor an error")

    def ask_once(self, request: httpx2.Request, read: Callable[[Any], ReadT]) -> ReadT | None:
        """Ask what can be done without: as :meth:`ask`, but None where there is no answer."""
        self._wait_for_turn(math.inf)
        try:
            return self._send(request, read, time.monotonic() + self._give_up_after, images=0)
        except (TransientError, TargetError, RefusedError):
            return None

    def close(self) -> None:
        """End what is under way, and close the connections."""
        self._stopped.set()
        self._exchange.close()

    def _wait_for_turn(self, until: float) -> None:
        """Wait until a request may be sent, and take the turn."""
        while True:
            with self._lock:
                pause = self._next_turn - time.monotonic()
                if pause <= 0:
                    self._next_turn = time.monotonic() + self._interval
                    return
            if self._is_too_late(pause, until):
                raise TransientError("not sent", "its turn would have come too late")
            self._sleep(pause)

    def _sleep(self, seconds: float) -> None:
        if self._stopped.wait(seconds):
            raise CancelledError

    def _is_too_late(self, wait: float, until: float) -> bool:
        """Say whether a request after some seconds would have too little time to be answered."""
        least = LEAST * min(self._timeout, self._give_up_after)
        return time.monotonic() + wait + least >= until

    def _send(
        self, request: httpx2.Request, read: Callable[[Any], ReadT], until: float, images: int
    ) -> ReadT:
        """Send a request once, and note in the ledger what becomes of it."""
        ledger = self.ledger if images else None
        number = ledger.debit(images) if ledger is not None else 0
        outcome, sent = "failed", threading.Event()
        seconds = min(self._timeout, until - time.monotonic())
        try:
            answer = read(self._exchange.send(request, seconds, sent))
            outcome = "answered"
        except RefusedError as refused:
            outcome = f"unusable: {refused}"
            raise
        except (RejectedError, TransientError) as error:
            outcome = error.outcome
            if isinstance(error, TransientError) and error.retry_after:
                quiet = time.monotonic() + min(error.retry_after, self._give_up_after)
                with self._lock:
                    self._next_turn = max(self._next_turn, quiet)
            raise
        finally:
            if ledger is not None and sent.is_set():
                ledger.settle(number, outcome)
            elif ledger is not None:
                ledger.take_back(number)
        return answer

    def _report(self, state: tenacity.RetryCallState, until: float) -> None:
        """Say now and then why there is a pause."""
        now = time.monotonic()
        if now >= self._silent_until:
            self._silent_until = now + SILENCE
            host, left = self._exchange.host, until - now
            _log.warning(
                "http: %s: %s; trying again, for at most %.0f s more", host, _fault(state), left
            )


def _fault(state: tenacity.RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _choose_pause(state: tenacity.RetryCallState) -> float:
    """Choose how long to wait before the next try: as asked for, or longer each time."""
    fault = _fault(state)
    if isinstance(fault, TransientError) and fault.retry_after:
        return fault.retry_after + _jitter.uniform(0, FIRST_WAIT)
    longest = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(state.attempt_number - 1, 30))
    return _jitter.uniform(longest / 2, longest)
