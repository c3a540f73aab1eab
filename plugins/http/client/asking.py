"""Sends requests at the permitted rate, and decides whether to send them again."""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import tenacity

from neatfool import TargetError, TargetUnavailable

from .exchange import Exchange
from .faults import NotJsonError, RefusedError, RejectedError, StoppedError, TransientError
from .pacing import Pacer

if TYPE_CHECKING:
    from collections.abc import Callable

    from neatfool import Ledger

    from .credentials import Credentials
    from .exchange import Call
    from .options import ConnectionOptions

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


@dataclass
class _Patience:
    """How far a request is.

    Attributes:
        until: When there must be an answer, by ``time.monotonic``; infinite until it is first sent.
        last: What went wrong the last time.
        not_json: How many whole answers were no JSON.
    """

    until: float = math.inf
    last: TransientError | None = None
    not_json: int = 0


class Service:
    """What is asked over HTTP, by several threads at once.

    Attributes:
        ledger: What each request with images is entered in; nothing is while it is absent.
    """

    def __init__(self, options: ConnectionOptions, credentials: Credentials) -> None:
        """Prepare to connect; nothing is sent.

        Raises:
            ExperimentError: The proxy or the certificates cannot be used.
        """
        self.ledger: Ledger | None = None
        self._timeout, self._give_up_after = options.timeout, options.give_up_after
        self._stopped = threading.Event()
        self._silent_until = time.monotonic() + SILENCE / 2
        self._pacer = Pacer(options.requests_per_second, self._stopped)
        self._exchange = Exchange(options, credentials)

    def ask(self, call: Call, read: Callable[[Any], ReadT]) -> ReadT:
        """Send a request until it is answered.

        Args:
            call: The request.
            read: Makes of the answer's JSON what is wanted; raises :class:`RefusedError` where it
                cannot be used.

        Returns:
            What ``read`` made.

        Raises:
            RefusedError: The answer cannot be used.
            TargetUnavailable: There was no answer in time, or the target was closed.
            TargetError: The service does not want it, or it must not be asked.
            BudgetSpent: The budget does not suffice for it.
        """
        patience = _Patience()
        try:
            answer: ReadT = tenacity.Retrying(
                retry=tenacity.retry_if_exception_type(TransientError),
                wait=_choose_pause,
                stop=lambda state: self._is_too_late(state.upcoming_sleep, patience.until),
                sleep=self._pacer.sleep,
                before_sleep=lambda _: self._report(patience),
                reraise=True,
            )(self._attempt, call, read, patience)
        except TransientError as fault:
            wanted = fault.retry_after
            asked_for = f", and asks for {wanted:.0f} s of quiet" if wanted else ""
            raise TargetUnavailable(
                f"http: {self._exchange.host} did not answer within {self._give_up_after:g} s "
                f"(give_up_after); last, {fault}{asked_for}"
            ) from None
        except StoppedError:
            what = f"http: closed while {self._exchange.host} was waited for"
            raise TargetUnavailable(what) from None
        return answer

    def ask_once(self, call: Call, read: Callable[[Any], ReadT]) -> ReadT | None:
        """Ask what can be done without: as :meth:`ask`, but None where there is no answer."""
        try:
            return self._attempt(call, read, _Patience())
        except (TransientError, TargetError, RefusedError):
            return None

    def close(self) -> None:
        """Cut what is under way, and close the connections."""
        self._stopped.set()
        self._exchange.close()

    def _attempt(self, call: Call, read: Callable[[Any], ReadT], patience: _Patience) -> ReadT:
        """Send a request when it is its turn; the time for an answer begins with the first one."""
        self._wait_for_turn(patience)
        patience.until = min(patience.until, time.monotonic() + self._give_up_after)
        try:
            return self._send(call, read, patience.until)
        except TransientError as fault:
            patience.last = fault
            patience.not_json += isinstance(fault, NotJsonError)
            if fault.retry_after:
                self._pacer.hold(min(fault.retry_after, self._give_up_after))
            if patience.not_json > MOST_NOT_JSON:
                raise TargetError(
                    f"http: {patience.not_json} times {fault}; check that [target] url is the "
                    f"address of the API on {self._exchange.host}"
                ) from None
            raise

    def _wait_for_turn(self, patience: _Patience) -> None:
        """Wait until it is a request's turn, and for another one if it was put off meanwhile."""
        moment = -math.inf
        while moment < self._pacer.held_until:
            turn = self._pacer.take_turn()
            if self._is_too_late(turn, patience.until):
                late = TransientError("not sent", "its turn would have come too late")
                raise patience.last or late
            moment = time.monotonic() + turn
            self._pacer.sleep(turn)

    def _is_too_late(self, wait: float, until: float) -> bool:
        """Say whether a request after some seconds would have too little time to be answered."""
        least = LEAST * min(self._timeout, self._give_up_after)
        return time.monotonic() + wait + least >= until

    def _send(self, call: Call, read: Callable[[Any], ReadT], until: float) -> ReadT:
        """Send a request once, and note in the ledger what becomes of it."""
        ledger = self.ledger if call.images else None
        number = ledger.debit(call.images) if ledger is not None else 0
        outcome = "failed"
        try:
            answer = read(self._exchange.send(call, min(self._timeout, until - time.monotonic())))
            outcome = "answered"
        except RefusedError as refused:
            outcome = f"unusable: {refused}"
            raise
        except RejectedError as rejected:
            outcome = rejected.outcome
            raise
        except (TransientError, OSError, ValueError, RuntimeError) as error:
            # What is closed while another thread uses it, or is about to, says so in many ways.
            if self._stopped.is_set():
                raise StoppedError from None
            outcome = error.outcome if isinstance(error, TransientError) else outcome
            raise
        finally:
            if ledger is not None and self._exchange.sent:
                ledger.settle(number, outcome)
            elif ledger is not None:
                ledger.take_back(number)
        return answer

    def _report(self, patience: _Patience) -> None:
        """Say now and then why there is a pause."""
        now = time.monotonic()
        if now < self._silent_until:
            return
        self._silent_until = now + SILENCE
        _log.warning(
            "http: %s: %s; trying again, for at most %.0f s more",
            self._exchange.host,
            patience.last,
            patience.until - now,
        )


def _choose_pause(state: tenacity.RetryCallState) -> float:
    """Choose how long to wait before the next try: as asked for, or longer each time."""
    fault = state.outcome.exception() if state.outcome else None
    if isinstance(fault, TransientError) and fault.retry_after:
        return fault.retry_after + _jitter.uniform(0, FIRST_WAIT)
    longest = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(state.attempt_number - 1, 30))
    return _jitter.uniform(longest / 2, longest)
