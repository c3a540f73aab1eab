"""The command ``neatfool retrain``: teach a network its fooling images, and fool it again.

The modules: :mod:`.plan` is what is to be done and where, and :mod:`.lenets` learns images.
:mod:`.rounds` goes from round to round, and takes the images of each from its runs.
:mod:`.finding` is what came out. :mod:`.command` is the command; its searches are made by the
program's own ``run`` and ``resume``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool retrain``."""
    from .command import retrain

    cli.add_command(retrain)
