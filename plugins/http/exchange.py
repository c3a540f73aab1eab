"""Sends one request with httpx2, once and in time, and judges its answer.

Requests are sent in an event loop of their own, so that a limit of time holds for all of a request,
looking up the host's name included, and so that another thread can end it.
"""

from __future__ import annotations

import asyncio
import codecs
import ipaddress
import json
import socket
import ssl
import threading
import urllib.request
from collections.abc import Mapping
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin, urlsplit

import httpx2

from neatfool import ExperimentError, TargetError

from .answers import (
    NotJsonError,
    RefusedError,
    RejectedError,
    TransientError,
    attach_raw_tensors,
    read_wait,
)

if TYPE_CHECKING:
    from .credentials import Credentials
    from .options import Options

LARGEST: Final = 8 * 2**20
"""The most bytes of an answer, after decompression."""
LONGEST_WORDS: Final = 2**16
"""Of an error so many bytes are read, or a few more."""
SHOWN: Final = 300
"""The most characters of a message that are what the service says."""
RETRIED: Final = frozenset((408, 425, 429))
"""The 4xx that may be better the next time; each 5xx may."""
_HEADERS: Final = {
    "User-Agent": "neatfool",
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
}
_CONNECTED: Final = "connection.connect_tcp.complete"
_SENDING: Final = "http11.send_request_headers.started"
"""What httpx2 calls two steps of a request, which it tells an extension ``trace``."""
_NOT_CONNECTED: Final = ("not connected", "it could not be connected to")
_BROKEN: Final[dict[type[Exception], tuple[str, str]]] = {
    httpx2.ConnectError: _NOT_CONNECTED,
    httpx2.RemoteProtocolError: ("truncated", "the connection ended too early"),
    httpx2.DecodingError: ("truncated", "the answer's compression is damaged"),
    httpx2.ProxyError: ("proxy failed", "the proxy failed"),
    httpx2.RequestError: ("reset", "the connection was reset"),
}
"""An error of a connection -> what is entered in the ledger, and said; the first that fits."""
_NO_PROXY: Final = (
    "[target] proxy_from_env: what the environment names is no address of a proxy; it must be "
    "http://HOST:PORT or http://USER:PASSWORD@HOST:PORT, with the signs : / ? # @ in USER and "
    "PASSWORD written as %3A %2F %3F %23 %40"
)


class Exchange:
    """Sends requests to a ``host``, each once."""

    def __init__(self, options: Options, credentials: Credentials) -> None:
        """Prepare to connect; nothing is sent.

        Raises:
            ExperimentError: The proxy or the certificates cannot be used.
            TargetError: The address must not be connected to.
        """
        self._url = options.url
        self.host = httpx2.URL(options.url).host
        self._credentials = credentials
        self._allow_private = options.allow_private
        self._headers = httpx2.Headers(_HEADERS)
        self._headers.update(options.headers)  # in place of these, however they are capitalised
        self._proxy = find_proxy(options.url) if options.proxy_from_env else None
        with suppress(ValueError):  # It is a name.
            self._check_address(self.host)
        self._transport = httpx2.AsyncHTTPTransport(
            verify=_make_tls(options),
            trust_env=False,
            limits=httpx2.Limits(max_connections=options.concurrency, keepalive_expiry=30.0),
            proxy=None if self._proxy is None else _read_proxy(self._proxy),
        )
        self._closed, self._lock = False, threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="http", daemon=True)
        self._thread.start()

    def send(self, request: httpx2.Request, seconds: float, sent: threading.Event) -> Any:
        """Send a request, and read the JSON of an answer that is whole in so many seconds.

        ``sent`` is set when a connection is made, and the service is about to be sent it.

        Raises:
            TransientError: It failed, and another one may not.
            RejectedError: The service does not want it.
            RefusedError: The answer cannot be used.
            TargetError: It cannot be sent, or must not.
            CancelledError: All was closed.
        """
        complete = self._credentials.complete(request, self._headers)

        async def watch(event: str, info: Mapping[str, Any]) -> None:
            """Follow a request by httpx2's names of what it does."""
            if event == _CONNECTED and self._proxy is None:
                try:
                    self._check_address(info["return_value"].get_extra_info("server_addr")[0])
                except TargetError:
                    await info["return_value"].aclose()
                    raise
            # A CONNECT is for a proxy, and not yet for the service.
            elif event == _SENDING and info["request"].method != b"CONNECT":
                sent.set()

        complete.extensions["trace"] = watch
        with self._lock:
            if self._closed:
                raise CancelledError
            coroutine = self._exchange(complete, seconds)
            future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            response, body = future.result()
        except TimeoutError:
            outcome, message = (
                ("timed out", "no whole answer came") if sent.is_set() else _NOT_CONNECTED
            )
            raise TransientError(outcome, f"{message} in {seconds:.3g} s") from None
        except httpx2.RequestError as error:
            raise self._explain(error) from None
        self._check_status(response, body)
        return self._parse(response, body)

    def close(self) -> None:
        """End what is under way at once, and close the connections."""
        with self._lock:
            closed, self._closed = self._closed, True
        if closed:
            return

        async def end() -> None:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await self._transport.aclose()

        asyncio.run_coroutine_threadsafe(end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _exchange(
        self, request: httpx2.Request, seconds: float
    ) -> tuple[httpx2.Response, bytes]:
        async with asyncio.timeout(seconds):
            response = await self._transport.handle_async_request(request)
            try:
                body = bytearray()
                async for piece in response.aiter_bytes():
                    body += piece
                    if not response.is_success and len(body) > LONGEST_WORDS:
                        break
                    if len(body) > LARGEST:
                        raise RefusedError(f"more than {LARGEST // 2**20} MiB")
                return response, bytes(body)
            finally:
                await response.aclose()

    def _check_address(self, text: str) -> None:
        """Refuse an address that must not be sent anything.

        Raises:
            ValueError: It is none.
            TargetError: It is link-local, or it is private and that is not allowed.
        """
        address = ipaddress.ip_address(text.partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        named = self.host if self.host == text else f"{self.host} ({text})"
        if address.is_link_local:
            raise TargetError(f"http: {named} is a link-local address; it is never sent anything")
        if not address.is_global and not self._allow_private:
            raise TargetError(
                f"http: {named} is an address of this machine or of a private network; if it is "
                "meant, say [target] allow_private = true"
            )

    def _explain(self, error: httpx2.RequestError) -> Exception:
        """Say what a connection's error means."""
        cause = self._quote(str(error)) or type(error).__name__
        if "CERTIFICATE_VERIFY_FAILED" in cause:
            return TargetError(
                f"http: the certificate of {self.host} is not trusted ({cause}); if it is signed "
                "by an authority of your own, give its certificate as [target] ca_file"
            )
        if isinstance(error, httpx2.LocalProtocolError):
            return TargetError(f"http: the request cannot be sent ({cause})")
        unknown: BaseException | None = error
        while unknown is not None and not isinstance(unknown, socket.gaierror):
            unknown = unknown.__cause__ or unknown.__context__
        if unknown is not None and unknown.errno not in (socket.EAI_AGAIN, socket.EAI_FAIL):
            return TargetError(f"http: there is no host {self.host!r}; check [target] url")
        outcome, message = next(entry for kind, entry in _BROKEN.items() if isinstance(error, kind))
        return TransientError(outcome, f"{message} ({cause})")

    def _check_status(self, response: httpx2.Response, body: bytes) -> None:
        """Judge an answer by its status."""
        status = response.status_code
        if status >= 500 or status in RETRIED:
            wait = read_wait(response.headers.get("Retry-After"))
            raise TransientError(str(status), f"it answered {status}{self._quote_body(body)}", wait)
        if 200 <= status < 300:
            return
        if 300 <= status < 400:
            message = (
                f", a redirection{self._describe_goal(response)}; redirections are not followed, "
                "give the address that it leads to as [target] url"
            )
        else:
            hint = "; check the key, and what it is for" if status in (401, 403) else ""
            message = f"{self._quote_body(body)}{hint}"
        raise RejectedError(str(status), f"http: {self.host} answered {status}{message}")

    def _parse(self, response: httpx2.Response, body: bytes) -> Any:
        """Read an answer's JSON, without the key, and the raw tensors that follow it."""
        try:
            length = response.headers.get("Inference-Header-Content-Length")
            end = len(body) if length is None else int(length)
            document = json.loads(body[:end].removeprefix(codecs.BOM_UTF8))
            return attach_raw_tensors(self._credentials.scrub_json(document), body[end:])
        except RecursionError:
            raise RefusedError("nested too deeply") from None
        except ValueError:
            quoted, status = self._quote_body(body), response.status_code
            # Shorter than it says was an error already; one that says no length may be cut.
            if {"content-length", "transfer-encoding"} & {*response.headers} or status == 204:
                no_json = f"it answered {status} and no JSON{quoted}"
                raise NotJsonError("not JSON", no_json) from None
            raise TransientError("truncated", f"the answer was no whole JSON{quoted}") from None

    def _describe_goal(self, response: httpx2.Response) -> str:
        """Say where a redirection leads, without what may be secret in an address."""
        try:
            where = urlsplit(urljoin(self._url, response.headers["Location"]))
        except (KeyError, ValueError):
            return ""
        host = where.netloc.rpartition("@")[2]
        more = "?…" if where.query else ""
        return f" to {self._quote(f'{where.scheme}://{host}{where.path}')}{more}"

    def _quote_body(self, body: bytes) -> str:
        quoted = self._quote(body.decode("utf-8", "replace"))
        return f": {quoted}" if quoted else ""

    def _quote(self, text: str) -> str:
        """Prepare for a message what a service said: without the key, in one line, shortened."""
        text = " ".join(self._credentials.scrub(text).split())
        shown = "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
        return shown if len(shown) <= SHOWN else f"{shown[: SHOWN - 1]}…"


def find_proxy(url: str) -> str | None:
    """Find the proxy that the environment names for a URL; None if there is none."""
    parts = urlsplit(url)
    if urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


def _read_proxy(proxy: str) -> httpx2.Proxy:
    try:
        url = httpx2.URL(proxy if "://" in proxy else f"http://{proxy}")
        port = url.port or 80
    except httpx2.InvalidURL:
        # Its words may hold a part of the password.
        raise ExperimentError(_NO_PROXY) from None
    is_address = url.host and url.raw_path == b"/" and not url.fragment and port < 2**16
    if url.scheme != "http" or not is_address:
        raise ExperimentError(_NO_PROXY)
    return httpx2.Proxy(url)


def _make_tls(options: Options) -> ssl.SSLContext:
    if options.ca_file is None:
        return httpx2.create_ssl_context(verify=options.verify_tls, trust_env=False)
    # ssl.create_default_context() would write what was agreed on to the file SSLKEYLOGFILE.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(options.ca_file)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    except (OSError, ssl.SSLError) as error:
        raise ExperimentError(
            f"[target] ca_file: {options.ca_file} holds no certificates ({error})"
        ) from None
    return context
