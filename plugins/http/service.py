"""The service: one request at a time to a thread, sent again as long as that may help."""

from __future__ import annotations

import codecs
import json
import logging
import math
import random
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin, urlsplit

import httpcore2
import httpx2
import tenacity

from neatfool import TargetError, TargetUnavailable

from .connections import connect
from .faults import (
    RETRIED,
    NotJsonError,
    RefusedError,
    RejectedError,
    StoppedError,
    TransientError,
    seconds_until,
)
from .numbers import with_raw_tensors
from .pacing import Pacer

if TYPE_CHECKING:
    from collections.abc import Callable

    from neatfool import Ledger

    from . import Options
    from .credentials import Credentials

_log = logging.getLogger("neatfool.target.http")

LARGEST: Final = 8 * 2**20
"""The most bytes of an answer, after decompression."""
FIRST_WAIT: Final = 0.5
LONGEST_WAIT: Final = 30.0
"""Seconds between a request and the next try: the first time, and at most, unless asked for."""
SILENCE: Final = 10.0
"""Seconds between two messages on what is being waited for."""
LEAST: Final = 0.1
"""The share of a request's time without which it is not sent again: it may cost something."""
MOST_NOT_JSON: Final = 3
"""So often is a request sent again whose whole answer was no JSON: each time may cost something."""
LONGEST_WORDS: Final = 2**16
"""So many bytes of an error are read, or a few more."""
SHOWN: Final = 300
"""So many characters of what a service says are shown."""

_OUTCOMES: Final[dict[type[Exception], str]] = {
    httpcore2.ConnectError: "not connected",
    httpcore2.RemoteProtocolError: "truncated",
    httpcore2.ProxyError: "proxy failed",
}
_SAID: Final = {
    "not connected": "it could not be connected to",
    "truncated": "the connection ended too early",
    "proxy failed": "the proxy failed",
    "reset": "the connection was reset",
}
_jitter = random.SystemRandom()  # many clients must not come back at the same time


@dataclass(frozen=True)
class Call:
    """A request.

    Attributes:
        method: Of HTTP.
        url: Where to.
        images: How many images it carries; none is not entered in the ledger.
        content: The body, if it is bytes.
        headers: What to say beside what every request says.
        form: The fields of a multipart form, if the body is one.
        files: Its files: field -> (name, bytes, media type).
    """

    method: str
    url: str
    images: int = 0
    content: bytes | None = None
    headers: dict[str, str] | None = None
    form: dict[str, str] | None = None
    files: dict[str, tuple[str, bytes, str]] | None = None


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
    """What is asked over HTTP.

    Attributes:
        ledger: What each request with images is entered in; nothing is while it is absent.
    """

    def __init__(self, options: Options, credentials: Credentials) -> None:
        """Prepare to connect; nothing is sent.

        Raises:
            ExperimentError: The proxy or the certificates cannot be used.
        """
        self.ledger: Ledger | None = None
        self._credentials = credentials
        self._host = httpx2.URL(options.url).host
        self._timeout, self._give_up_after = options.timeout, options.give_up_after
        self._stopped = threading.Event()
        self._silent_until = time.monotonic() + SILENCE / 2
        self._pacer = Pacer(options.requests_per_second, self._stopped)
        self._client, self._backend = connect(options, credentials)

    def ask(self, call: Call, read: Callable[[Any], Any]) -> Any:
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
            return tenacity.Retrying(
                retry=tenacity.retry_if_exception_type(TransientError),
                wait=self._pause,
                stop=lambda state: self._is_too_late(state.upcoming_sleep, patience.until),
                sleep=self._pacer.sleep,
                before_sleep=lambda state: self._tell(state, patience.until),
                reraise=True,
            )(self._attempt, call, read, patience)
        except TransientError as fault:
            wanted = fault.retry_after
            asked_for = f", and asks for {wanted:.0f} s of quiet" if wanted else ""
            raise TargetUnavailable(
                f"http: {self._host} did not answer within {self._give_up_after:g} s "
                f"(give_up_after); last, {fault}{asked_for}"
            ) from None
        except StoppedError:
            raise TargetUnavailable(f"http: closed while {self._host} was waited for") from None

    def ask_once(self, call: Call, read: Callable[[Any], Any]) -> Any:
        """Ask what can be done without: as :meth:`ask`, but None where there is no answer."""
        try:
            return self._attempt(call, read, _Patience())
        except (TransientError, TargetError, RefusedError):
            return None

    def close(self) -> None:
        """Cut what is under way, and close the connections."""
        self._stopped.set()
        self._backend.stop()
        self._client.close()

    def words(self, text: str) -> str:
        """Prepare for a message what a service said: without the key, in one line, shortened."""
        text = " ".join(self._credentials.scrub(text).split())
        shown = "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
        return shown if len(shown) <= SHOWN else f"{shown[: SHOWN - 1]}…"

    def _attempt(self, call: Call, read: Callable[[Any], Any], patience: _Patience) -> Any:
        """Send a request when it is its turn; the time for an answer begins with the first one."""
        self._wait_for_turn(patience)
        patience.until = min(patience.until, time.monotonic() + self._give_up_after)
        try:
            return self._settled(call, read, patience.until)
        except TransientError as fault:
            patience.last = fault
            patience.not_json += isinstance(fault, NotJsonError)
            if patience.not_json > MOST_NOT_JSON:
                raise TargetError(
                    f"http: {patience.not_json} times {fault}; check that [target] url is the "
                    f"address of the API on {self._host}"
                ) from None
            raise
        except (OSError, ValueError, RuntimeError):
            # What is closed while another thread is about to use it says so in many ways.
            if self._stopped.is_set():
                raise StoppedError from None
            raise

    def _wait_for_turn(self, patience: _Patience) -> None:
        """Wait until it is a request's turn, and for another one if it was put off meanwhile."""
        moment = -math.inf
        while moment < self._pacer.held_until:
            turn = self._pacer.turn()
            if self._is_too_late(turn, patience.until):
                late = TransientError("not sent", "its turn would have come too late")
                raise patience.last or late
            moment = time.monotonic() + turn
            self._pacer.sleep(turn)

    def _is_too_late(self, wait: float, until: float) -> bool:
        """Say whether a request after some seconds would have too little time to be answered."""
        least = LEAST * min(self._timeout, self._give_up_after)
        return time.monotonic() + wait + least >= until

    def _settled(self, call: Call, read: Callable[[Any], Any], until: float) -> Any:
        """Send a request once, and note in the ledger what becomes of it."""
        ledger = self.ledger if call.images else None
        number = ledger.debit(call.images) if ledger is not None else 0
        outcome = "failed"
        try:
            answer = read(self._answer(call, until))
            outcome = "answered"
        except (TransientError, RejectedError) as failure:
            outcome = failure.outcome
            raise
        except RefusedError as refused:
            outcome = f"unusable: {refused}"
            raise
        finally:
            if ledger is not None and self._backend.deadline.sent:
                ledger.settle(number, outcome)
            elif ledger is not None:
                ledger.take_back(number)
        return answer

    def _answer(self, call: Call, until: float) -> Any:
        """Send a request once; give its answer's JSON."""
        request = self._client.build_request(
            call.method,
            call.url,
            content=call.content,
            data=call.form,
            files=call.files,
            headers=call.headers,
        )
        seconds = min(self._timeout, until - time.monotonic())
        try:
            with self._backend.deadline.of(time.monotonic() + seconds):
                response = self._client.send(request, stream=True)
                try:
                    body = _read(response)
                finally:
                    response.close()
        except httpcore2.ConnectTimeout:
            raise self._fault(
                "not connected", f"it could not be connected to in {seconds:.3g} s"
            ) from None
        except httpcore2.TimeoutException:
            raise self._fault("timed out", f"no whole answer came in {seconds:.3g} s") from None
        except httpx2.DecodingError:
            raise self._fault("truncated", "the answer's compression is damaged") from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.ProxyError) as error:
            raise self._broken(error) from None
        return self._content(response, body)

    def _content(self, response: httpx2.Response, body: bytes) -> Any:
        """Judge an answer by its status, and read its JSON."""
        status = response.status_code
        if status >= 500 or status in RETRIED:
            wait = seconds_until(response.headers.get("Retry-After"))
            if wait:
                self._pacer.hold(min(wait, self._give_up_after))
            raise TransientError(str(status), f"it answered {status}{self._said(body)}", wait)
        if 300 <= status < 400:
            raise RejectedError(
                str(status),
                f"http: {self._host} answered {status}, a redirection{self._led_to(response)}; "
                "redirections are not followed, give the address that it leads to as [target] url",
            )
        if status >= 400 or status < 200:
            hint = "; check the key, and what it is for" * (status in (401, 403))
            raise RejectedError(
                str(status), f"http: {self._host} answered {status}{self._said(body)}{hint}"
            )
        try:
            return self._parsed(body, response.headers.get("Inference-Header-Content-Length"))
        except RecursionError:
            raise RefusedError("nested too deeply") from None
        except ValueError:
            said = self._said(body)
            if _is_whole(response):
                raise NotJsonError(f"it answered {status} and no JSON{said}") from None
            raise TransientError("truncated", f"the answer was no whole JSON{said}") from None

    def _led_to(self, response: httpx2.Response) -> str:
        """Say where a redirection leads, without what may be secret in an address."""
        try:
            where = urlsplit(urljoin(str(response.url), response.headers["Location"]))
        except (KeyError, ValueError):
            return ""
        host = where.netloc.rpartition("@")[2]
        more = "?…" * bool(where.query)
        return f" to {self.words(f'{where.scheme}://{host}{where.path}')}{more}"

    def _parsed(self, body: bytes, length: str | None) -> Any:
        """Read JSON, without the key if it should be in there, and raw tensors that follow it."""
        end = len(body) if length is None else int(length)
        said = self._credentials.scrub_json(json.loads(body[:end].removeprefix(codecs.BOM_UTF8)))
        return with_raw_tensors(said, body[end:]) if body[end:] else said

    def _said(self, body: bytes) -> str:
        said = self.words(body.decode("utf-8", "replace"))
        return f": {said}" if said else ""

    def _broken(self, error: Exception) -> Exception:
        """Say what a connection's error means."""
        what = self.words(str(error)) or type(error).__name__
        if "CERTIFICATE_VERIFY_FAILED" in what:
            return TargetError(
                f"http: the certificate of {self._host} is not trusted ({what}); if it is signed "
                "by an authority of your own, give its certificate as [target] ca_file"
            )
        if isinstance(error, httpcore2.ProxyError):
            self._backend.deadline.sent = False  # The proxy was not let through to the service.
        if isinstance(error, httpcore2.LocalProtocolError):
            return TargetError(f"http: the request cannot be sent ({what})")
        outcome = next(
            (outcome for kind, outcome in _OUTCOMES.items() if isinstance(error, kind)), "reset"
        )
        return self._fault(outcome, f"{_SAID[outcome]} ({what})")

    def _fault(self, outcome: str, said: str) -> Exception:
        return StoppedError() if self._stopped.is_set() else TransientError(outcome, said)

    def _tell(self, state: tenacity.RetryCallState, until: float) -> None:
        """Say now and then why there is a pause."""
        now = time.monotonic()
        if now < self._silent_until:
            return
        self._silent_until = now + SILENCE
        fault = state.outcome.exception() if state.outcome else None
        _log.warning(
            "http: %s: %s; trying again, for at most %.0f s more", self._host, fault, until - now
        )

    def _pause(self, state: tenacity.RetryCallState) -> float:
        """Say how long to wait before the next try: as asked for, or longer each time."""
        longest = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(state.attempt_number - 1, 30))
        pause = _jitter.uniform(longest / 2, longest)
        fault = state.outcome.exception() if state.outcome else None
        asked_for = fault.retry_after if isinstance(fault, TransientError) else None
        return asked_for + _jitter.uniform(0, FIRST_WAIT) if asked_for else pause


def _is_whole(response: httpx2.Response) -> bool:
    """Say whether an answer that was read to its end is all that there is of it.

    One that is shorter than it says was an error already; one without a length may be cut.
    """
    framed = {"content-length", "transfer-encoding"} & {*response.headers}
    return bool(framed) or response.status_code in (204, 205)


def _read(response: httpx2.Response) -> bytes:
    """Read an answer, piece by piece; of an error, the beginning.

    Raises:
        RefusedError: It is too large.
    """
    body = bytearray()
    for piece in response.iter_bytes():
        body += piece
        if not response.is_success and len(body) > LONGEST_WORDS:
            break
        if len(body) > LARGEST:
            raise RefusedError(f"more than {LARGEST // 2**20} MiB")
    return bytes(body)
