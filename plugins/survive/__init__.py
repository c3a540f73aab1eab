"""The command ``neatfool survive``: how much of a run survives what happens to images.

The modules: :mod:`.chosen` chooses elites, :mod:`.changes` lists what may happen to their images,
:mod:`.survival` scores them. :mod:`.wording` says what came out, :mod:`.files` writes it for
programs, and :mod:`.page` as a page with charts. :mod:`.command` is the command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool survive``."""
    from .command import survive

    cli.add_command(survive)
