"""The command ``neatfool audit``: a search with several seeds, and its report card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool audit``."""
    from neatfool.present import make_measure_command

    from .command import audit

    cli.add_command(make_measure_command("audit", audit, files=False))
