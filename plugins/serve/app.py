"""The web application: its addresses and their answers."""

import asyncio
import hmac
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from importlib.metadata import version
from typing import Any, Final, TypeVar

import orjson
import torch
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from neatfool import NeatfoolError
from neatfool.server import BrowserGuard

from .errors import ServiceError, too_long
from .memory import BodyBuffer, MemoryBudget
from .requests import LONGEST_SCORE, PACKED, RequestLimits, read_request
from .target import VERSION, ServedTarget, TargetThread, describe, write_answer

JSON_LENGTH: Final = "inference-header-content-length"
MOST_AT_A_TIME: Final = 64
"""Requests that may run or wait at once; others must try again."""
SILENT: Final = 1.0
"""A body of which nothing came for so many seconds may have to make room for others."""
PIECE: Final = 2**18
"""Answers are sent in pieces of so many bytes."""
T = TypeVar("T")
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
    service, most = _InferenceRoutes(served, thread, limits), limits.advised(served)
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
        self._statistics, self._running = thread.statistics, 0
        self._memory, self._worker = MemoryBudget(limits.memory), ThreadPoolExecutor(1)
        self._heard: dict[asyncio.Timeout, float] = {}  # when something came of each body

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
        with ExitStack() as ending:
            hold = ending.enter_context(self._memory.share())
            try:
                self._check_busy()
                answer = await self._answer(await self._read_body(request, hold), request, hold)
                outcome = "success"
            except ClientDisconnect:
                _log.warning("a client left in the middle of a body")
                return Response()
            except asyncio.CancelledError:
                raise ServiceError("the service is shutting down", 503) from None
            finally:
                self._statistics.add(outcome, began)
            answer.ending = ending.pop_all()
        return answer

    async def _read_body(self, request: Request, hold: Callable[[int], None]) -> BodyBuffer:
        """Read a body. Read a refused one to twice the limit, so that clients see the answer."""
        packing, length = _read_kind(request, most := self._limits.body)
        body, size = BodyBuffer(packing, length, most, hold), 0
        refusal: ServiceError | None = None
        loop = asyncio.get_running_loop()
        patience = asyncio.timeout(self._limits.seconds)
        try:
            async with patience:
                async for chunk in request.stream():
                    self._heard[patience] = loop.time()
                    if (size := size + len(chunk)) > 2 * most:
                        break
                    try:
                        if refusal is None:
                            body.add(chunk)
                    except ServiceError as error:
                        refusal = error
                        body.pages.close()
                        hold(0)
                        self._make_room(error)
        except TimeoutError:
            words = "the body comes too slowly; send fewer images a request"
            raise ServiceError(words, 408, connection="close") from None
        finally:
            self._heard.pop(patience, None)
        if refusal is not None:
            raise refusal
        body.end()
        return body

    async def _answer(
        self, body: BodyBuffer, request: Request, hold: Callable[[int], None]
    ) -> _PiecewiseResponse:
        # It counts only now: clients that stop sending must not keep others out.
        self._check_busy()
        self._running += 1
        try:
            began, large = time.perf_counter_ns(), body.size > 2**20
            length = request.headers.get(JSON_LENGTH)
            read = partial(read_request, body, length, self._served, self._limits, hold)
            del body
            wanted = await self._work(large, read)
            del read
            self._statistics.add("compute_input", began)
            images = torch.from_numpy(wanted.images)
            scores = await asyncio.wrap_future(self._thread.submit(images))
            began = time.perf_counter_ns()
            size = len(wanted.outputs) * scores.probs.size * LONGEST_SCORE
            write = partial(write_answer, scores, wanted, self._served)
            answer, json_length = await self._work(size > 2**20, write)
            self._statistics.add("compute_output", began)
        except ServiceError as error:
            self._make_room(error)
            raise
        finally:
            self._running -= 1
        self._statistics.images += len(images)
        if json_length is None:
            return _PiecewiseResponse(answer, media_type="application/json")
        headers = {JSON_LENGTH: str(json_length)}
        return _PiecewiseResponse(answer, headers=headers, media_type="application/octet-stream")

    def _make_room(self, refusal: ServiceError) -> None:
        """Give up the body that was silent longest if memory is short: its rest may never come."""
        now = asyncio.get_running_loop().time()
        patience = min(self._heard, key=self._heard.__getitem__, default=None)
        if patience and refusal.status_code == 503 and now - self._heard[patience] > SILENT:
            patience.reschedule(now)

    async def _work(self, large: bool, work: Callable[[], T]) -> T:
        """Do large work in another thread, so that others need not wait; one at a time."""
        if not large:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)

    def _check_busy(self) -> None:
        if self._running >= MOST_AT_A_TIME:
            raise ServiceError("too many requests at a time; try again", 503, retry_after="1")

    def _check_model(self, request: Request) -> None:
        name, version = request.path_params["name"], request.path_params.get("version", VERSION)
        if name != self._served.name:
            raise ServiceError(
                f"no model {name[:60]!r}; the only one is {self._served.name!r}", 404
            )
        if version != VERSION:
            raise ServiceError(f"no version {version[:20]!r}; the only one is {VERSION!r}", 404)


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


def _read_kind(request: Request, most: int) -> tuple[str, int]:
    """Read how a body is packed, and its length, 0 if that is unknown."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    # A page of another site could send other kinds without asking the browser first.
    if kind != "application/json" and JSON_LENGTH not in request.headers:
        words = f"Content-Type is {kind[:60]!r}; send application/json, or say how much of the body"
        raise ServiceError(f"{words} is JSON: Inference-Header-Content-Length", 415)
    packing = request.headers.get("content-encoding", "identity").lower()
    if packing not in ("identity", *PACKED):
        known = " or ".join(PACKED)
        words = f"Content-Encoding is {packing[:20]!r}; send bodies without one, or use {known}"
        raise ServiceError(words, 415)
    if (length := int(request.headers.get("content-length", 0))) > most:
        raise too_long(most)
    return packing, length


def _json(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(content), status, headers, "application/json")


async def _on_error(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        own = isinstance(error, ServiceError)
        place = "" if own else f"{request.method} {request.url.path[:100]}: "
        return _json({"error": f"{place}{error.detail}"}, error.status_code, error.headers)
    if isinstance(error, NeatfoolError):
        _log.error("%s", error)
        return _json({"error": str(error)}, 500)
    return _json({"error": f"{type(error).__name__} in the service, which has logged it"}, 500)
