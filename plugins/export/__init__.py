"""The command ``neatfool export``: the images of runs as a data set.

The modules: :mod:`.choosing` names the runs and chooses images, :mod:`.workplace` keeps what is
made until the folder is whole, :mod:`.making` draws the images and scores them again.
:mod:`.dataset` lists them for programs, with what survives of them, and :mod:`.card` describes
them for people. :mod:`.command` is the command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool export``."""
    from .command import export

    cli.add_command(export)
