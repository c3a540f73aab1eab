"""The command ``neatfool watch``, and the page of ``neatfool run --watch``.

A :class:`.feed.Feed` reads what a run has added to its database. A small web application
(:mod:`.app`) sends that to the pages that are open, as server-sent events. :mod:`.command` serves
runs of other processes. :mod:`.observer` serves the run of its own process, which a
:class:`.control.Control` can pause and stop. The page itself lies in ``page/``.

Needs starlette, uvicorn and orjson: ``pip install 'neatfool[serve]'``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool watch``."""
    from .command import watch

    cli.add_command(watch)
