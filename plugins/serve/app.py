"""The web application: its addresses and their answers."""

import asyncio
import hmac
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from importlib.metadata import version
from typing import Any, Final, TypeVar

import orjson
import torch
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from neatfool import NeatfoolError

from .listening import BrowserGuard
from .requests import LONGEST_SCORE, PACKED, Limits, Refusal, read_request, too_long, unpack
from .served import VERSION, Served, TargetThread, describe, write_answer
from .served import Request as Wanted

JSON_LENGTH: Final = "inference-header-content-length"
MOST_AT_A_TIME: Final = 64
"""Requests that may run or wait at once, their bodies in memory; others must try again."""
T = TypeVar("T")
_log = logging.getLogger("neatfool.serve")


def make_app(
    served: Served,
    thread: TargetThread,
    limits: Limits,
    *,
    names: Iterable[str],
    key: str | None = None,
) -> ASGIApp:
    """Make the application; ``names`` are those that clients may call this machine by."""
    service, most = _Service(served, thread, limits), limits.advised(served)
    description, configuration = describe(served, most)
    server = {
        "name": "neatfool",
        "version": version("neatfool"),
        "extensions": ["binary_tensor_data", "model_configuration", "statistics"],
    }
    model = "/v2/models/{name}"
    routes = [
        Route("/v2", service.telling(lambda: server)),
        Route("/v2/health/live", service.telling(lambda: {"live": True})),
        Route("/v2/health/ready", service.telling(lambda: {"ready": True})),
    ]
    for path in (model, f"{model}/versions/{{version}}"):
        routes += [
            Route(path, service.telling(lambda: description)),
            Route(f"{path}/ready", service.telling(lambda: {"name": served.name, "ready": True})),
            Route(f"{path}/config", service.telling(lambda: configuration)),
            Route(f"{path}/stats", service.telling(service.statistics)),
            Route(f"{path}/infer", service.infer, methods=["POST"]),
        ]
    handlers = dict.fromkeys((HTTPException, NeatfoolError, Exception), _on_error)
    app: ASGIApp = Starlette(routes=routes, exception_handlers=handlers)
    return BrowserGuard(app if key is None else _check_key(app, key), names)


class _Service:
    """What the addresses answer."""

    def __init__(self, served: Served, thread: TargetThread, limits: Limits) -> None:
        self._served, self._thread, self._limits = served, thread, limits
        self._statistics, self._running = thread.statistics, 0

    def telling(self, give: Callable[[], Any]) -> Callable[[Request], Awaitable[Response]]:
        """Make what answers with an object; of a model only if it is the one that is served."""

        async def tell(request: Request) -> Response:
            if "name" in request.path_params:
                self._check_model(request)
            return _json(give())

        return tell

    def statistics(self) -> dict[str, Any]:
        stats = {
            "name": self._served.name,
            "version": VERSION,
            "last_inference": self._statistics.last,
            "inference_count": self._statistics.images,
            "execution_count": self._statistics.calls,
            "inference_stats": self._statistics.durations,
            "batch_stats": [],
        }
        return {"model_stats": [stats]}

    async def infer(self, request: Request) -> Response:
        self._check_model(request)
        began, self._statistics.last = time.perf_counter_ns(), int(time.time() * 1000)
        outcome = "fail"
        try:
            self._check_busy()
            body = await _read_body(request, self._limits)
            answer = await self._answer(body, request)
            outcome = "success"
        except asyncio.CancelledError:
            raise Refusal("the service is shutting down", 503) from None
        finally:
            self._statistics.add(outcome, began)
        return answer

    async def _answer(self, body: bytearray, request: Request) -> Response:
        # It counts only now: clients that stop sending must not keep others out.
        self._check_busy()
        self._running += 1
        packing = request.headers.get("content-encoding", "identity").lower()
        length = request.headers.get(JSON_LENGTH)

        def read() -> Wanted:
            plain = body if packing == "identity" else unpack(body, self._limits.body)
            return read_request(plain, length, self._served, self._limits)

        try:
            began = time.perf_counter_ns()
            wanted = await _in_thread_if(len(body) > 2**20 or packing != "identity", read)
            self._statistics.add("compute_input", began)
            images = torch.from_numpy(wanted.images)
            scores = await asyncio.wrap_future(self._thread.submit(images))
            began = time.perf_counter_ns()
            size = len(wanted.outputs) * scores.probs.size * LONGEST_SCORE
            answer, json_length = await _in_thread_if(
                size > 2**20, lambda: write_answer(scores, wanted, self._served)
            )
            self._statistics.add("compute_output", began)
        finally:
            self._running -= 1
        self._statistics.images += len(images)
        if json_length is None:
            return Response(answer, media_type="application/json")
        headers = {JSON_LENGTH: str(json_length)}
        return Response(answer, headers=headers, media_type="application/octet-stream")

    def _check_busy(self) -> None:
        if self._running >= MOST_AT_A_TIME:
            raise Refusal("too many requests at a time; try again", 503, retry_after="1")

    def _check_model(self, request: Request) -> None:
        name, version = request.path_params["name"], request.path_params.get("version", VERSION)
        if name != self._served.name:
            raise Refusal(f"no model {name[:60]!r}; the only one is {self._served.name!r}", 404)
        if version != VERSION:
            raise Refusal(f"no version {version[:20]!r}; the only one is {VERSION!r}", 404)


def _check_key(app: ASGIApp, key: str) -> ASGIApp:
    """Refuse requests without the key."""
    words = "the header 'Authorization: Bearer KEY' is missing, or its key is wrong"
    refuse = _json({"error": words}, 401, {"www-authenticate": "Bearer"})

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        shown = dict(scope.get("headers", ())).get(b"authorization", b"")
        scheme, _, given = shown.partition(b" ")
        right = hmac.compare_digest(given.strip(), key.encode()) and scheme.lower() == b"bearer"
        await (app if right or scope["type"] != "http" else refuse)(scope, receive, send)

    return answer


async def _read_body(request: Request, limits: Limits) -> bytearray:
    """Read a body. Read one that is too long to twice the limit, so that clients see the answer."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    # A page of another site could send other kinds without asking the browser first.
    if kind != "application/json" and JSON_LENGTH not in request.headers:
        words = f"Content-Type is {kind[:60]!r}; send application/json, or say how much of the body"
        raise Refusal(f"{words} is JSON: Inference-Header-Content-Length", 415)
    packing, most = request.headers.get("content-encoding", "identity").lower(), limits.body
    if packing not in ("identity", *PACKED):
        known = " or ".join(PACKED)
        words = f"Content-Encoding is {packing[:20]!r}; send bodies without one, or use {known}"
        raise Refusal(words, 415)
    if int(request.headers.get("content-length", 0)) > most:
        raise too_long(most)
    body, size = bytearray(), 0
    try:
        async with asyncio.timeout(limits.seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size <= most:
                    body += chunk
                elif size > 2 * most:
                    break
    except TimeoutError:
        words = f"the body took more than {limits.seconds:g} s; send fewer images a request"
        raise Refusal(words, 408, connection="close") from None
    if size > most:
        raise too_long(most)
    return body


async def _in_thread_if(large: bool, work: Callable[[], T]) -> T:
    """Do large work in another thread, so that others need not wait."""
    return await asyncio.to_thread(work) if large else work()


def _json(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(content), status, headers, "application/json")


async def _on_error(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        own = isinstance(error, Refusal)
        place = "" if own else f"{request.method} {request.url.path[:100]}: "
        return _json({"error": f"{place}{error.detail}"}, error.status_code, error.headers)
    if isinstance(error, NeatfoolError):
        _log.error("%s", error)
        return _json({"error": str(error)}, 500)
    return _json({"error": f"{type(error).__name__} in the service, which has logged it"}, 500)
