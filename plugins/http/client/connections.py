"""The HTTP client: its connections, certificates, proxy and headers."""

from __future__ import annotations

import ssl
import urllib.request
from typing import TYPE_CHECKING, Any, Final

import httpcore2
import httpx2

from neatfool import ExperimentError

from .wire import Backend

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .credentials import Credentials
    from .options import ConnectionOptions

_LAST_PORT: Final = 65_535
_NO_PROXY: Final = (
    "[target] proxy_from_env: what the environment names is no address of a proxy; it must be "
    "http://HOST:PORT or http://USER:PASSWORD@HOST:PORT, with the signs : / ? # @ in USER and "
    "PASSWORD written as %3A %2F %3F %23 %40"
)


def connect(options: ConnectionOptions, credentials: Credentials) -> tuple[httpx2.Client, Backend]:
    """Make a client, and what its connections are made by; nothing is sent.

    Raises:
        ExperimentError: The proxy or the certificates cannot be used.
    """
    named = find_proxy(options.url) if options.proxy_from_env else None
    proxy = _read_proxy(named) if named is not None else None
    proxy_host = None if proxy is None else proxy.url.host.decode("ascii")
    backend = Backend(allow_private=options.allow_private, proxy=proxy_host)
    pool = httpcore2.ConnectionPool(
        ssl_context=_make_tls(options.ca_file, verify=options.verify_tls),
        proxy=proxy,
        max_connections=options.concurrency,
        keepalive_expiry=30.0,
        network_backend=backend,
    )
    headers = httpx2.Headers({"User-Agent": "neatfool", "Accept": "application/json"})
    headers.update(options.headers)  # in place of these, however they are capitalised
    client = httpx2.Client(
        transport=Transport(pool, backend, credentials),
        headers=headers,
        timeout=options.timeout,
        trust_env=False,
        follow_redirects=False,
    )
    return client, backend


class Transport(httpx2.BaseTransport):
    """Sends httpx's requests, with the key and signed, over a pool of such connections."""

    def __init__(
        self, pool: httpcore2.ConnectionPool, backend: Backend, credentials: Credentials
    ) -> None:
        self._pool = pool
        self._backend = backend
        self._credentials = credentials

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; errors are httpcore's."""
        url, headers = self._credentials.complete(request)
        self._backend.check_host(url.host)
        answer = self._pool.handle_request(
            httpcore2.Request(
                method=request.method,
                url=httpcore2.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx2.Response(answer.status, headers=answer.headers, stream=_Body(answer.stream))

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()


class _Body(httpx2.SyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    def close(self) -> None:
        self._stream.close()


def find_proxy(url: str) -> str | None:
    """Find the proxy that the environment names for a URL; None if there is none."""
    parts = httpx2.URL(url)
    if urllib.request.proxy_bypass(parts.host):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


def _read_proxy(proxy: str) -> httpcore2.Proxy:
    try:
        url = httpx2.URL(proxy if "://" in proxy else f"http://{proxy}")
    except httpx2.InvalidURL:
        # Its words may hold a part of the password.
        raise ExperimentError(_NO_PROXY) from None
    port = url.port or 80
    is_address = url.host and port <= _LAST_PORT and url.raw_path == b"/" and not url.fragment
    if not is_address or url.scheme not in ("http", "https", "socks4", "socks5", "socks5h"):
        raise ExperimentError(_NO_PROXY)
    if url.scheme != "http":
        raise ExperimentError(
            f"[target] proxy_from_env: the environment names a proxy of {url.scheme}://; only "
            "http:// ones can be used"
        )
    auth = (url.username.encode(), url.password.encode()) if url.username else None
    return httpcore2.Proxy(
        httpcore2.URL(scheme=b"http", host=url.raw_host, port=port, target=b"/"), auth
    )


def _make_tls(ca_file: Path | None, *, verify: bool) -> ssl.SSLContext:
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
