"""The command ``neatfool watch``, and the page of ``neatfool run --watch``.

A :mod:`.feed` reads what a run has added to its database, and a web application (:mod:`.app`)
sends that to open pages. :mod:`.observer` serves the run of its own process.
"""

from typing import Final

import click

from neatfool import hookimpl

OPTIONS: Final = [
    click.Option(
        ["--watch"],
        is_flag=True,
        help="Serve a page to this machine that shows the run.",
    ),
    click.Option(["--open"], is_flag=True, help="Watch, and open the page in the browser."),
    click.Option(
        ["--port"],
        type=click.IntRange(0, 65535),
        metavar="N",
        help="Watch on this port.  [default: any that is free]",
    ),
]
"""The options of a command that makes a run, which the observer reads."""


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool watch``."""
    from .command import watch

    cli.add_command(watch)
