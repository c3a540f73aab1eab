"""The web application: which addresses there are, and what is answered at them."""

from __future__ import annotations

import asyncio
import hmac
import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import orjson
import torch
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from neatfool.errors import NeatfoolError
from neatfool.serving.refusal import Refusal
from neatfool.serving.requests import read_request
from neatfool.serving.responses import SERVER, describe_model, write_answer
from neatfool.serving.served import VERSION

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from neatfool.serving.requests import Request as Wanted
    from neatfool.serving.served import Served
    from neatfool.serving.target_thread import TargetThread
    from neatfool.spec.json import Json
    from neatfool.spec.scores import Scores

JSON_LENGTH: Final = "inference-header-content-length"
LONGEST_PIXEL: Final = len("[255.0, ")
BESIDE_PIXELS: Final = 1000
"""Bytes of JSON for a pixel, and for all that is no pixel, or a few less."""
LONGEST_SCORE: Final = len("-1.2345678901234567e-123,")
LONGEST_ANSWER: Final = 4 * 2**20
"""Bytes of JSON for a score, and for all of them: clients do not take answers of any length."""
MOST_AT_A_TIME: Final = 64
"""Requests in work or waiting, their bodies read; with more, clients are told to come again."""

_log = logging.getLogger("neatfool.serving")


@dataclass(frozen=True)
class Limits:
    """What a request may be.

    Attributes:
        body: Bytes of its body.
        images: How many images it may have.
        seconds: How long its body may take to come.
    """

    body: int = 64 * 2**20
    images: int = 4096
    seconds: float = 60

    def advised(self, served: Served) -> int:
        """Give the images that a request may have however it and its answer are written."""
        classes, outputs = len(served.spec.classes), len(served.outputs)
        sent = (self.body - BESIDE_PIXELS) // (LONGEST_PIXEL * math.prod(served.spec.shape))
        answered = LONGEST_ANSWER // (LONGEST_SCORE * classes * outputs)
        return max(1, min(self.images, sent, answered))


@dataclass
class Count:
    """What was answered.

    Attributes:
        requests: Requests for inference.
        images: Images in them.
    """

    requests: int = 0
    images: int = 0


def make_app(
    served: Served, thread: TargetThread, limits: Limits, *, key: str | None = None
) -> tuple[ASGIApp, Count]:
    """Make the application.

    Args:
        served: What is served.
        thread: Where it is called.
        limits: What a request may be.
        key: What clients must show (``Authorization: Bearer KEY``); None: nothing.

    Returns:
        The application, and a count that it keeps.
    """
    service = _Service(served, thread, limits)
    model = "/v2/models/{name}"
    routes = [
        Route("/v2", service.about),
        Route("/v2/health/live", service.live),
        Route("/v2/health/ready", service.ready),
    ]
    for path in (model, f"{model}/versions/{{version}}"):
        routes += [
            Route(path, service.model),
            Route(f"{path}/ready", service.model_ready),
            Route(f"{path}/infer", service.infer, methods=["POST"]),
        ]
    app: ASGIApp = Starlette(
        routes=routes,
        exception_handlers={
            Refusal: _refused,
            HTTPException: _no_such_thing,
            NeatfoolError: _failed,
            Exception: _bug,
        },
    )
    return app if key is None else _KeyWanted(app, key), service.count


class _Service:
    """What is answered at each address."""

    def __init__(self, served: Served, thread: TargetThread, limits: Limits) -> None:
        self.count = Count()
        self._served = served
        self._thread = thread
        self._limits = limits
        self._description = describe_model(served, limits.advised(served))
        self._at_a_time = 0

    async def about(self, request: Request) -> Response:
        return _json(SERVER)

    async def live(self, request: Request) -> Response:
        return _json({"live": True})

    async def ready(self, request: Request) -> Response:
        return _json({"ready": True})

    async def model(self, request: Request) -> Response:
        self._check_model(request)
        return _json(self._description)

    async def model_ready(self, request: Request) -> Response:
        self._check_model(request)
        return _json({"name": self._served.name, "ready": True})

    async def infer(self, request: Request) -> Response:
        self._check_model(request)
        self._check_busy()
        try:
            body = await _body_in_time(request, self._limits)
            wanted, scores = await self._scored(body, request.headers.get(JSON_LENGTH))
        except asyncio.CancelledError:
            raise Refusal(503, "the service ends") from None
        self.count.requests += 1
        self.count.images += len(wanted.images)
        answer, json_length = write_answer(scores, wanted, self._served)
        if json_length is None:
            return Response(answer, media_type="application/json")
        headers = {JSON_LENGTH: str(json_length)}
        return Response(answer, headers=headers, media_type="application/octet-stream")

    async def _scored(self, body: bytearray, length: str | None) -> tuple[Wanted, Scores]:
        # Only now is it under way: clients that do not go on sending must keep nobody out.
        self._check_busy()
        self._at_a_time += 1
        try:
            wanted = read_request(body, length, self._served, self._limits.images)
            images = torch.from_numpy(wanted.images)
            return wanted, await asyncio.wrap_future(self._thread.submit(images))
        finally:
            self._at_a_time -= 1

    def _check_busy(self) -> None:
        if self._at_a_time >= MOST_AT_A_TIME:
            raise Refusal(503, "too many requests at a time; try again", retry_after="1")

    def _check_model(self, request: Request) -> None:
        name, version = request.path_params["name"], request.path_params.get("version", VERSION)
        if name != self._served.name:
            raise Refusal(404, f"there is no model {name[:60]!r}; there is {self._served.name!r}")
        if version != VERSION:
            raise Refusal(404, f"there is no version {version[:20]!r}; there is {VERSION!r}")


class _KeyWanted:
    """Lets nobody in who does not show the key."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app = app
        self._wanted = f"Bearer {key}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            shown = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(shown, self._wanted):
                refusal = Refusal(
                    401,
                    "the header 'Authorization: Bearer KEY' is missing, or its key is wrong",
                    www_authenticate="Bearer",
                )
                return await _told(refusal)(scope, receive, send)
        return await self._app(scope, receive, send)


async def _body_in_time(request: Request, limits: Limits) -> bytearray:
    try:
        async with asyncio.timeout(limits.seconds):
            return await _read_body(request, limits.body)
    except TimeoutError:
        words = f"the body was not there after {limits.seconds:g} s; send fewer images a request"
        raise Refusal(408, words, connection="close") from None


async def _read_body(request: Request, most: int) -> bytearray:
    """Read a body that is not too long; of one that is, enough for most clients to hear it."""
    encoding = request.headers.get("content-encoding", "identity")
    if encoding != "identity":
        raise Refusal(415, f"Content-Encoding is {encoding[:20]!r}; send bodies as they are")
    body, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= most:
            body += chunk
        elif size > 2 * most:
            break
    if size > most:
        raise Refusal(413, f"the body has more than {most} bytes; send fewer images a request")
    return body


def _json(content: Json, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")


def _told(refusal: Refusal) -> Response:
    response = _json({"error": refusal.words}, refusal.status)
    response.headers.update(refusal.headers)
    return response


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return _told(error)


async def _no_such_thing(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words = f"{request.method} {request.url.path[:100]}: {error.detail}"
    return _told(Refusal(error.status_code, words, **(error.headers or {})))


async def _failed(request: Request, error: Exception) -> Response:
    _log.error("%s", error)
    return _told(Refusal(500, str(error)))


async def _bug(request: Request, error: Exception) -> Response:
    """Say that something went wrong; what it was is logged where the service runs."""
    return _told(Refusal(500, f"{type(error).__name__} in the service, which has logged it"))
