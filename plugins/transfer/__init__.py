"""The command ``neatfool transfer``: which images fool which networks.

The modules: :mod:`.networks` loads the networks, :mod:`.answers` asks them about images, and
:mod:`.photographs` finds photographs to ask them about. :mod:`.transfer` puts these together.
:mod:`.wording` says what came out, :mod:`.files` writes it for programs, and :mod:`.page` as a page
with charts. :mod:`.command` is the command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool transfer``."""
    from .command import transfer

    cli.add_command(transfer)
