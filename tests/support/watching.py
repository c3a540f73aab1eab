"""A watched run: its page's server, what it sends, and searches that can be looked at midway."""

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from neatfool import Outcome, Run, hookimpl
from neatfool.evolution.assembly import assemble
from neatfool.evolution.session import interruptible, start
from neatfool.experiment.experiment import load_experiment
from neatfool.plugin.manager import PluginManager
from neatfool.server import address_of, listen, make_server
from neatfool_plugins.watch.app import make_app
from neatfool_plugins.watch.feed import FeedList


def ask(
    address: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[int, bytes]:
    """Ask for an address; give the status and the body."""
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.netloc, timeout=60)
    connection.request(method, place.path, body, headers)
    response = connection.getresponse()
    try:
        return response.status, response.read()
    finally:
        connection.close()


def events(address: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the events of a page, each with its name, as they come."""
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.netloc, timeout=60)
    connection.request("GET", f"{place.path}events")
    response = connection.getresponse()
    assert response.getheader("content-type", "").startswith("text/event-stream")
    name = ""
    try:
        while line := response.readline().decode():
            key, _, value = line.strip().partition(": ")
            if key == "event":
                name = value
            elif key == "data":
                yield name, json.loads(value)
    finally:
        connection.close()


@contextmanager
def served(*paths: Path) -> Iterator[str]:
    """Serve the page of finished runs from a thread; give its address."""
    ended = threading.Event()
    socket = listen("127.0.0.1", 0)
    app = make_app(FeedList(paths), token="secret", ended=ended)
    server = make_server(app, ended.set)
    thread = threading.Thread(target=server.run, args=([socket],))
    thread.start()
    try:
        yield f"{address_of(socket)}/secret/"
    finally:
        server.should_exit = True
        thread.join()


class Onlooker:
    """An observer that calls a function after each generation."""

    def __init__(self, look: Callable[[Run], None]) -> None:
        self._look = look

    @hookimpl
    def neatfool_generation_done(self, run: Run) -> None:
        self._look(run)


def search(
    file: Path, folder: Path, look: Callable[[Run], None] | None = None, *, watch: bool = False
) -> Outcome:
    """Run an experiment in this thread, as ``neatfool run`` does."""
    plugins = PluginManager()
    session = start(assemble(load_experiment(file)), folder)
    if watch:
        plugins.load_observer("watch")
    if look is not None:
        plugins.register_object(Onlooker(look), "onlooker")
    with interruptible() as stop:
        return session.go(plugins.observers(), stop)
