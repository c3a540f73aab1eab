"""The client with which a service is asked: its connections, certificates, proxy and headers."""

from __future__ import annotations

import ssl
import urllib.request
from typing import TYPE_CHECKING, Final

import httpcore2
import httpx2

from neatfool import ExperimentError

from .credentials import CompletedTransport
from .wire import Backend, Transport

if TYPE_CHECKING:
    from pathlib import Path

    from . import Options
    from .credentials import Credentials

_LAST_PORT: Final = 65_535
_NO_PROXY: Final = (
    "[target] proxy_from_env: what the environment names is no address of a proxy; it must be "
    "http://HOST:PORT or http://USER:PASSWORD@HOST:PORT, with the signs : / ? # @ in USER and "
    "PASSWORD written as %3A %2F %3F %23 %40"
)


def connect(options: Options, credentials: Credentials) -> tuple[httpx2.Client, Backend]:
    """Make a client, and what its connections are made by; nothing is sent.

    Raises:
        ExperimentError: The proxy or the certificates cannot be used.
    """
    proxy = proxy_for(options.url) if options.proxy_from_env else None
    through = None if proxy is None else _proxy(proxy)
    proxy_host = None if through is None else through.url.host.decode("ascii")
    backend = Backend(allow_private=options.allow_private, proxy=proxy_host)
    pool = httpcore2.ConnectionPool(
        ssl_context=_tls(options.ca_file, verify=options.verify_tls),
        proxy=through,
        max_connections=options.concurrency,
        keepalive_expiry=30.0,
        network_backend=backend,
    )
    client = httpx2.Client(
        transport=CompletedTransport(
            Transport(pool, backend, proxied=through is not None), credentials
        ),
        headers=_headers(options),
        timeout=options.timeout,
        trust_env=False,
        follow_redirects=False,
    )
    return client, backend


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


def _headers(options: Options) -> httpx2.Headers:
    headers = httpx2.Headers({"User-Agent": "neatfool", "Accept": "application/json"})
    headers.update(options.headers)  # in place of these, however they are capitalised
    return headers


def proxy_for(url: str) -> str | None:
    """Find the proxy that the environment names for a URL; None if there is none."""
    parts = httpx2.URL(url)
    if urllib.request.proxy_bypass(parts.host):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


def _proxy(proxy: str) -> httpcore2.Proxy:
    try:
        url = httpx2.URL(proxy if "://" in proxy else f"http://{proxy}")
    except httpx2.InvalidURL:
        # Its words may hold a part of the password.
        raise ExperimentError(_NO_PROXY) from None
    if (
        not url.host
        or (url.port or 80) > _LAST_PORT
        or url.path not in ("", "/")
        or url.query
        or url.fragment
    ):
        raise ExperimentError(_NO_PROXY)
    if url.scheme not in ("http", "https", "socks4", "socks5", "socks5h"):
        raise ExperimentError(_NO_PROXY)
    if url.scheme != "http":
        raise ExperimentError(
            f"[target] proxy_from_env: the environment names a proxy of {url.scheme}://; only "
            "http:// ones can be used"
        )
    auth = (url.username.encode(), url.password.encode()) if url.username else None
    return httpcore2.Proxy(
        httpcore2.URL(scheme=b"http", host=url.raw_host, port=url.port or 80, target=b"/"), auth
    )


def _tls(ca_file: Path | None, *, verify: bool) -> ssl.SSLContext:
    if ca_file is None and verify:
        return httpx2.create_ssl_context(trust_env=False)
    # ssl.create_default_context() would write what was agreed on to the file SSLKEYLOGFILE.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca_file is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    try:
        context.load_verify_locations(ca_file)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    except (OSError, ssl.SSLError) as error:
        raise ExperimentError(
            f"[target] ca_file: {ca_file} holds no certificates ({error})"
        ) from None
    return context
