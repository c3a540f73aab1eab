"""The command ``neatfool detect``: what would out-of-distribution (OOD) detectors have caught?

The modules: :mod:`.seen` is a run with what detectors say of it, which :mod:`neatfool.ood` asks.
:mod:`.wording` says it in words, :mod:`.files` writes it for programs, and :mod:`.page` as a page
with charts. :mod:`.command` is the command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool detect``."""
    from .command import detect as command

    cli.add_command(command)
