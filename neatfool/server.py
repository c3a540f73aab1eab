"""An HTTP server for plugins: where it listens, whom it answers, and how it ends.

It needs what the extra ``serve`` installs.
"""

import asyncio
import gc
import hmac
import re
import signal
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from fnmatch import fnmatchcase
from ipaddress import ip_address
from typing import Any, Final

import uvicorn
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from neatfool.errors import ExperimentError

__all__ = ["BrowserGuard", "address_of", "guard_page", "listen", "make_server", "run_server"]

SECONDS_OF_SILENCE: Final = 75
"""A connection is closed after this silence. A search may breed for a minute between requests."""
SECONDS_TO_ASK: Final = 20
"""A new connection, or a request's header, must be complete within this time."""
MOST_CONNECTIONS: Final = 256
"""With one more, the connection is closed that was silent longest between two requests."""
LONGEST_HEADER: Final = 2**14
"""The bytes of a request's header, of which each connection may hold so many."""
HOST: Final = re.compile(r"(\[[\da-f:.]+\]|[\w.-]+)(:\d+)?")
"""A ``Host`` in small letters: an address or a name, perhaps with a port."""

HEADERS_OF_A_PAGE: Final = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""A page's headers: it loads and asks nothing but its own server, and no site shows it."""


def listen(host: str, port: int) -> socket.socket:
    """Listen on an address or name of this machine; port 0 stands for any free port."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        raise ExperimentError(
            f"cannot listen on {host}, port {port}: {error.strerror or error}. Give another --port "
            "(0: any that is free) or host"
        ) from error
    # Connections inherit this option, which asyncio does not set here. Without it the second packet
    # of each answer waits 40 ms for the client to acknowledge the first.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def address_of(listening: socket.socket) -> str:
    """Give the URL of a socket."""
    host, port = listening.getsockname()[:2]
    if ip_address(host).is_unspecified:
        host = socket.gethostname()
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def run_server(
    app: ASGIApp, listening: socket.socket, on_end: Callable[[], None] = lambda: None
) -> None:
    """Answer until Ctrl-C or SIGTERM; call ``on_end``, and give requests a second to finish.

    It closes the socket.
    """
    server = make_server(app, on_end)
    # Python's collector need not search what exists now: it lives until the end.
    gc.freeze()
    # uvicorn ends on signals, and raises them again when it has ended.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        server.run([listening])
    signal.signal(signal.SIGTERM, before)


def make_server(app: ASGIApp, on_end: Callable[[], None] = lambda: None) -> uvicorn.Server:
    """Make the HTTP server; it calls ``on_end`` when it begins to shut down."""
    config = uvicorn.Config(
        app,
        http=_TimedProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=SECONDS_OF_SILENCE,
        h11_max_incomplete_event_size=LONGEST_HEADER,
    )
    return _Server(config, on_end)


class _TimedProtocol(H11Protocol):
    """Closes connections without a request in time; uvicorn waits forever for a header.

    It waits as long for clients that read no answer, and takes any number of connections.
    """

    _timers: dict[str, asyncio.TimerHandle]
    _heard = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timers = {}
        self._expect_header()
        self._heard = self.loop.time()
        if len(self.connections) > MOST_CONNECTIONS:
            timed = [each for each in self.connections if isinstance(each, _TimedProtocol)]
            idle = [each for each in timed if each._is_idle()]
            min(idle, key=lambda each: each._heard).transport.abort()

    def data_received(self, data: bytes) -> None:
        self._heard, before = self.loop.time(), self.cycle
        if "header" not in self._timers and self._is_idle():
            self._expect_header()
        super().data_received(data)
        if self.cycle is not before:
            self._cancel("header")

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel("header", "unread")
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        timer = self.loop.call_later(SECONDS_OF_SILENCE, self.transport.abort)
        self._timers["unread"] = timer

    def resume_writing(self) -> None:
        self._cancel("unread")
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        if self.transport.get_write_buffer_size():
            # A graceful close would wait until the client has read everything.
            self.transport.abort()
        super().timeout_keep_alive_handler()

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _expect_header(self) -> None:
        timer = self.loop.call_later(SECONDS_TO_ASK, self.timeout_keep_alive_handler)
        self._timers["header"] = timer

    def _cancel(self, *names: str) -> None:
        for name in names:
            if name in self._timers:
                self._timers.pop(name).cancel()


class _Server(uvicorn.Server):
    """Ends in time, without uvicorn's complaint about each request that it cuts off."""

    def __init__(self, config: uvicorn.Config, on_end: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_end = on_end

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_end()
        # Few calls take longer than this second.
        asyncio.get_running_loop().call_later(1, setattr, self, "force_exit", True)
        await super().shutdown(sockets)


class BrowserGuard:
    """Answers requests to an address or to one of some names, but none of another site's page.

    Such a request has the page's own name as ``Host``, if that name was made to lead here (*DNS
    rebinding*). Else ``Origin`` or ``Sec-Fetch-Site`` names another page.
    """

    def __init__(self, app: ASGIApp, names: Iterable[str]) -> None:
        """Guard an application, under names such as ``localhost`` or ``*.example.org``."""
        self._app = app
        self._names = [name.lower() for name in names]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        answer: ASGIApp = self._app
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            host, origin = headers.get("host", ""), headers.get("origin")
            # A link on another page may be followed: that page cannot read what it leads to.
            followed = scope["method"] == "GET" and headers.get("sec-fetch-mode") == "navigate"
            away = headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}
            own = {None, f"http://{host}".lower(), f"https://{host}".lower()}
            if (away and not followed) or (origin and origin.lower()) not in own:
                answer = JSONResponse({"error": "the page of another site asks"}, 403)
            elif not self._is_own(host.lower()):
                fault = "the request's Host is no name of this service; ask it by its address"
                answer = JSONResponse({"error": fault}, 400)
        await answer(scope, receive, send)

    def _is_own(self, host: str) -> bool:
        found = HOST.fullmatch(host)
        if found is None:
            return False
        with suppress(ValueError):  # nobody can make an address lead elsewhere
            return bool(ip_address(found[1].strip("[]")))
        return any(fnmatchcase(found[1], name) for name in self._names)


def guard_page(app: ASGIApp, token: str) -> ASGIApp:
    """Guard a page for this machine's user: its addresses begin with a secret token.

    Whoever does not know it is refused, and so are other sites' pages; see :class:`BrowserGuard`.
    Each answer gets safe headers.
    """
    headers = [(name.encode(), value.encode()) for name, value in HEADERS_OF_A_PAGE.items()]

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *headers]
            await send(message)

        _, given, *rest = f"{scope['path']}/".split("/", 2)
        if not hmac.compare_digest(given.encode(), token.encode()):
            words = "the address lacks its secret part: open the address that neatfool printed"
            await PlainTextResponse(words, 403)(scope, receive, send_safely)
            return
        path = f"/{rest[0][:-1]}" if rest else "/"
        inner: dict[str, Any] = {**scope, "path": path, "raw_path": path.encode()}
        # At the end the server cuts off a page that does not listen; that is no error.
        with suppress(asyncio.CancelledError):
            await app(inner, receive, send_safely)

    return BrowserGuard(answer, ["localhost"])
