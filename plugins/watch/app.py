"""The web application: the page, its events and its images."""

import asyncio
import secrets
import sys
import time
import webbrowser
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from threading import Event
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from neatfool import NeatfoolError
from neatfool.present import Output
from neatfool.server import address_of, guard_page, listen

from .feed import PageState, RunFeed

PAGE: Final = Path(__file__).parent / "page"


class WatchPage:
    """The page of runs on a port of this machine, 0 for any that is free; and its ``address``.

    ``feeds`` gives a feed for each run, each time the same ones and perhaps more. The page shows
    them until it ``ended``.
    """

    def __init__(self, feeds: Callable[[], Sequence[RunFeed]], port: int) -> None:
        self.socket, self.ended, token = (
            listen("127.0.0.1", port),
            Event(),
            secrets.token_urlsafe(16),
        )
        self.address = f"{address_of(self.socket)}/{token}/"
        self.app = make_app(feeds, token=token, ended=self.ended)

    def tell(self, what: str, *, show: bool) -> None:
        """Say where the page is, and perhaps open it in the browser."""
        Output().print(what.format(self.address), soft_wrap=True, markup=False)
        if show:
            webbrowser.open(self.address)


def make_app(feeds: Callable[[], Sequence[RunFeed]], *, token: str, ended: Event) -> ASGIApp:
    """Make the application that shows runs until it ``ended``."""
    service = _WatchRoutes(feeds, ended)
    routes = [
        *(Route(path, service.page) for path in ("/", "/watch.css", "/watch.js")),
        Route("/events", service.events),
        Route("/{run}/{index}.png", service.image),
    ]
    return guard_page(Starlette(routes=routes), token)


class _WatchRoutes:
    """A method for each address."""

    def __init__(self, feeds: Callable[[], Sequence[RunFeed]], ended: Event) -> None:
        self._feeds = feeds
        self._ended = ended

    async def page(self, request: Request) -> Response:
        return FileResponse(PAGE / (request.url.path.rpartition("/")[2] or "index.html"))

    async def image(self, request: Request) -> Response:
        feeds = await asyncio.to_thread(self._feeds)
        run, index = _read_number(request, "run"), _read_number(request, "index")
        if run >= len(feeds):
            return PlainTextResponse("there is no such run", 404)
        try:
            png = await asyncio.to_thread(feeds[run].image, index)
        except NeatfoolError as error:
            return PlainTextResponse(str(error), 404)
        return Response(png, media_type="image/png")

    async def events(self, request: Request) -> Response:
        return StreamingResponse(self._events(), media_type="text/event-stream")

    async def _events(self) -> AsyncIterator[bytes]:
        """Send news of each run, as server-sent events, until all has ended."""
        pages, spoken = dict[int, PageState](), time.monotonic()
        while True:
            # Asked before reading: what is read after the end is all.
            ended = self._ended.is_set()
            for number, feed in enumerate(await asyncio.to_thread(self._feeds)):
                page = pages.get(number, PageState())
                news, pages[number] = await asyncio.to_thread(feed.news, page, now=ended)
                if news is not None:
                    yield b'event: news\ndata: {"run":%d,"news":%s}\n\n' % (number, news)
                    spoken = time.monotonic()
            if ended:
                yield b"event: end\ndata: {}\n\n"
                return
            if time.monotonic() - spoken > 15:  # so that a page that went away is noticed
                yield b":\n\n"
                spoken = time.monotonic()
            for _ in range(5):  # at the end the server waits for a second only
                if not self._ended.is_set():
                    await asyncio.sleep(0.2)


def _read_number(request: Request, name: str) -> int:
    """Read a number of an address; one that nothing has where Python would not read it."""
    text = request.path_params[name]
    return int(text) if len(text) < 10 and text.isascii() and text.isdecimal() else sys.maxsize
