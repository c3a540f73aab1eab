"""The command ``neatfool watch``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import click

from neatfool import ExperimentError
from neatfool.present import make_command


@make_command
def watch(
    folders: Sequence[Path],
    *,
    port: Annotated[int | None, "N", click.IntRange(0, 65535)] = None,
    show: Annotated[bool, "--open"] = False,
) -> None:
    """Watch runs in your browser while they go on.

    Of a folder it shows all runs, also those that begin later.

    Args:
        folders: The runs, or the folders that hold them.
        port: The page's port.  [default: any that is free]
        show: Open the page in the browser.

    Examples:
        neatfool watch runs/mnist-1
        neatfool watch runs/mnist --open          # all runs in a folder, in the browser
        neatfool run experiments/mnist.ini --watch

        It only reads: runs go on whether somebody watches or not. Ctrl-C ends it.
        It needs `pip install 'neatfool[serve]'`.
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
