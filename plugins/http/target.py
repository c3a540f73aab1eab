"""The target ``http``: sends images to a classifier over HTTP, and reads its scores."""

from __future__ import annotations

import itertools
import json
import logging
import math
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, TypeVar

import httpx2
import numpy as np

from neatfool import Labels, Scores, Target, TargetError, TargetUnavailable

from .answers import NotJsonError, RefusedError, RejectedError, TransientError
from .credentials import Credentials
from .exchange import Exchange, find_proxy
from .json_api import JsonApi
from .open_inference import OpenInference, model_url, takes_binary
from .signature import Metadata

if TYPE_CHECKING:
    from neatfool import Ledger

    from .credentials import Sign
    from .options import Options

ReadT = TypeVar("ReadT")

_log = logging.getLogger("neatfool.target.http")
_jitter = random.SystemRandom()  # many clients must not come back at the same time

_UNVERIFIED: Final = (
    "WARNING: verify_tls = false: anybody on the way can read the images and the key, and answer "
    "in place of the service"
)
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


class HttpTarget(Target):
    """A classifier behind an HTTP API. Each call of ``score`` is one request, and its retries."""

    def __init__(self, options: Options, sign: Sign | None = None) -> None:
        """Prepare to ask; by the Open Inference Protocol, ask the model what it takes.

        Raises:
            ExperimentError: The key, the proxy or the certificates are not where they should be.
            TargetUnavailable: The service does not answer.
            TargetError: It must not be connected to, or does not do what the options say.
        """
        self._options = options
        self._credentials = Credentials(options, sign)
        self._service = Service(options, self._credentials)
        self.concurrency = options.concurrency
        try:
            self._protocol = self._prepare_protocol()
        except BaseException:
            self._service.close()
            raise
        self.spec = self._protocol.spec
        self.batch_size = self._protocol.batch_size
        if not options.verify_tls:
            _log.warning("%s", _UNVERIFIED)

    def _prepare_protocol(self) -> OpenInference | JsonApi:
        if self._options.protocol == "json":
            return JsonApi(self._options, self._credentials.places())
        try:
            request = httpx2.Request("GET", model_url(self._options))
            metadata = self._service.ask(request, Metadata.read)
        except RefusedError as refused:
            raise TargetError(
                f"http: model {self._options.model!r}: {refused}; is [target] url the address of a "
                "server that speaks the Open Inference Protocol, version 2?"
            ) from None
        about = httpx2.Request("GET", f"{self._options.url.rstrip('/')}/v2")
        binary = self._service.ask_once(about, takes_binary)
        return OpenInference(self._options, metadata, binary=binary is True)

    def meter(self, ledger: Ledger) -> None:
        """Enter every request with images, from now on, in a ledger before it is sent."""
        self._service.ledger = ledger

    def score(self, images: np.ndarray) -> Scores | Labels:
        """Ask what images show, in one request that is sent again while that may help.

        Images whose answer cannot be used are not ``ok``.

        Raises:
            TargetUnavailable: There was no answer in time, or the target was closed.
            TargetError: The service does not want the request, or there are too many images.
            BudgetSpent: The ledger has no room for it.
        """
        images = np.asarray(images)
        count, most = len(images), self.batch_size
        if most is not None and count > most:
            raise TargetError(
                f"http: {count} images in a request to {self._options.url}, which takes "
                f"{most} at most; say [target] batch_size = {most}"
            )
        try:
            return self._service.ask(
                self._protocol.write_request(images),
                lambda document: self._protocol.read_answer(document, count),
                images=count,
            )
        except RefusedError:
            if self._protocol.gives == "labels":
                return Labels([{}] * count, [False] * count)
            table = np.zeros((count, len(self.spec.classes)))
            logits = table if self._protocol.gives == "logits" else None
            return Scores(table, logits, np.zeros(count, np.bool_))

    def describe(self) -> str:
        """Say what is sent where, with which key, and what is not as safe as it could be."""
        options = self._options
        lines = [f"Images leave this machine for {options.url}", self._protocol.describe()]
        lines += self._credentials.describe()
        pace = "" if options.requests_per_second is None else f", {options.requests_per_second:g}/s"
        lines.append(
            f"At most {options.concurrency} requests at a time{pace}; a request is given "
            f"{options.timeout:g} s, its retries {options.give_up_after:g} s"
        )
        if options.proxy_from_env and find_proxy(options.url):
            lines.append("Through the proxy that the environment names, which looks up the host")
        if not options.verify_tls:
            lines.append(_UNVERIFIED)
        return "\n".join(lines)

    def fingerprint(self) -> str:
        """Hash where the service is, how it is asked and read, and what it says of its model."""
        options = self._options
        asked = [options.protocol, options.url, options.model, options.model_version]
        identity = [*asked, self.spec.shape, self.spec.classes, self._protocol.identity()]
        return sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()

    def close(self) -> None:
        """End what is under way at once, and close the connections."""
        self._service.close()


class Service:
    """What is asked over HTTP, by several threads at once.

    Each request with images is entered in a ``ledger``, if there is one.
    """

    def __init__(self, options: Options, credentials: Credentials) -> None:
        """Prepare to connect, as :class:`Exchange` does; nothing is sent."""
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
        """Send a request, of so many images, until it is answered.

        Returns:
            What ``read`` makes of the answer's JSON. It raises :class:`RefusedError` where that
            cannot be used.

        Raises:
            RefusedError: The answer cannot be used.
            TargetUnavailable: There was no answer in time, or the target was closed.
            TargetError: The service does not want it, or it must not be asked.
            BudgetSpent: The budget does not suffice for it.
        """
        until, not_json, host = math.inf, 0, self._exchange.host
        try:
            for tries in itertools.count():
                try:
                    self._wait_for_turn(until)
                    until = min(until, time.monotonic() + self._give_up_after)
                    return self._send(request, read, until, images)
                except TransientError as error:
                    fault = error
                not_json += isinstance(fault, NotJsonError)
                if not_json > MOST_NOT_JSON:
                    raise TargetError(
                        f"http: {not_json} times {fault}; check that [target] url is the address "
                        f"of the API on {host}"
                    )
                pause = _choose_pause(fault, tries)
                if self._is_too_late(pause, until):
                    break
                self._report(fault, until)
                self._sleep(pause)
        except CancelledError:
            raise TargetUnavailable(f"http: closed while {host} was waited for") from None
        wanted = fault.retry_after
        quiet = f", and asks for {wanted:.0f} s of quiet" if wanted else ""
        raise TargetUnavailable(
            f"http: {host} did not answer within {self._give_up_after:g} s (give_up_after); last, "
            f"{fault}{quiet}"
        )

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

    def _report(self, fault: TransientError, until: float) -> None:
        """Say now and then why there is a pause."""
        now = time.monotonic()
        if now >= self._silent_until:
            self._silent_until = now + SILENCE
            _log.warning(
                "http: %s: %s; trying again, for at most %.0f s more",
                self._exchange.host,
                fault,
                until - now,
            )


def _choose_pause(fault: TransientError, tries: int) -> float:
    """Choose how long to wait before the next try: as asked for, or longer each time."""
    if fault.retry_after:
        return fault.retry_after + _jitter.uniform(0, FIRST_WAIT)
    longest = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(tries, 30))
    return _jitter.uniform(longest / 2, longest)
