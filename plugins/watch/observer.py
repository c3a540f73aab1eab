"""The observer ``watch``: a page that shows the run of this process."""

import secrets
import webbrowser
from pathlib import Path
from threading import Event, Thread

import click

from neatfool import Outcome, Run, hookimpl
from neatfool.present import Output

try:
    from neatfool.server import address_of, listen, make_server

    from .app import make_app
    from .feed import RunFeed
except ImportError as error:
    raise ImportError(f"needs more packages ({error}); pip install 'neatfool[serve]'") from error


class WatchServer:
    """The page of a run of this process, and its ``address``."""

    def __init__(self, path: Path, port: int) -> None:
        """Serve the page, on a port of this machine; 0 stands for any that is free."""
        self._feed = RunFeed(path)
        ended = Event()
        socket = listen("127.0.0.1", port)
        token = secrets.token_urlsafe(16)
        self.address = f"{address_of(socket)}/{token}/"
        app = make_app(lambda: [self._feed], token=token, ended=ended)
        self._server = make_server(app, ended.set)
        self._thread = Thread(target=self._server.run, args=([socket],), name="watch", daemon=True)
        self._thread.start()

    def end(self, outcome: Outcome) -> None:
        """Send the last news to open pages, and stop serving."""
        self._feed.outcome = outcome.reason + (f": {outcome.cause}" if outcome.cause else "")
        self._server.should_exit = True
        self._thread.join(3)


_pages: dict[Path, WatchServer] = {}


@hookimpl
def neatfool_run_started(run: Run) -> None:
    """Serve the page, and say where."""
    context = click.get_current_context(silent=True)
    params = context.params if context and "watch" in context.params else {}
    page = _pages[run.path] = WatchServer(run.path, params.get("port") or 0)
    Output().print(f"Watch it at {page.address}", soft_wrap=True, markup=False)
    if params.get("open"):
        webbrowser.open(page.address)


@hookimpl
def neatfool_run_finished(run: Run, outcome: Outcome) -> None:
    """Tell the page how the run ended."""
    if page := _pages.pop(run.path, None):
        page.end(outcome)
