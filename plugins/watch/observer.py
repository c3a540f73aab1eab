"""The observer ``watch``: a page that shows the run of this process."""

from pathlib import Path
from threading import Thread

import click

from neatfool import Outcome, Run, hookimpl

try:
    from neatfool.server import make_server

    from .app import WatchPage
    from .feed import RunFeed
except ImportError as error:
    raise ImportError(f"needs more packages ({error}); pip install 'neatfool[serve]'") from error


class WatchServer:
    """Serves the page of a run of this process."""

    def __init__(self, path: Path, port: int) -> None:
        """Begin to serve it."""
        self._feed = RunFeed(path)
        self.page = WatchPage(lambda: [self._feed], port)
        self._server = make_server(self.page.app, self.page.ended.set)
        sockets = [self.page.socket]
        self._thread = Thread(target=self._server.run, args=(sockets,), name="watch", daemon=True)
        self._thread.start()

    def end(self, outcome: Outcome) -> None:
        """Send the last news to open pages, and stop serving."""
        self._feed.outcome = outcome.reason + (f": {outcome.cause}" if outcome.cause else "")
        self._server.should_exit = True
        self._thread.join(3)


_servers: dict[Path, WatchServer] = {}


@hookimpl
def neatfool_run_started(run: Run) -> None:
    """Serve the page, and say where."""
    context = click.get_current_context(silent=True)
    params = context.params if context and "watch" in context.params else {}
    server = _servers[run.path] = WatchServer(run.path, params.get("port") or 0)
    server.page.tell("Watch it at {}", show=bool(params.get("open")))


@hookimpl
def neatfool_run_finished(run: Run, outcome: Outcome) -> None:
    """Tell the page how the run ended."""
    if server := _servers.pop(run.path, None):
        server.end(outcome)
