"""The command ``neatfool watch``."""

from pathlib import Path

import click

from neatfool import ExperimentError
from neatfool.present import option


@click.command(
    epilog="""\b
Examples:
  neatfool watch runs/mnist-1
  neatfool watch runs/mnist --open          # all runs in a folder, in the browser
  neatfool run experiments/mnist.ini --watch

It only reads: runs go on whether somebody watches or not. Ctrl-C ends it.
It needs `pip install 'neatfool[serve]'`."""
)
@click.argument(
    "folders", metavar="RUN|FOLDER...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@option("--port N", "The page's port.  [default: any that is free]", click.IntRange(0, 65535))
@option("--open", "Open the page in the browser.", into="show")
def watch(folders: tuple[Path, ...], port: int | None, *, show: bool) -> None:
    """Serve a page, to this machine only, that shows runs while they go on.

    Of a folder it shows all runs, also those that begin later.
    """
    try:
        from neatfool.server import run_server

        from .app import WatchPage
        from .feed import FeedList
    except ImportError as error:
        raise ExperimentError(
            f"neatfool watch needs more packages ({error}); pip install 'neatfool[serve]'"
        ) from error
    page = WatchPage(FeedList(folders), port or 0)
    with page.socket:
        page.tell("Watch at {}\nCtrl-C ends it.", show=show)
        run_server(page.app, page.socket, on_end=page.ended.set)
