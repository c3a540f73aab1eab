"""The network: where the service listens, and how it ends."""

from __future__ import annotations

import asyncio
import gc
import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from neatfool.errors import ExperimentError
from neatfool.evolution.interrupts import Interrupts

if TYPE_CHECKING:
    from starlette.types import ASGIApp

SECONDS_TO_FINISH: Final = 1
"""How long requests under way may go on once the service is to end."""
SECONDS_OF_SILENCE: Final = 75
"""After which a connection is closed: a search may breed for a while between two requests."""
SECONDS_TO_ASK: Final = 20
"""How long a new connection may be silent, and the header of a request may take to come."""


def listen(host: str, port: int) -> socket.socket:
    """Begin to listen.

    Args:
        host: An address of this machine, or a name of it.
        port: The port; 0: any that is free.

    Raises:
        ExperimentError: The port is taken, or the address is none of this machine's.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        raise ExperimentError(
            f"cannot listen on {host}, port {port}: {error.strerror or error}. Give another --port "
            "(0: any that is free) or --host"
        ) from error
    # Connections inherit it. asyncio leaves it off for this socket, and each answer, which goes in
    # two pieces, would wait 40 ms for the client to acknowledge the first.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def address_of(listening: socket.socket) -> str:
    """Give the URL that a socket is reached at."""
    host, port = listening.getsockname()[:2]
    if ip_address(host).is_unspecified:
        host = socket.gethostname()
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def is_private_to_this_machine(listening: socket.socket) -> bool:
    """Say whether only this machine itself can reach a socket."""
    return ip_address(listening.getsockname()[0]).is_loopback


def serve(app: ASGIApp, listening: socket.socket) -> None:
    """Answer requests until Ctrl-C or SIGTERM; what is under way then is given a second.

    Args:
        app: The application.
        listening: Where to; it is closed at the end.
    """
    server = make_server(app)
    # Nothing that is there now is garbage before the end: neither requests nor the end, which is to
    # be soon, need wait for Python to look through it.
    gc.freeze()

    def end() -> None:
        server.should_exit = True

    # uvicorn handles signals itself once it has begun, and raises them anew when it has ended.
    with Interrupts(end).handled():
        server.run([listening])


def make_server(app: ASGIApp) -> uvicorn.Server:
    """Make what answers requests."""
    config = uvicorn.Config(
        app,
        http=_Impatient,
        ws="none",
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=SECONDS_OF_SILENCE,
    )
    return _Server(config)


class _Impatient(H11Protocol):
    """Closes connections that nothing comes of; uvicorn waits for a header for good."""

    _due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_header()

    def data_received(self, data: bytes) -> None:
        before = self.cycle
        if self._due is None and (before is None or before.response_complete):
            self._expect_header()
        super().data_received(data)
        if self.cycle is not before:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def timeout_keep_alive_handler(self) -> None:
        if self.transport.get_write_buffer_size():
            # Closed in peace, a connection is kept until all is read.
            self.transport.abort()
        super().timeout_keep_alive_handler()

    def _expect_header(self) -> None:
        self._due = self.loop.call_later(SECONDS_TO_ASK, self.timeout_keep_alive_handler)

    def _stop_waiting(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None


class _Server(uvicorn.Server):
    """Ends in time; uvicorn's own way to do so complains of each request that is cut off."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(SECONDS_TO_FINISH, setattr, self, "force_exit", True)
        await super().shutdown(sockets)
