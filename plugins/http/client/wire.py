"""Connections that go only where they may, end in time, and can be cut from another thread.

A name is looked up, each of its addresses is checked, and what is connected to is an address that
was checked: that the name means something else a moment later changes nothing.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

import httpcore2

from .addresses import check_address, check_name, read_address, resolve
from .faults import StoppedError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Iterator

    from .addresses import Address

_PIECE: Final = 2**17
"""The most bytes that are sent at once, after which the deadline is looked at."""


class Deadline(threading.local):
    """When what this thread is about must be done, by ``time.monotonic``.

    Attributes:
        sent: Whether any of it was sent.
    """

    until = float("inf")
    sent = False

    def begin(self, seconds: float) -> None:
        """Set it for a request, of which nothing is sent yet."""
        self.until, self.sent = time.monotonic() + seconds, False

    def left(self) -> float:
        """Give the seconds that are left.

        Raises:
            TimeoutError: None are.
        """
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time is up")
        return left


class Backend(httpcore2.NetworkBackend):
    """Connects to addresses that were checked."""

    def __init__(self, *, allow_private: bool, proxy: str | None = None) -> None:
        """Begin without connections.

        Args:
            allow_private: Whether a host may be this machine or one of a private network.
            proxy: The host of a proxy that may be either, too.
        """
        self.deadline = Deadline()
        self._allow_private = allow_private
        self._proxy = proxy
        self._stopped: Future[None] = Future()
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._lock = threading.Lock()

    def stop(self) -> None:
        """Cut all connections; what waits for one ends at once."""
        if not self._stopped.done():
            self._stopped.set_result(None)
        with self._lock:
            sockets = list(self._sockets)
        for each in sockets:
            _cut(each)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first of a host's addresses that can be connected to."""
        allowed = self._allow_private or host == self._proxy
        with _translate_errors(httpcore2.ConnectTimeout, httpcore2.ConnectError):
            addresses = resolve(host, port, self.deadline.left(), self._stopped)
            for address in addresses:
                check_address(address, host, allow_private=allowed)
            while True:
                share = self.deadline.left() / len(addresses)
                try:
                    return self._connect(addresses.pop(0), port, share)
                except OSError:
                    if not addresses:
                        raise

    def _connect(self, address: Address, port: int, timeout: float) -> Stream:
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        made = socket.socket(family, socket.SOCK_STREAM)
        try:
            self.keep(made)
            made.settimeout(timeout)
            made.connect((str(address), port))
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            made.close()
            raise
        return Stream(made, self)

    def check_host(self, host: str) -> None:
        """Check a host before it is looked up, which a proxy may do: its name, or its address.

        Raises:
            TargetError: It must not be asked.
        """
        check_name(host)
        if (address := read_address(host.strip("[]"))) is not None:
            check_address(address, host, allow_private=self._allow_private)

    def keep(self, opened: socket.socket) -> None:
        """Take note of a connection, to cut it when all is stopped.

        Raises:
            StoppedError: It is.
        """
        with self._lock:
            self._sockets.add(opened)
        if self._stopped.done():
            raise StoppedError


class Stream(httpcore2.NetworkStream):
    """A connection of which every step ends by the deadline."""

    def __init__(self, connected: socket.socket, backend: Backend) -> None:
        self._socket = connected
        self._backend = backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Wait for some bytes; none are the end."""
        with _translate_errors(httpcore2.ReadTimeout, httpcore2.ReadError):
            self._socket.settimeout(self._backend.deadline.left())
            return self._socket.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send bytes."""
        with _translate_errors(httpcore2.WriteTimeout, httpcore2.WriteError):
            self._backend.deadline.sent = True
            view = memoryview(buffer)
            while view:
                self._socket.settimeout(self._backend.deadline.left())
                view = view[self._socket.send(view[:_PIECE]) :]

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        """Begin TLS."""
        with _translate_errors(httpcore2.ConnectTimeout, httpcore2.ConnectError):
            try:
                self._socket.settimeout(self._backend.deadline.left())
                wrapped = ssl_context.wrap_socket(
                    self._socket, server_hostname=server_hostname, do_handshake_on_connect=False
                )
                self._socket = wrapped
                self._backend.deadline.sent = False  # What came before was for a proxy.
                self._backend.keep(wrapped)
                wrapped.do_handshake()
            except BaseException:
                self._socket.close()
                raise
        return Stream(wrapped, self._backend)

    def get_extra_info(self, info: str) -> Any:
        """Say what the pool asks of a connection: whether it was closed at the other end."""
        return _is_readable(self._socket) if info == "is_readable" else None


def _cut(connected: socket.socket) -> None:
    """Wake whoever waits for a connection; it is at its end."""
    with contextlib.suppress(OSError):
        # An SSL socket's own shutdown() would first take its state away from the waiting thread.
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


@contextlib.contextmanager
def _translate_errors(timed_out: type[Exception], failed: type[Exception]) -> Iterator[None]:
    """Turn a socket's errors into httpcore's."""
    try:
        yield
    except TimeoutError as error:
        raise timed_out(str(error)) from error
    except OSError as error:
        raise failed(str(error)) from error


def _is_readable(connected: socket.socket) -> bool:
    if connected.fileno() < 0:
        return True
    with selectors.DefaultSelector() as selector:
        selector.register(connected, selectors.EVENT_READ)
        return bool(selector.select(0))
