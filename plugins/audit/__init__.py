"""The command ``neatfool audit``: a classifier's report card.

The modules: :mod:`.searching` runs the search, with several seeds; :mod:`.command` is the command.
What the runs found is measured by :func:`neatfool.analysis.audit`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool audit``."""
    from .command import audit

    cli.add_command(audit)
