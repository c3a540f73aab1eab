"""The page's server, and the person who looks at it."""

import asyncio
import secrets
import signal
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final

import torch
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from neatfool import Scorer, fit_images
from neatfool.present import Output
from neatfool.server import address_of, guard_page, listen, make_server
from neatfool.wording import percent

from .scheme import Person, UserAction

PAGE: Final = Path(__file__).with_name("page")
LONGEST: Final = 10_000
"""The bytes of a request."""


class PersonAtPage(Person):
    """A person who looks at a page of this machine; ``onlooker`` tells them what it sees."""

    def __init__(
        self,
        channels: int,
        height: int,
        width: int,
        *,
        port: int = 0,
        onlooker: Scorer | None = None,
        show: bool = False,
    ) -> None:
        """Listen on a port, 0 for any that is free; ``show`` opens the page in the browser."""
        super().__init__(channels, height, width)
        self._onlooker, self._show = onlooker, show
        self._socket, token = listen("127.0.0.1", port), secrets.token_urlsafe(16)
        self.address = f"{address_of(self._socket)}/{token}/"
        routes = [
            *(Route(path, self._file) for path in ("/", "/breed.css", "/breed.js")),
            Route("/shown", self._tell),
            Route("/act", self._act, methods=["POST"]),
        ]
        self.app = guard_page(Starlette(routes=routes), token)
        self._actions: SimpleQueue[UserAction] = SimpleQueue()
        self._turn, self._ready = threading.Lock(), threading.Event()
        self._shown: dict[str, Any] = {}
        self._ended = False
        self.on_ready: Callable[[], None] = lambda: None
        """Called before the page's address is told."""

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Serve the page from another thread."""
        server = make_server(self.app)
        thread = threading.Thread(target=server.run, args=([self._socket],), daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended = server.should_exit = True
            self._ready.set()
            thread.join(3)

    def look(self, images: torch.Tensor) -> list[str]:
        """Say what the onlooker takes images for, and how sure it is; nothing without one."""
        if self._onlooker is None:
            return []
        classes = self._onlooker.spec.classes
        probs = self._onlooker.score(fit_images(images.cpu(), self._onlooker.spec)).probs
        best = zip(probs.argmax(axis=1).tolist(), probs.max(axis=1).tolist(), strict=True)
        return [f"{classes[place]}: {percent(sure)}" for place, sure in best]

    def act(self, shown: dict[str, Any]) -> UserAction | None:
        """Show pictures, and wait; None after Ctrl-C."""
        if not self._shown:
            self.on_ready()
            Output().say(f"Breed at {self.address}\nCtrl-C ends it.")
            if self._show:
                webbrowser.open(self.address)
        self._shown = shown
        self._ready.set()
        with suppress(KeyboardInterrupt), _interruptible():
            while True:
                with suppress(Empty):
                    # Without a timeout Ctrl-C is not heard on all systems.
                    return self._actions.get(timeout=1)
        return None

    def _perform(self, action: UserAction) -> tuple[int, dict[str, Any]]:
        """Hand on an action if it is about what is shown; give what is shown then."""
        with self._turn:
            self._ready.wait()
            if action.version != self._shown["version"] or not _can(action, self._shown):
                return 409, self._shown
            self._ready.clear()
            self._actions.put(action)
            self._ready.wait()
            return (503 if self._ended else 200), self._shown

    async def _tell(self, request: Request) -> Response:
        await asyncio.to_thread(self._ready.wait)
        return JSONResponse(self._shown)

    async def _act(self, request: Request) -> Response:
        if int(request.headers.get("content-length", LONGEST + 1)) > LONGEST:
            return PlainTextResponse("too long", 413)
        try:
            action = UserAction.model_validate_json(await request.body())
        except ValidationError as error:
            return PlainTextResponse(str(error), 400)
        status, shown = await asyncio.to_thread(self._perform, action)
        return JSONResponse(shown, status)

    async def _file(self, request: Request) -> Response:
        return FileResponse(PAGE / (request.url.path.rpartition("/")[2] or "index.html"))


def _can(action: UserAction, shown: dict[str, Any]) -> bool:
    """Say whether an action is possible now."""
    if action.kind in {"back", "forward"}:
        return bool(shown[action.kind])
    known = range(len(shown["pictures"]))
    distinct = len({*action.places}) == len(action.places) > 0
    return distinct and all(place in known for place in action.places)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM raise KeyboardInterrupt: who waits for a person can end at once."""
    is_main = threading.current_thread() is threading.main_thread()
    signals = (signal.SIGINT, signal.SIGTERM) if is_main else ()
    before = [signal.signal(each, signal.default_int_handler) for each in signals]
    try:
        yield
    finally:
        for each, handler in zip(signals, before, strict=True):
            signal.signal(each, handler)
