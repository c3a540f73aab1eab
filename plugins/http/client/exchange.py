"""One request, sent once, and the judgement of its answer."""

from __future__ import annotations

import codecs
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin, urlsplit

import httpcore2
import httpx2

from neatfool import TargetError

from .connections import connect
from .faults import RETRIED, NotJsonError, RefusedError, RejectedError, TransientError, read_wait
from .raw_tensors import attach_raw_tensors

if TYPE_CHECKING:
    from .credentials import Credentials
    from .options import ConnectionOptions

LARGEST: Final = 8 * 2**20
"""The most bytes of an answer, after decompression."""
LONGEST_WORDS: Final = 2**16
"""Of an error so many bytes are read, or a few more."""
SHOWN: Final = 300
"""The most characters of a message that are what the service says."""

_BROKEN: Final[dict[type[Exception], tuple[str, str]]] = {
    httpcore2.ConnectTimeout: ("not connected", "it could not be connected to"),
    httpcore2.ConnectError: ("not connected", "it could not be connected to"),
    httpcore2.TimeoutException: ("timed out", "no whole answer came"),
    httpcore2.RemoteProtocolError: ("truncated", "the connection ended too early"),
    httpx2.DecodingError: ("truncated", "the answer's compression is damaged"),
    httpcore2.ProxyError: ("proxy failed", "the proxy failed"),
    httpcore2.NetworkError: ("reset", "the connection was reset"),
    httpcore2.ProtocolError: ("reset", "the connection was reset"),
}
"""An error of a connection -> what is entered in the ledger, and said; the first that fits."""


@dataclass(frozen=True)
class Call:
    """A request.

    Attributes:
        method: Of HTTP.
        url: Where to.
        images: How many images it carries; a request without any is not entered in the ledger.
        content: The body, if it is bytes.
        headers: What it says besides what every request says.
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


class Exchange:
    """Sends requests, each once.

    Attributes:
        host: The service's.
    """

    def __init__(self, options: ConnectionOptions, credentials: Credentials) -> None:
        """Prepare to connect; nothing is sent.

        Raises:
            ExperimentError: The proxy or the certificates cannot be used.
        """
        self.host = httpx2.URL(options.url).host
        self._credentials = credentials
        self._client, self._backend = connect(options, credentials)

    @property
    def sent(self) -> bool:
        """Whether any of this thread's last request was sent to the service."""
        return self._backend.deadline.sent

    def send(self, call: Call, seconds: float) -> Any:
        """Send a request, and read the JSON of an answer that is whole in so many seconds.

        Raises:
            TransientError: It failed, and another one may not.
            RejectedError: The service does not want it.
            RefusedError: The answer cannot be used.
            TargetError: It cannot be sent, or must not.
        """
        self._backend.deadline.begin(seconds)
        request = self._client.build_request(
            call.method,
            call.url,
            content=call.content,
            data=call.form,
            files=call.files,
            headers=call.headers,
        )
        try:
            response = self._client.send(request, stream=True)
            try:
                body = _read(response)
            finally:
                response.close()
        except tuple(_BROKEN) as error:
            raise self._explain(error, seconds) from None
        self._check_status(response, body)
        return self._parse(response, body)

    def close(self) -> None:
        """Cut what is under way, and close the connections."""
        self._backend.stop()
        self._client.close()

    def _explain(self, error: Exception, seconds: float) -> Exception:
        """Say what a connection's error means."""
        what = self._quote(str(error)) or type(error).__name__
        if "CERTIFICATE_VERIFY_FAILED" in what:
            return TargetError(
                f"http: the certificate of {self.host} is not trusted ({what}); if it is signed "
                "by an authority of your own, give its certificate as [target] ca_file"
            )
        if isinstance(error, httpcore2.LocalProtocolError):
            return TargetError(f"http: the request cannot be sent ({what})")
        if isinstance(error, httpcore2.ProxyError):
            self._backend.deadline.sent = False  # The proxy was not let through to the service.
        is_late = isinstance(error, httpcore2.TimeoutException)
        outcome, said = next(told for kind, told in _BROKEN.items() if isinstance(error, kind))
        return TransientError(
            outcome, f"{said} in {seconds:.3g} s" if is_late else f"{said} ({what})"
        )

    def _check_status(self, response: httpx2.Response, body: bytes) -> None:
        """Judge an answer by its status."""
        status = response.status_code
        if status >= 500 or status in RETRIED:
            wait = read_wait(response.headers.get("Retry-After"))
            raise TransientError(str(status), f"it answered {status}{self._quote_body(body)}", wait)
        if 200 <= status < 300:
            return
        if 300 <= status < 400:
            said = (
                f", a redirection{self._describe_goal(response)}; redirections are not followed, "
                "give the address that it leads to as [target] url"
            )
        else:
            hint = "; check the key, and what it is for" * (status in (401, 403))
            said = f"{self._quote_body(body)}{hint}"
        raise RejectedError(str(status), f"http: {self.host} answered {status}{said}")

    def _parse(self, response: httpx2.Response, body: bytes) -> Any:
        """Read an answer's JSON, without the key, and the raw tensors that follow it."""
        try:
            length = response.headers.get("Inference-Header-Content-Length")
            end = len(body) if length is None else int(length)
            said = json.loads(body[:end].removeprefix(codecs.BOM_UTF8))
            return attach_raw_tensors(self._credentials.scrub_json(said), body[end:])
        except RecursionError:
            raise RefusedError("nested too deeply") from None
        except ValueError:
            quoted, status = self._quote_body(body), response.status_code
            # Shorter than it says was an error already; one that says no length may be cut.
            framed = {"content-length", "transfer-encoding"} & {*response.headers}
            if framed or status in (204, 205):
                raise NotJsonError(f"it answered {status} and no JSON{quoted}") from None
            raise TransientError("truncated", f"the answer was no whole JSON{quoted}") from None

    def _describe_goal(self, response: httpx2.Response) -> str:
        """Say where a redirection leads, without what may be secret in an address."""
        try:
            where = urlsplit(urljoin(str(response.url), response.headers["Location"]))
        except (KeyError, ValueError):
            return ""
        host = where.netloc.rpartition("@")[2]
        more = "?…" * bool(where.query)
        return f" to {self._quote(f'{where.scheme}://{host}{where.path}')}{more}"

    def _quote_body(self, body: bytes) -> str:
        said = self._quote(body.decode("utf-8", "replace"))
        return f": {said}" if said else ""

    def _quote(self, text: str) -> str:
        """Prepare for a message what a service said: without the key, in one line, shortened."""
        text = " ".join(self._credentials.scrub(text).split())
        shown = "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
        return shown if len(shown) <= SHOWN else f"{shown[: SHOWN - 1]}…"


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
