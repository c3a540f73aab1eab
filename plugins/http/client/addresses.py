"""Which addresses may be connected to, and how a host's name becomes such addresses."""

from __future__ import annotations

import ipaddress
import socket
import threading
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any, Final, TypeAlias

import httpx2

from neatfool import TargetError

from .faults import StoppedError, TransientError

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

METADATA: Final = frozenset(
    (
        *map(ipaddress.IPv4Address, ("169.254.169.254", "169.254.170.2", "100.100.100.200")),
        *map(ipaddress.IPv4Address, ("168.63.129.16", "192.0.0.192")),
        *map(ipaddress.IPv6Address, ("fd00:ec2::254", "fd20:ce::254")),
    )
)
"""Where clouds tell a machine its own secrets."""
METADATA_NAMES: Final = frozenset(
    ("metadata", "metadata.google.internal", "metadata.goog", "instance-data")
)
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_TRANSLATED: Final = (
    ipaddress.ip_network("64:ff9b:1::/48"),
    ipaddress.ip_network("::ffff:0:0:0/96"),
)
"""What a network's own translators make IPv4 addresses of, in ways that only they know."""
_TRY_AGAIN: Final = {socket.EAI_AGAIN, socket.EAI_FAIL}


def check_url(url: str) -> None:
    """Check that requests can be made to a URL.

    Raises:
        ValueError: The host is neither a name nor an address as the standards write them.
    """
    try:
        httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise ValueError(
            f"is no address ({error}); give http://HOST or https://HOST, where HOST is a name, or "
            "an address such as 127.0.0.1 or [::1]"
        ) from None


def check_name(host: str) -> None:
    """Refuse the names under which clouds tell a machine its own secrets.

    Raises:
        TargetError: It is one.
    """
    name = host.rstrip(".").lower()
    if name in METADATA_NAMES or name.startswith("instance-data."):
        raise TargetError(f"http: {host} is a cloud's metadata service; it is never asked")


def read_address(host: str) -> Address | None:
    """Read a host that is an address, in any way that systems read one; None if it is a name."""
    host = host.partition("%")[0].rstrip(".")
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        # 2852039166, 0xa9fea9fe and 169.254.43518 are 169.254.169.254, too.
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None


def check_address(address: Address, host: str, *, allow_private: bool) -> None:
    """Refuse an address that must not be connected to.

    Args:
        address: The address.
        host: What it belongs to, for the message.
        allow_private: Whether it may be this machine or one of a private network.

    Raises:
        TargetError: It is link-local, multicast, unspecified, reserved or a metadata service's, or
            it is private and that is not allowed.
    """
    named = host if host == str(address) else f"{host} ({address})"
    meant = _list_meanings(address)
    for each in meant:
        if each in METADATA:
            raise TargetError(f"http: {named} is a cloud's metadata service; it is never asked")
        if kind := _describe_unusable(each):
            raise TargetError(f"http: {named} is {kind} address; it is never connected to")
    if not allow_private and not all(map(_is_public, meant)):
        raise TargetError(
            f"http: {named} is an address of this machine or of a private network; if it is "
            "meant, say [target] allow_private = true"
        )


def _describe_unusable(address: Address) -> str | None:
    if address.is_link_local:
        return "a link-local"
    if address.is_multicast:
        return "a multicast"
    if address.is_unspecified or address in ipaddress.ip_network("0.0.0.0/8"):
        return "an unspecified"
    if any(address in each for each in _TRANSLATED):
        return "a translated"
    if address.is_reserved and isinstance(address, ipaddress.IPv4Address):
        return "a reserved"
    return None


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address.is_site_local:
        return False
    return address.is_global or address in _NAT64


def _list_meanings(address: Address) -> list[Address]:
    """List what an address stands for: itself, and the IPv4 addresses that are within it."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    within = [address.sixtofour, *(address.teredo or ())]
    if address in _NAT64 or 1 < int(address) < 2**32:
        within.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [address, *filter(None, within)]


def resolve(host: str, port: int, timeout: float, stopped: Future[None]) -> list[Address]:
    """Find a host's addresses, each once: at least one.

    Raises:
        TargetError: There is no such host.
        TransientError: The name could not be looked up now, or in time.
        StoppedError: ``stopped`` was done first.
    """
    check_name(host)
    found: Future[Any] = Future()
    futures: list[Future[Any]] = [found, stopped]

    def look_up() -> None:
        try:
            found.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            found.set_exception(error)

    # It cannot be told to give up, so it is left to itself.
    threading.Thread(target=look_up, name="look-up", daemon=True).start()
    wait(futures, timeout, FIRST_COMPLETED)
    if stopped.done():
        raise StoppedError
    if not found.done():
        raise TransientError("not resolved", f"the name {host} could not be looked up in time")
    error = found.exception()
    if isinstance(error, socket.gaierror) and error.errno in _TRY_AGAIN:
        raise TransientError("not resolved", f"the name {host} cannot be looked up now")
    if error is not None:
        raise TargetError(f"http: there is no host {host!r}; check [target] url")
    texts = dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found.result())
    return [ipaddress.ip_address(text) for text in texts]
