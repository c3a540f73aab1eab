"""The web application: its addresses and their answers."""

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from importlib.metadata import version
from typing import Any, Final

import torch
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from neatfool import NeatfoolError
from neatfool.server import BrowserGuard

from .requests import BodyBuffer, MemoryBudget, RequestLimits, ServiceError, read_request, too_long
from .target import ServedTarget, TargetThread, describe, write_answer

JSON_LENGTH: Final = "inference-header-content-length"
MOST_AT_A_TIME: Final = 64
"""Requests that may run or wait at once; others must try again."""
PIECE: Final = 2**18
"""Answers are sent in pieces of so many bytes."""
_log = logging.getLogger("neatfool.serve")


def make_app(
    served: ServedTarget,
    thread: TargetThread,
    limits: RequestLimits,
    *,
    names: Iterable[str],
    key: str | None = None,
) -> ASGIApp:
    """Make the application; ``names`` are those that clients may call this machine by."""
    service = _InferenceRoutes(served, thread, limits)
    description = describe(served, limits.advised(served))
    server = {
        "name": "neatfool",
        "version": version("neatfool"),
        "extensions": ["binary_tensor_data"],
    }
    model = "/v2/models/{name}"
    routes = [
        Route("/v2", service.telling(server)),
        Route("/v2/health/live", service.telling({"live": True})),
        Route("/v2/health/ready", service.telling({"ready": True})),
        Route(model, service.telling(description)),
        Route(f"{model}/ready", service.telling({"name": served.name, "ready": True})),
        Route(f"{model}/infer", service.infer, methods=["POST"]),
    ]
    handlers = dict.fromkeys((HTTPException, NeatfoolError, Exception), _on_error)
    app: ASGIApp = Starlette(routes=routes, exception_handlers=handlers)
    return BrowserGuard(app if key is None else _check_key(app, key), names)


class _PiecewiseResponse(Response):
    """An answer in pieces: a client that does not read leaves only one of them in buffers."""

    ending = ExitStack()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self.ending:
            head = {"status": self.status_code, "headers": self.raw_headers}
            await send({"type": "http.response.start", **head})
            for begin in range(0, len(self.body), PIECE):
                piece = self.body[begin : begin + PIECE]
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


class _InferenceRoutes:
    """What the addresses answer."""

    def __init__(self, served: ServedTarget, thread: TargetThread, limits: RequestLimits) -> None:
        self._served, self._thread, self._limits = served, thread, limits
        self._memory, self._running = MemoryBudget(limits.memory), 0
        # Large requests are read and written one at a time, so that others need not wait.
        self._worker = ThreadPoolExecutor(1)

    def telling(self, content: Any) -> Callable[[Request], Awaitable[Response]]:
        """Make what answers with an object; of a model only if it is the one that is served."""

        async def tell(request: Request) -> Response:
            if "name" in request.path_params:
                self._check_model(request)
            return JSONResponse(content)

        return tell

    async def infer(self, request: Request) -> Response:
        self._check_model(request)
        with ExitStack() as ending:
            hold = ending.enter_context(self._memory.share())
            try:
                answer = await self._answer(await self._read_body(request, hold), request, hold)
            except ClientDisconnect:
                _log.warning("a client left in the middle of a body")
                return Response()
            except asyncio.CancelledError:
                raise ServiceError("the service is shutting down", 503) from None
            answer.ending = ending.pop_all()
        return answer

    async def _read_body(self, request: Request, hold: Callable[[int], None]) -> BodyBuffer:
        """Read a body. Read a refused one to twice the limit, so that clients see the answer."""
        most = self._limits.body if JSON_LENGTH in request.headers else self._limits.json
        length = _check_header(request, most)
        body, size = BodyBuffer(length or most, hold), 0
        refusal: ServiceError | None = None
        try:
            async with asyncio.timeout(self._limits.seconds):
                async for chunk in request.stream():
                    if (size := size + len(chunk)) > 2 * most:
                        break
                    try:
                        if refusal is None:
                            body.add(chunk)
                    except ServiceError as error:
                        refusal = error
                        body.pages.close()
                        hold(0)
        except TimeoutError:
            words = "the body comes too slowly; send fewer images a request"
            raise ServiceError(words, 408, connection="close") from None
        if refusal is not None:
            raise refusal
        return body

    async def _answer(
        self, body: BodyBuffer, request: Request, hold: Callable[[int], None]
    ) -> _PiecewiseResponse:
        # It counts only now: clients that stop sending must not keep others out.
        if self._running >= MOST_AT_A_TIME:
            raise ServiceError("too many requests at a time; try again", 503, retry_after="1")
        self._running += 1
        work = asyncio.get_running_loop().run_in_executor
        try:
            length = request.headers.get(JSON_LENGTH)
            read = partial(read_request, body, length, self._served, self._limits, hold)
            del body
            wanted = await work(self._worker, read)
            del read
            images = torch.from_numpy(wanted.images)
            scores = await asyncio.wrap_future(self._thread.submit(images))
            answer = await work(self._worker, write_answer, scores, wanted, self._served)
        except ServiceError as error:
            # The frames that it came through, and its cause, keep what was read of the body.
            error.__context__ = None
            raise error.with_traceback(None) from None
        finally:
            self._running -= 1
        return _PiecewiseResponse(answer, media_type="application/json")

    def _check_model(self, request: Request) -> None:
        name = request.path_params["name"]
        if name != self._served.name:
            raise ServiceError(
                f"no model {name[:60]!r}; the only one is {self._served.name!r}", 404
            )


def _check_key(app: ASGIApp, key: str) -> ASGIApp:
    """Refuse requests without the key."""
    words = "the header 'Authorization: Bearer KEY' is missing, or its key is wrong"
    refuse = JSONResponse({"error": words}, 401, {"www-authenticate": "Bearer"})

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        shown = dict(scope.get("headers", ())).get(b"authorization", b"")
        scheme, _, given = shown.partition(b" ")
        right = hmac.compare_digest(given.strip(), key.encode()) and scheme.lower() == b"bearer"
        await (app if right or scope["type"] != "http" else refuse)(scope, receive, send)

    return answer


def _check_header(request: Request, most: int) -> int:
    """Refuse a body that is none of ours, or too long; give its length, 0 if that is unknown."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    # A page of another site could send other kinds without asking the browser first.
    if kind != "application/json" and JSON_LENGTH not in request.headers:
        words = f"Content-Type is {kind[:60]!r}; send application/json, or say how much of the body"
        raise ServiceError(f"{words} is JSON: Inference-Header-Content-Length", 415)
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise ServiceError("send bodies without Content-Encoding", 415)
    if (length := int(request.headers.get("content-length", 0))) > most:
        raise too_long(most)
    return length


async def _on_error(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        own = isinstance(error, ServiceError)
        place = "" if own else f"{request.method} {request.url.path[:100]}: "
        return JSONResponse({"error": f"{place}{error.detail}"}, error.status_code, error.headers)
    words = f"{type(error).__name__} in the service, which has logged it"
    if isinstance(error, NeatfoolError):
        words = str(error)
        _log.error(words)
    return JSONResponse({"error": words}, 500)
