"""The command ``neatfool experiments``: the experiments that are installed with neatfool.

:mod:`.supplied` reads their files, which are the package ``neatfool_experiments``, and
:mod:`.command` is the command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool experiments``."""
    from .command import experiments

    cli.add_command(experiments)
