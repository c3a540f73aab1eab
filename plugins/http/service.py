"""Asks a service over HTTP, again while that may help, and judges its answers.

Requests are sent in an event loop of their own, so that a limit of time holds for all of a request,
looking up the host's name included, and so that another thread can end it.
"""

import asyncio
import codecs
import ipaddress
import json
import logging
import math
import random
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import Any, Final, TypeVar

import httpx2

from neatfool import Ledger, TargetError, TargetUnavailable

from . import responses
from .credentials import Credentials
from .options import Options

ReadT = TypeVar("ReadT")

GIVE_UP_AFTER: Final = 300.0
"""Seconds from the first try of a request after which the run pauses."""
FIRST_WAIT: Final = 0.5
"""Seconds between a request and the next try, the first time; each time is twice as long."""
LONGEST_WAIT: Final = 30.0
"""The most seconds between two tries, unless the service asks for more."""
SILENCE: Final = 10.0
"""Seconds between two messages on what is being waited for."""
FIRST_CONTACT: Final = 15.0
"""Seconds for a service that never answered, if it is not there or says no JSON: its address may be
wrong."""
LARGEST: Final = 8 * 2**20
"""The most bytes of an answer, after decompression."""
MOST_VALUES: Final = 2**20
"""The most values of an answer, roughly: while JSON is read, no other thread can go on."""
MOST_QUOTED: Final = 2**16
"""The most bytes of an answer that are looked through for what its message quotes."""
SECONDS_TO_END: Final = 0.5
"""How long closing waits for an answer to be read to its end."""
SHOWN: Final = 300
"""The most characters of a message that are what the service says."""
_NOT_CONNECTED: Final = "not connected"
_NO_JSON: Final = "no JSON"
_log = logging.getLogger("neatfool.target.http")
_jitter = random.SystemRandom()  # many clients must not come back at the same time


class Service:
    """What is asked over HTTP, by several threads at once; a ``ledger`` counts requests."""

    def __init__(
        self,
        options: Options,
        credentials: Credentials,
        transport: httpx2.AsyncHTTPTransport,
    ) -> None:
        self.ledger: Ledger | None = None
        self._options, self._credentials = options, credentials
        self._host = httpx2.URL(options.url).host
        accepted = {"Accept": "application/json", "Accept-Encoding": "gzip, deflate"}
        self._headers = httpx2.Headers({"User-Agent": "neatfool", **accepted})
        self._headers.update(options.headers)  # in place of these, however they are capitalised
        self._transport = transport
        with suppress(ValueError):  # It is a name.
            self._check_address(self._host)
        self._next_turn, self._answered = 0.0, False
        self._silent_until = time.monotonic() + SILENCE / 2
        self._closed, self._lock = False, threading.Lock()
        self._asked: set[Future[Any]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._work, name="http", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        self._loop.run_forever()
        self._loop.close()

    def ask(
        self,
        request: httpx2.Request,
        read: Callable[[Any], ReadT],
        *,
        images: int = 0,
        tries: int = sys.maxsize,
    ) -> ReadT:
        """Send a request until it is answered; give what ``read`` makes of the answer's JSON."""
        future = None
        with self._lock:
            if not self._closed:
                asking = self._ask(request, read, images, tries)
                future = asyncio.run_coroutine_threadsafe(asking, self._loop)
                self._asked.add(future)
        with suppress(CancelledError):
            if future is not None:
                try:
                    return future.result()
                finally:
                    self._asked.discard(future)
        raise TargetUnavailable(f"http: closed while {self._host} was waited for")

    def close(self) -> None:
        """End what is under way at once, and close the connections."""
        with self._lock:
            closed, self._closed = self._closed, True
        if closed:
            return
        # Those who wait go on now, even if the event loop reads an answer for seconds.
        for future in [*self._asked]:
            future.cancel()

        async def end() -> None:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            try:
                await self._transport.aclose()
            finally:
                self._loop.stop()

        asyncio.run_coroutine_threadsafe(end(), self._loop)
        self._thread.join(SECONDS_TO_END)

    async def _ask(
        self, request: httpx2.Request, read: Callable[[Any], ReadT], images: int, tries: int
    ) -> ReadT:
        until = math.inf
        for number in range(tries):
            try:
                await self._wait_for_turn(until)
                began = time.monotonic()
                until = min(until, began + GIVE_UP_AFTER)
                return await self._send(request, read, until, images)
            except responses.TransientError as error:
                fault = error
            if fault.outcome in {_NOT_CONNECTED, _NO_JSON} and not self._answered:
                until = min(until, began + FIRST_CONTACT)
            longest = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(number, 30))
            pause = _jitter.uniform(longest / 2, longest)
            if fault.retry_after:
                pause = fault.retry_after + _jitter.uniform(0, FIRST_WAIT)
            if number + 1 == tries or self._is_too_late(pause, until):
                break
            if (now := time.monotonic()) >= self._silent_until:
                self._silent_until = now + SILENCE
                words = "http: %s: %s; trying again, for at most %.0f s more"
                _log.warning(words, self._host, fault, until - now)
            await asyncio.sleep(pause)
        quiet = f", and asks for {fault.retry_after:.0f} s of quiet" if fault.retry_after else ""
        raise TargetUnavailable(f"http: {self._host} did not answer in time; last, {fault}{quiet}")

    async def _wait_for_turn(self, until: float) -> None:
        """Wait until a request may be sent, and take the turn."""
        while (pause := self._next_turn - time.monotonic()) > 0:
            if self._is_too_late(pause, until):
                raise responses.TransientError("not sent", "its turn would have come too late")
            await asyncio.sleep(pause)
        rate = self._options.requests_per_second
        self._next_turn = time.monotonic() + (1 / rate if rate else 0.0)

    def _is_too_late(self, wait: float, until: float) -> bool:
        # It may cost something, and so is not sent with less than a tenth of its time.
        least = 0.1 * min(self._options.timeout, GIVE_UP_AFTER)
        return time.monotonic() + wait + least >= until

    async def _send(
        self, request: httpx2.Request, read: Callable[[Any], ReadT], until: float, images: int
    ) -> ReadT:
        """Send a request once, and note in the ledger what becomes of it."""
        ledger = self.ledger if images else None
        number = ledger.debit(images) if ledger is not None else 0
        outcome, sent = "failed", asyncio.Event()
        seconds = min(self._options.timeout, until - time.monotonic())
        try:
            answer = read(await self._exchange(request, seconds, sent))
            outcome, self._answered = "answered", True
        except (responses.RefusedError, responses.RejectedError) as error:
            outcome = error.outcome
            raise
        except responses.TransientError as error:
            outcome = error.outcome
            quiet = min(error.retry_after or 0.0, GIVE_UP_AFTER)
            self._next_turn = max(self._next_turn, time.monotonic() + quiet)
            raise
        finally:
            if ledger is not None and sent.is_set():
                ledger.settle(number, outcome)
            elif ledger is not None:
                ledger.take_back(number)
        return answer

    async def _exchange(self, request: httpx2.Request, seconds: float, sent: asyncio.Event) -> Any:
        """Read an answer's JSON that is whole in time; set ``sent`` if the service is sent it."""

        async def watch(event: str, info: Mapping[str, Any]) -> None:
            """Follow a request by httpx2's names of what it does."""
            if event == "connection.connect_tcp.complete":
                stream = info["return_value"]
                try:
                    self._check_peer(stream.get_extra_info("server_addr"))
                except (TargetError, httpx2.ConnectError):
                    await stream.aclose()
                    raise
            elif event == "http11.send_request_headers.started":
                sent.set()

        # A signer may take its time.
        complete = await asyncio.to_thread(self._credentials.complete, request, self._headers)
        complete.extensions["trace"] = watch
        body = bytearray()
        try:
            async with asyncio.timeout(seconds):
                response = await self._transport.handle_async_request(complete)
                try:
                    async for piece in response.aiter_bytes():
                        body += piece
                        if not response.is_success and len(body) > MOST_QUOTED:
                            break
                        if len(body) > LARGEST:
                            raise responses.RefusedError(f"more than {LARGEST // 2**20} MiB")
                finally:
                    await response.aclose()
        except TimeoutError:
            outcome = "timed out" if sent.is_set() else _NOT_CONNECTED
            message = f"{outcome} after {seconds:.3g} s"
            raise responses.TransientError(outcome, message) from None
        except httpx2.RequestError as error:
            raise self._explain(error) from None
        self._check_status(response, body)
        return self._parse(response, body)

    def _check_peer(self, peer: tuple[str, int] | None) -> None:
        """Refuse a connection to what must not be sent anything, or that was reset at once."""
        if peer is None:
            raise httpx2.ConnectError("reset at once")
        self._check_address(peer[0])

    def _check_address(self, text: str) -> None:
        """Refuse an address that must not be sent anything."""
        address = ipaddress.ip_address(text.partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        named = self._host if self._host == text else f"{self._host} ({text})"
        if address.is_link_local:
            raise TargetError(f"http: {named} is a link-local address; it is never sent anything")
        if not address.is_global and not self._options.allow_private:
            raise TargetError(
                f"http: {named} is this machine or in a private network; if it is meant, say "
                "[target] allow_private = true"
            )

    def _explain(self, error: httpx2.RequestError) -> Exception:
        """Say what a connection's error means."""
        cause = self._quote(str(error)) or type(error).__name__
        if "CERTIFICATE_VERIFY_FAILED" in cause:
            return TargetError(
                f"http: the certificate of {self._host} is not trusted ({cause}); if it is signed "
                "by an authority of your own, give its certificate as [target] ca_file"
            )
        unknown: BaseException | None = error
        while unknown is not None and not isinstance(unknown, socket.gaierror):
            unknown = unknown.__cause__ or unknown.__context__
        if unknown is not None and unknown.errno not in (socket.EAI_AGAIN, socket.EAI_FAIL):
            return TargetError(f"http: there is no host {self._host!r}; check [target] url")
        outcome = _NOT_CONNECTED if isinstance(error, httpx2.ConnectError) else "broken off"
        return responses.TransientError(outcome, f"the connection failed ({cause})")

    def _check_status(self, response: httpx2.Response, body: bytearray) -> None:
        """Judge an answer by its status."""
        if response.is_success:
            return
        status, quoted = response.status_code, self._quote_body(body)
        if status >= 500 or status in {408, 425, 429}:
            header = response.headers.get("Retry-After", "")
            wait = float(header[:9]) if header.isascii() and header.isdecimal() else None
            raise responses.TransientError(str(status), f"it answered {status}{quoted}", wait)
        hint = "; check the key, and what it is for" if status in (401, 403) else ""
        if 300 <= status < 400:
            hint = "; redirections are not followed, give the address that it leads to"
        message = f"http: {self._host} answered {status}{quoted}{hint}"
        raise responses.RejectedError(str(status), message)

    def _parse(self, response: httpx2.Response, body: bytearray) -> Any:
        """Read an answer's JSON, without the key."""
        try:
            if sum(map(body.count, (b",", b"[", b"{"))) > MOST_VALUES:
                raise responses.RefusedError(f"more than {MOST_VALUES:,} values")
            return self._credentials.scrub_json(json.loads(body.removeprefix(codecs.BOM_UTF8)))
        except RecursionError:
            raise responses.RefusedError("nested too deeply") from None
        except ValueError:
            status, quoted = response.status_code, self._quote_body(body)
            words = f"it answered {status} and no JSON{quoted}"
            raise responses.TransientError(_NO_JSON, words) from None

    def _quote_body(self, body: bytearray) -> str:
        quoted = self._quote(body[:MOST_QUOTED].decode("utf-8", "replace"))
        return f": {quoted}" if quoted else ""

    def _quote(self, text: str) -> str:
        """Prepare for a message what a service said: without the key, in one line, shortened."""
        text = " ".join(self._credentials.scrub(text).split())
        shown = "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
        return shown if len(shown) <= SHOWN else f"{shown[: SHOWN - 1]}…"
